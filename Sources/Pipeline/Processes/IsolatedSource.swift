import CSystem
public import Conversion
import Foundation
import Tensors

/// Reads files of weights that other programs made: containers through a converter process of its own, so that whatever such a file
/// does to the code that reads it ends with that process.
///
/// ```swift
/// let source = try IsolatedSource().read("checkpoint.pth")
/// ```
public struct IsolatedSource {
    /// Files larger than this are refused.
    static let fileLimit: Int64 = 16 << 30

    private let program: ChildProgram

    /// A reader that starts processes of this program.
    public init() { self.init(program: ChildProgram()) }

    init(program: ChildProgram) { self.program = program }

    /// Reads the file at `path`.
    ///
    /// - Throws: `ConversionError` for a file that is missing, is none of the formats, or took its reader down.
    public func read(_ path: String) throws(ConversionError) -> SourceFile {
        let descriptor: Descriptor
        let stamp: nr_stamp
        do throws(SystemError) {
            descriptor = try Descriptor.opening(path)
            stamp = try descriptor.stamp()
        } catch {
            throw .model(
                .tensors(error.code == ENOENT ? .missingFile(path: path) : .cannotRead(path: path, reason: "\(error)")))
        }
        guard stamp.kind == S_IFREG, stamp.size <= Self.fileLimit else {
            throw .unreadable(path: path, reason: "expected a regular file of at most \(Self.fileLimit >> 30) GiB")
        }
        var head = [UInt8](repeating: 0, count: SourceFile.headSize)
        head.removeLast(head.count - max(0, pread(descriptor.number, &head, head.count, 0)))
        guard SourceFile.isContainer(head) else { return try .safetensors(URL(fileURLWithPath: path)) }
        let answer: Answer
        do throws(ChildFailure) {
            answer = try convert(descriptor, bytes: UInt64(stamp.size), path: path)
        } catch {
            switch error {
            case .timedOut, .cancelled: throw .unreadable(path: path, reason: "reading it took too long")
            case .died(let reason), .untrustworthy(let reason):
                throw .unreadable(
                    path: path, reason: "\(printable(reason)): the file is damaged, or made to break what reads it")
            case .notStarted(let reason): throw .unreadable(path: path, reason: reason)
            }
        }
        switch answer {
        case .read(let source): return source
        case .refused(let reason): throw .unreadable(path: path, reason: reason)
        }
    }

    private enum Answer {
        case read(SourceFile)
        case refused(String)
    }

    private func convert(
        _ source: Descriptor, bytes: UInt64, path: String
    ) throws(ChildFailure) -> Answer {
        let request = ConverterRequest(
            sourceBytes: bytes, resultBytes: UInt64(ContainerConversion.sizeLimit + 128 << 20))
        var number: Int32 = -1
        let error = nr_memory_file("nightread-weights", request.resultBytes, &number)
        guard error == 0 else { throw .notStarted("no memory for the tensors: \(systemMessage(error))") }
        let result = Descriptor(number)
        let cancel: Flag
        do throws(PipelineError) { cancel = try Flag() } catch { throw .notStarted("\(error)") }
        let process = try ChildProcess("converter", program: program, cancel: cancel)
        let deadline = Instant.now.advanced(seconds: Double(4 * request.seconds))
        try process.send(request.bytes, passing: [source, result], until: deadline)
        let header = try process.receive(ConverterReply.headerSize, until: deadline)
        let sizes: (length: Int, payload: Int)
        do throws(ProtocolError) {
            sizes = try ConverterReply.header(header, resultBytes: request.resultBytes)
        } catch {
            throw process.refuse(error.reason)
        }
        let payload = try process.receive(sizes.payload, until: deadline)
        // From here on nobody writes to the result any more.
        process.end()
        guard sizes.length > 0 else { return .refused(printable(String(decoding: payload, as: UTF8.self))) }
        guard let notes = try? JSONDecoder().decode(SourceNotes.self, from: Data(payload)) else {
            throw process.refuse("not what a file says besides its tensors")
        }
        guard let start = mmap(nil, sizes.length, PROT_READ, MAP_SHARED, result.number, 0), start != MAP_FAILED else {
            throw .notStarted("the tensors cannot be mapped: \(systemMessage(errno))")
        }
        let data = Data(
            bytesNoCopy: start, count: sizes.length, deallocator: .custom { start, count in munmap(start, count) })
        do throws(TensorError) {
            return .read(
                SourceFile(path: path, tensors: try SafetensorsFile(path: path, contents: data), notes: notes))
        } catch {
            throw process.refuse("\(error)")
        }
    }
}
