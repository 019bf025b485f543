import Testing

@testable import Pipeline

@Suite("What holds a decoder")
struct ConfinementTests {
    @Test("A child's answer says which landlock and whether system calls are filtered")
    func bits() {
        #expect(Confinement(0x107).description == "landlock ABI 7, system calls filtered")
        #expect(Confinement(0x002).description == "landlock ABI 2, system calls not filtered")
        #expect(Confinement(0x100).description == "no landlock, system calls filtered")
    }

    @Test("Doctor is content with both, and says what a decoder could still do with less")
    func doctor() {
        #expect(Doctor.sandbox(Confinement(0x107)).state == .ok)
        for (bits, words) in [
            (0x100, "by the filter alone"), (0x007, "open sockets"), (0x000, "whatever this user may"),
        ] as [(UInt32, String)] {
            let check = Doctor.sandbox(Confinement(bits))
            #expect(check.state == .warn)
            #expect(check.text.contains(words))
        }
        #expect(Doctor.sandbox(nil).state == .warn)
    }
}
