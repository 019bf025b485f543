import CSystem
import Conversion
import Foundation

/// The converter process: turns one file of weights that another program made into a plain one, and ends.
///
/// Before it looks at a byte of the file it gives up files, network, programs and all system calls but those that computing and
/// answering take: what reads HDF5, zip archives and pickles are libraries and code that a hostile file may break.
public enum ConverterLoop {
    /// Serves the one who started it, on the socket that a spawned child has.
    ///
    /// - Returns: the exit status: 0 when it answered, 64 when nobody asks, 74 otherwise.
    public static func run() -> Int32 {
        let socket = Int32(NR_CHILD_SOCKET)
        guard nr_die_with_parent(socket) == 0 else { return 64 }
        var bytes = [UInt8](repeating: 0, count: ConverterRequest.size)
        var passed: [Int32] = [-1, -1]
        let patience = nr_patience(deadline: -1, cancel: -1)
        guard nr_receive(socket, &bytes, bytes.count, &passed, 2, patience) == 0,
            let request = try? ConverterRequest(bytes), confine(request)
        else { return 74 }
        let answer = answer(request, source: passed[0], result: passed[1]).bytes
        return nr_send(socket, answer, answer.count, nil, 0, patience) == 0 ? 0 : 74
    }

    private static func confine(_ request: ConverterRequest) -> Bool {
        // libzip turns its entries' times into the local ones, for which Glibc would read a file each time.
        setenv("TZ", "UTC0", 1)
        tzset()
        let memory = nr_address_space() + request.sourceBytes + request.resultBytes + ConverterRequest.workingMemory
        let seconds = UInt64(request.seconds)
        return nr_set_limit(Int32(RLIMIT_CORE.rawValue), 0, 0) == 0
            && nr_set_limit(Int32(RLIMIT_FSIZE.rawValue), 0, 0) == 0
            && nr_set_limit(Int32(__RLIMIT_NPROC.rawValue), 0, 0) == 0
            && nr_set_limit(Int32(RLIMIT_CPU.rawValue), seconds, seconds + 1) == 0
            && nr_set_limit(Int32(RLIMIT_AS.rawValue), memory, memory) == 0 && nr_confine(NR_CALLS_ANSWERING) == 0
    }

    private static func answer(_ request: ConverterRequest, source: Int32, result: Int32) -> ConverterReply {
        let (sourceBytes, resultBytes) = (Int(request.sourceBytes), Int(request.resultBytes))
        guard let from = mmap(nil, sourceBytes, PROT_READ, MAP_PRIVATE, source, 0), from != MAP_FAILED,
            let to = mmap(nil, resultBytes, PROT_READ | PROT_WRITE, MAP_SHARED, result, 0), to != MAP_FAILED
        else { return ConverterReply(refusal: "no memory for a file of \(sourceBytes) bytes") }
        let converted = ContainerConversion.convert(
            UnsafeRawBufferPointer(start: from, count: sourceBytes),
            into: UnsafeMutableRawBufferPointer(start: to, count: resultBytes))
        switch converted {
        case .failure(let refusal): return ConverterReply(refusal: refusal.reason)
        case .success(let (length, notes)):
            guard let json = try? JSONEncoder().encode(notes), json.count <= ConverterReply.payloadLimit else {
                return ConverterReply(refusal: "what the file says besides its tensors is too long")
            }
            return ConverterReply(length: UInt64(length), payload: Array(json))
        }
    }
}

/// What a converter is asked; the file and the memory for the result come with it.
struct ConverterRequest: Equatable {
    static let size = 24
    private static let magic: UInt64 = 0x4E52_434F_4E56_0001

    /// Beside the file and the result: an archive's unpacked parts, a pickle's values.
    static let workingMemory: UInt64 = 6 << 30
    var sourceBytes: UInt64
    var resultBytes: UInt64

    /// Of processor time: a file of 100 MB takes a second or two. Libraries may turn in circles over a damaged one.
    var seconds: Int { 20 + Int(sourceBytes / 10_000_000) }

    init(sourceBytes: UInt64, resultBytes: UInt64) {
        self.sourceBytes = sourceBytes
        self.resultBytes = resultBytes
    }

    init(_ bytes: [UInt8]) throws(ProtocolError) {
        var reader = ByteReader(bytes)
        guard try reader.next(UInt64.self) == Self.magic else { throw ProtocolError(reason: "not a request") }
        sourceBytes = try reader.next(UInt64.self)
        resultBytes = try reader.next(UInt64.self)
        try reader.finish()
        guard sourceBytes > 0, sourceBytes <= 1 << 40, resultBytes > 0, resultBytes <= 1 << 40 else {
            throw ProtocolError(reason: "sizes of \(sourceBytes) and \(resultBytes) bytes")
        }
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(sourceBytes)
        writer.append(resultBytes)
        return writer.bytes
    }
}

/// What a converter answers: a header, and then what the file says besides its tensors, or why it cannot be read.
struct ConverterReply: Equatable {
    static let headerSize = 24
    static let payloadLimit = 64 << 20
    private static let magic: UInt64 = 0x4E52_434F_4E56_0002

    /// Of the safetensors file in the result's memory; 0 where there is none.
    var length: UInt64
    /// JSON, or the reason of a refusal.
    var payload: [UInt8]

    init(length: UInt64, payload: [UInt8]) {
        self.length = length
        self.payload = payload
    }

    init(refusal: String) {
        self.init(length: 0, payload: Array(refusal.utf8.prefix(4096)))
    }

    /// Length of the result and of the payload that follows.
    static func header(_ bytes: [UInt8], resultBytes: UInt64) throws(ProtocolError) -> (length: Int, payload: Int) {
        var reader = ByteReader(bytes)
        guard try reader.next(UInt64.self) == magic else { throw ProtocolError(reason: "not a reply") }
        let (length, payload) = (try reader.next(UInt64.self), try reader.next(UInt64.self))
        try reader.finish()
        guard length <= resultBytes, payload <= UInt64(payloadLimit) else {
            throw ProtocolError(reason: "sizes of \(length) and \(payload) bytes")
        }
        return (Int(length), Int(payload))
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(length)
        writer.append(UInt64(payload.count))
        return writer.bytes + payload
    }
}
