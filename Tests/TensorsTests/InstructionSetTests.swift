import Testing

@testable import Tensors

@Suite struct InstructionSetTests {
    @Test("The portable kernels run everywhere and the fastest set is one of the available")
    func available() {
        #expect(InstructionSet.available.first == .portable)
        #expect(InstructionSet.available.contains(InstructionSet.fastest))
    }

    @Test("NIGHTREAD_ISA chooses, in any case; an unknown name says what there is")
    func selection() throws {
        #expect(try InstructionSet.selected(environment: ["NIGHTREAD_ISA": "Portable"]) == .portable)
        #expect(try InstructionSet.selected(environment: [:]) == InstructionSet.fastest)
        let available = InstructionSet.available.map(\.rawValue)
        #expect(throws: TensorError.unavailableInstructionSet(name: "sse9", available: available)) {
            try InstructionSet.selected(environment: ["NIGHTREAD_ISA": "sse9"])
        }
    }
}
