import CCodecs
import CSystem
import EfficientNet
import Foundation
import Imaging

/// What a decoder says of one scan, after everything in it was checked.
enum DecoderAnswer: Equatable {
    /// Samples are in the planes.
    case decoded(format: ScanFormat, ScanDescription, frames: [FrameGeometry])
    /// The decoder looked at the file and refused it; the description is as far as it came.
    case refused(ScanDescription, kind: ImagingError.DecodeFailure, reason: String)
    /// The process that decoded was ended by a signal, or left without an answer; the next scan gets another one.
    case lost(kind: FailureKind, reason: String)
}

/// A lane's decoder: a warm parent that forks a process per scan, or one for as many as the limits allow.
final class DecoderProcess {
    private let process: ChildProcess
    private var token = UInt64.random(in: 1...(1 << 32))
    /// What held the child that answered last, as it says; nil before the first answer.
    private(set) var confinement: Confinement?

    init(program: ChildProgram, cancel: Flag) throws(ChildFailure) {
        // Functions of libraries are looked up once, in the warm parent, and not in every child that calls them first.
        var program = program
        program.environment["LD_BIND_NOW"] = "1"
        process = try ChildProcess("decoder", program: program, cancel: cancel)
    }

    /// Has a scan decoded that is none: an answer shows that the process is up, can fork and can map the planes.
    func probe(_ planes: Planes) throws(ChildFailure) {
        var number: Int32 = -1
        let error = nr_memory_file("nightread-probe", 16, &number)
        guard error == 0 else { throw .notStarted("no memory for a first scan: \(systemMessage(error))") }
        let answer = try decode(
            Descriptor(number), into: planes, limits: PipelineFile.Limits(), until: Instant.now.advanced(seconds: 30))
        guard case .refused(_, .unrecognised, _) = answer else {
            throw .notStarted("expected the decoder to refuse 16 zero bytes as no scan, found \(answer)")
        }
    }

    /// Decodes the open file `scan`, or those frames of it that `slicing` asks for, into `planes`, reduced as far as `least` allows.
    func decode(
        _ scan: Descriptor, into planes: Planes, limits: PipelineFile.Limits, slicing: Slicing = Slicing(),
        least: LeastSize = .full, until deadline: Instant
    ) throws(ChildFailure) -> DecoderAnswer {
        token += 1
        let decoderLimits: nr_limits
        do throws(ImagingError) {
            decoderLimits = try limits.scan.forDecoder()
        } catch {
            throw .notStarted("\(error)")
        }
        let request = nr_decoder_request(
            magic: UInt32(NR_DECODER_REQUEST_MAGIC), version: UInt32(NR_DECODER_VERSION), token: token,
            limits: decoderLimits, slicing: slicing.forDecoder, least: least.forDecoder,
            planes_bytes: UInt64(planes.capacity),
            memory_bytes: limits.memory,
            // Above the wall clock's limit: only a decoder that has lost its supervisor's clock ever meets it.
            cpu_seconds: UInt32(limits.seconds.rounded(.up)) + 1, scans_per_child: UInt32(limits.decoderScans))
        try process.send(withUnsafeBytes(of: request, Array.init), passing: [scan, planes.writable], until: deadline)
        let header = try process.receive(MemoryLayout<nr_decoder_reply>.size, until: deadline)
        let reply: DecoderReply
        do throws(ProtocolError) {
            reply = try DecoderReply(header, token: token)
        } catch {
            throw process.refuse(error.reason)
        }
        confinement = reply.confinement ?? confinement
        let payload = try process.receive(reply.payloadSize, until: deadline)
        do throws(ProtocolError) {
            return try reply.answer(payload, limits: limits.scan, planesCapacity: planes.capacity)
        } catch {
            throw process.refuse(error.reason)
        }
    }
}

/// A message that may not be believed.
struct ProtocolError: Error, Equatable {
    let reason: String
}

/// The header of a decoder's reply, with every field checked by itself.
struct DecoderReply {
    private let header: nr_decoder_reply

    /// Bytes that follow; bounded by the largest number of frames.
    var payloadSize: Int { Int(header.payload) }

    /// What held the child, as it says; nil where it did not come to an answer.
    var confinement: Confinement? {
        switch header.status {
        case UInt32(NR_DECODER_DECODED.rawValue), UInt32(NR_DECODER_REFUSED.rawValue): Confinement(header.detail)
        default: nil
        }
    }

    /// - Parameter token: of the scan that the reply must be about.
    init(_ bytes: [UInt8], token: UInt64) throws(ProtocolError) {
        guard bytes.count == MemoryLayout<nr_decoder_reply>.size else {
            throw ProtocolError(reason: "a header of \(bytes.count) bytes")
        }
        header = bytes.withUnsafeBytes { $0.loadUnaligned(as: nr_decoder_reply.self) }
        guard header.magic == UInt32(NR_DECODER_REPLY_MAGIC), header.version == UInt32(NR_DECODER_VERSION) else {
            throw ProtocolError(reason: "not a reply of this version")
        }
        guard header.token == token else { throw ProtocolError(reason: "it is about another scan") }
        let scan = MemoryLayout<nr_scan>.size
        let expected: Int =
            switch header.status {
            case UInt32(NR_DECODER_DECODED.rawValue):
                scan + Int(header.frame_count) * MemoryLayout<nr_frame>.size + Int(header.tone_count)
                    * MemoryLayout<nr_tone>.size
            case UInt32(NR_DECODER_REFUSED.rawValue): scan + MemoryLayout<nr_failure>.size
            case UInt32(NR_DECODER_SIGNALLED.rawValue), UInt32(NR_DECODER_EXITED.rawValue),
                UInt32(NR_DECODER_NO_CHILD.rawValue):
                0
            default: throw ProtocolError(reason: "status \(header.status)")
            }
        guard header.frame_count <= UInt32(NR_DECODER_MAX_FRAMES), header.tone_count <= header.frame_count,
            Int(header.payload) == expected
        else {
            throw ProtocolError(reason: "\(header.payload) bytes for \(header.frame_count) frames")
        }
    }

    /// The answer, with the payload checked against the limits.
    func answer(
        _ payload: [UInt8], limits: ScanLimits, planesCapacity: Int
    ) throws(ProtocolError) -> DecoderAnswer {
        guard payload.count == payloadSize else { throw ProtocolError(reason: "\(payload.count) bytes of payload") }
        switch header.status {
        case UInt32(NR_DECODER_DECODED.rawValue):
            return try decoded(payload, limits: limits, planesCapacity: planesCapacity)
        case UInt32(NR_DECODER_REFUSED.rawValue):
            let (scan, failure) = payload.withUnsafeBytes { bytes in
                (
                    bytes.loadUnaligned(as: nr_scan.self),
                    bytes.loadUnaligned(fromByteOffset: MemoryLayout<nr_scan>.size, as: nr_failure.self)
                )
            }
            guard let kind = ImagingError.DecodeFailure(rawValue: failure.kind) else {
                throw ProtocolError(reason: "failure kind \(failure.kind)")
            }
            return .refused(ScanDescription(scan), kind: kind, reason: printable(failure.text))
        case UInt32(NR_DECODER_SIGNALLED.rawValue):
            let signal = Int32(truncatingIfNeeded: header.detail & 0x7f)
            let kind: FailureKind = signal == SIGXCPU ? .timeout : signal == SIGKILL ? .memory : .crash
            return .lost(kind: kind, reason: "the decoder was ended by signal \(signal) (\(signalName(signal)))")
        case UInt32(NR_DECODER_EXITED.rawValue):
            return .lost(kind: .crash, reason: "the decoder left with status \(header.detail) and no answer")
        default:
            let cause = systemMessage(Int32(truncatingIfNeeded: header.detail & 0xfff))
            return .lost(kind: .memory, reason: "no process for decoding could be made: \(cause)")
        }
    }

    private func decoded(
        _ payload: [UInt8], limits: ScanLimits, planesCapacity: Int
    ) throws(ProtocolError) -> DecoderAnswer {
        guard let format = ScanFormat(rawValue: header.format), header.frame_count >= 1,
            header.frame_count <= limits.maxFrames
        else { throw ProtocolError(reason: "format \(header.format) with \(header.frame_count) frames") }
        func values<Value>(_ type: Value.Type, at offset: Int, count: UInt32) -> [Value] {
            payload.withUnsafeBytes { bytes in
                (0..<Int(count)).map { index in
                    bytes.loadUnaligned(fromByteOffset: offset + index * MemoryLayout<Value>.size, as: type)
                }
            }
        }
        let afterScan = MemoryLayout<nr_scan>.size
        let afterFrames = afterScan + Int(header.frame_count) * MemoryLayout<nr_frame>.size
        let scan = payload.withUnsafeBytes { $0.loadUnaligned(as: nr_scan.self) }
        do throws(ImagingError) {
            let frames = try FrameGeometry.validate(
                values(nr_frame.self, at: afterScan, count: header.frame_count),
                tones: values(nr_tone.self, at: afterFrames, count: header.tone_count), limits: limits,
                planesCapacity: planesCapacity)
            return .decoded(format: format, ScanDescription(scan), frames: frames)
        } catch {
            throw ProtocolError(reason: "\(error)")
        }
    }
}

/// Text from files, file names, or a process that may be lying: control characters, which a terminal would obey, become spaces.
public func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
}
