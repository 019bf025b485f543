import Foundation
import Testing

@testable import Pipeline

@Suite("Planes in shared memory")
struct PlanesTests {
    @Test("Nobody can shrink or grow them, not even through the writable descriptor")
    func sealed() throws {
        let planes = try Planes(capacity: 1 << 20)
        for size in [0, 4096, 2 << 20] {
            #expect(ftruncate(planes.writable.number, off_t(size)) == -1)
            #expect(errno == EPERM)
        }
        var about = stat()
        #expect(fstat(planes.writable.number, &about) == 0)
        #expect(about.st_size == 1 << 20)
    }

    @Test("What a worker gets can be read and not written")
    func readOnly() throws {
        let planes = try Planes(capacity: 8192)
        #expect(pwrite(planes.writable.number, [7, 8, 9] as [UInt8], 3, 100) == 3)
        var bytes = [UInt8](repeating: 0, count: 3)
        #expect(pread(planes.readable.number, &bytes, 3, 100) == 3)
        #expect(bytes == [7, 8, 9])
        #expect(pwrite(planes.readable.number, bytes, 3, 0) == -1)
        #expect(errno == EBADF)
        let writable = mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, planes.readable.number, 0)
        #expect(writable == MAP_FAILED)
    }

    @Test("Pages of a large scan are given back afterwards")
    func released() throws {
        let capacity = Planes.keptBytes + (8 << 20)
        let planes = try Planes(capacity: capacity)
        let page = [UInt8](repeating: 1, count: 4096)
        for offset in stride(from: Planes.keptBytes, to: capacity, by: 4096) {
            #expect(pwrite(planes.writable.number, page, 4096, off_t(offset)) == 4096)
        }
        func blocks() -> Int {
            var about = stat()
            fstat(planes.writable.number, &about)
            return Int(about.st_blocks)
        }
        #expect(blocks() * 512 >= 8 << 20)
        planes.release(after: capacity)
        #expect(blocks() == 0)
    }
}
