import Testing

@testable import Pipeline

@Suite("The converter's messages")
struct ConverterTests {
    @Test("A request comes back as it was; anything else is refused")
    func requests() throws {
        let request = ConverterRequest(sourceBytes: 1234, resultBytes: 1 << 32)
        #expect(try ConverterRequest(request.bytes) == request)
        #expect(request.bytes.count == ConverterRequest.size)
        for bytes in [
            [], [UInt8](repeating: 0, count: 24), request.bytes + [0], Array(request.bytes.dropLast()),
            ConverterRequest(sourceBytes: 0, resultBytes: 1).bytes,
            ConverterRequest(sourceBytes: 1, resultBytes: .max).bytes,
        ] {
            #expect(throws: ProtocolError.self) { try ConverterRequest(bytes) }
        }
    }

    @Test("A reply may not promise more than the memory that it was given")
    func replies() throws {
        let reply = ConverterReply(length: 100, payload: [1, 2, 3])
        let header = Array(reply.bytes.prefix(ConverterReply.headerSize))
        let sizes = try ConverterReply.header(header, resultBytes: 100)
        #expect(sizes.length == 100)
        #expect(sizes.payload == 3)
        #expect(reply.bytes.count == ConverterReply.headerSize + 3)
        #expect(throws: ProtocolError.self) { try ConverterReply.header(header, resultBytes: 99) }
        #expect(throws: ProtocolError.self) { try ConverterReply.header(Array(header.dropLast()), resultBytes: 100) }
        #expect(throws: ProtocolError.self) {
            try ConverterReply.header([UInt8](repeating: 0xFF, count: 24), resultBytes: .max)
        }
        #expect(ConverterReply(refusal: String(repeating: "x", count: 10_000)).payload.count == 4096)
    }
}
