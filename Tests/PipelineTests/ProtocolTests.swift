import CCodecs
import CSystem
import Foundation
import Imaging
import Testing

@testable import Pipeline

extension SeededGenerator {
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }

    /// `bytes` with up to four of them changed.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &self)
            bytes[index] =
                Bool.random(using: &self)
                ? bytes[index] ^ (1 << UInt8.random(in: 0...7, using: &self))
                : [0, 1, 0x7f, 0x80, 0xff][Int.random(in: 0...4, using: &self)]
        }
        return bytes
    }
}

private func raw<Value>(_ value: Value) -> [UInt8] { withUnsafeBytes(of: value, Array.init) }

@Suite("Messages that may be lies")
struct ProtocolTests {
    private let limits = ScanLimits(maxPixels: 10_000, maxPlaneBytes: 1 << 20, maxFileBytes: 1 << 20, maxFrames: 8)
    private let frame = nr_frame(
        width: 20, height: 10, channels: 1, sample: 2, bits: 12, flags: 0, orientation: 1, number: 0, tone: 0,
        reduction: 1, missing_columns: 0, missing_rows: 0, reserved: 0,
        offset: 64, bytes: 400)
    private let tone = Tone().header
    private let scan = nr_scan()

    /// Bytes after the header of a decoded scan with `frames` frames and as many tones.
    private func size(_ frames: UInt32) -> UInt32 {
        UInt32(MemoryLayout<nr_scan>.size)
            + frames * UInt32(MemoryLayout<nr_frame>.size + MemoryLayout<nr_tone>.size)
    }

    private func header(
        _ status: UInt32, token: UInt64 = 7, format: UInt32 = 1, frames: UInt32 = 0, tones: UInt32? = nil,
        payload: UInt32 = 0, detail: UInt32 = 0
    ) -> [UInt8] {
        raw(
            nr_decoder_reply(
                magic: UInt32(NR_DECODER_REPLY_MAGIC), version: UInt32(NR_DECODER_VERSION), token: token,
                status: status,
                detail: detail, format: format, frame_count: frames, payload: payload,
                tone_count: tones ?? frames))
    }

    @Test("A decoder's sound answer is understood")
    func sound() throws {
        let reply = try DecoderReply(header(1, frames: 2, payload: size(2)), token: 7)
        var second = frame
        second.offset = 512
        second.number = 3
        second.tone = 1
        let answer = try reply.answer(
            raw(scan) + raw(frame) + raw(second) + raw(tone) + raw(tone), limits: limits, planesCapacity: 1 << 20)
        guard case .decoded(let format, _, let frames) = answer else {
            Issue.record("expected frames, found \(answer)")
            return
        }
        #expect(format == .png)
        #expect(frames.map(\.offset) == [64, 512])
        #expect(frames.map(\.width) == [20, 20])
        #expect(frames.map(\.number) == [0, 3])
    }

    @Test(
        "What a dead child means is told from its signal",
        arguments: [
            (3, 11, FailureKind.crash), (3, 9, .memory), (3, 24, .timeout), (4, 9, .crash), (5, 12, .memory),
        ] as [(UInt32, UInt32, FailureKind)])
    func lost(status: UInt32, detail: UInt32, kind: FailureKind) throws {
        let answer = try DecoderReply(header(status, detail: detail), token: 7).answer(
            [], limits: limits, planesCapacity: 64)
        guard case .lost(let found, _) = answer else {
            Issue.record("expected a lost process, found \(answer)")
            return
        }
        #expect(found == kind)
    }

    @Test("An answer about another scan, of another version, or of another size is refused")
    func refused() {
        #expect(throws: ProtocolError.self) {
            try DecoderReply(header(1, token: 8, frames: 1, payload: size(1)), token: 7)
        }
        #expect(throws: ProtocolError.self) { try DecoderReply(header(1, frames: 1, payload: size(1) - 1), token: 7) }
        #expect(throws: ProtocolError.self) { try DecoderReply(header(1, frames: 4097, payload: size(4097)), token: 7) }
        #expect(throws: ProtocolError.self) {
            try DecoderReply(header(1, frames: 1, tones: 2, payload: size(1) + UInt32(Tone.headerSize)), token: 7)
        }
        #expect(throws: ProtocolError.self) { try DecoderReply(header(6), token: 7) }
        #expect(throws: ProtocolError.self) { try DecoderReply([], token: 7) }
    }

    @Test("Frames outside the planes, over the limits or of contradicting sizes are refused")
    func badFrames() throws {
        let reply = try DecoderReply(header(1, frames: 1, payload: size(1)), token: 7)
        let changes: [(inout nr_frame) -> Void] = [
            { $0.width = 0 },
            {
                $0.width = .max; $0.height = .max
            }, { $0.bytes = 401 }, { $0.offset = 1 << 20 },
            { $0.offset = 63 }, { $0.offset = .max - 63 }, { $0.channels = 5 }, { $0.sample = 9 }, { $0.bits = 17 },
            { $0.tone = 1 }, { $0.reserved = 1 }, { $0.reduction = 0 }, { $0.reduction = 3 }, { $0.missing_rows = 1 },
            {
                $0.reduction = 4; $0.missing_columns = 4
            },
        ]
        for (index, change) in changes.enumerated() {
            var frame = frame
            change(&frame)
            #expect(throws: ProtocolError.self, "change \(index)") {
                try reply.answer(raw(scan) + raw(frame) + raw(tone), limits: limits, planesCapacity: 1 << 20)
            }
        }
    }

    @Test("Tones that are not finite, or whose tables lie outside the planes, are refused")
    func badTones() throws {
        let reply = try DecoderReply(header(1, frames: 1, payload: size(1)), token: 7)
        let changes: [(inout nr_tone) -> Void] = [
            { $0.slope = .nan }, { $0.slope = 0 }, { $0.intercept = .infinity }, { $0.function = 3 },
            { $0.window_count = 9 }, { $0.window_count = 1 },
            { $0.modality = nr_lut(offset: 0, count: 65_537, first: 0, bits: 8, reserved: 0) },
            { $0.voi = nr_lut(offset: (1 << 20) - 64, count: 33, first: 0, bits: 8, reserved: 0) },
            { $0.voi = nr_lut(offset: .max - 63, count: 1, first: 0, bits: 8, reserved: 0) },
            { $0.voi = nr_lut(offset: 64, count: 1, first: 0, bits: 17, reserved: 0) },
            { $0.palette.1 = nr_lut(offset: 64, count: 1, first: 0, bits: 8, reserved: 0) },
        ]
        for (index, change) in changes.enumerated() {
            var tone = tone
            change(&tone)
            #expect(throws: ProtocolError.self, "change \(index)") {
                try reply.answer(raw(scan) + raw(frame) + raw(tone), limits: limits, planesCapacity: 1 << 20)
            }
        }
    }

    @Test("Frames that come twice or out of order are refused")
    func disorder() throws {
        let reply = try DecoderReply(
            header(1, frames: 2, tones: 1, payload: size(2) - UInt32(Tone.headerSize)), token: 7)
        var second = frame
        second.offset = 512
        #expect(throws: ProtocolError.self) {
            try reply.answer(raw(scan) + raw(frame) + raw(second) + raw(tone), limits: limits, planesCapacity: 1 << 20)
        }
    }

    @Test("Many frames over the same samples are refused: they would multiply the work")
    func overlappingFrames() throws {
        let limits = ScanLimits(maxPixels: 10_000, maxPlaneBytes: 1000, maxFileBytes: 1, maxFrames: 8)
        let reply = try DecoderReply(
            header(1, frames: 3, tones: 1, payload: size(3) - 2 * UInt32(Tone.headerSize)), token: 7)
        let frames = (0..<3 as Range<UInt32>).map { number in
            var frame = frame
            frame.number = number
            return frame
        }
        #expect(throws: ProtocolError.self) {
            try reply.answer(
                raw(scan) + frames.flatMap { raw($0) } + raw(tone), limits: limits, planesCapacity: 1 << 20)
        }
    }

    @Test("Random and mutated bytes end in a typed error or a checked value, never in a crash")
    func fuzz() throws {
        let seed = UInt64(42)
        var random = SeededGenerator(seed: seed)
        let good = header(1, frames: 2, payload: size(2))
        let body = raw(scan) + raw(frame) + raw(frame) + raw(tone) + raw(tone)
        for _ in 0..<20_000 {
            let bytes = Bool.random(using: &random) ? random.mutated(good) : random.bytes(good.count)
            if let reply = try? DecoderReply(bytes, token: 7) {
                #expect(reply.payloadSize <= Int(size(4096)))
                _ = try? reply.answer(random.mutated(body), limits: limits, planesCapacity: 1 << 20)
                _ = try? reply.answer(random.bytes(reply.payloadSize), limits: limits, planesCapacity: 1 << 20)
            }
            let message = WorkerMessage.bytes(.reading, token: 3, [])
            if let header = try? WorkerMessage.Header(random.mutated(message)) { #expect(header.payload <= 1 << 20) }
            let reading = ReadingMessage(
                probabilities: [0.25, 0.75], distance: 3, prepareMilliseconds: 1, networkMilliseconds: 2)
            if let reading = try? ReadingMessage(
                random.mutated(reading.payload), labels: 2, sumToOne: true, hasDistance: true)
            {
                #expect(reading.distance.map { $0 >= 0 } == true)
                #expect(reading.probabilities.allSatisfy { $0 >= 0 && $0 <= 1 })
                #expect(abs(reading.probabilities.reduce(0, +) - 1) < 1e-3)
            }
            _ = try? PictureMessage(random.bytes(Int.random(in: 0...64, using: &random)))
            let geometry = FrameMessage(FrameGeometry(width: 20, height: 10, sample: .u16, offset: 64)).payload
            if let checked = try? FrameMessage(random.mutated(geometry), limits: limits, planesCapacity: 4096).frame {
                #expect(checked.offset >= 0 && checked.bytes > 0 && checked.offset + checked.bytes <= 4096)
            }
        }
    }

    @Test("Messages say what was put into them")
    func roundTrips() throws {
        for distance in [nil, 0, 12.5, .infinity] as [Double?] {
            let reading = ReadingMessage(
                probabilities: [0.125, 0.875], distance: distance, prepareMilliseconds: 1.5, networkMilliseconds: 2.5)
            #expect(
                try ReadingMessage(reading.payload, labels: 2, sumToOne: true, hasDistance: distance != nil) == reading)
        }
        let frame = FrameGeometry(width: 20, height: 10, channels: 4, sample: .u16, bits: 12, offset: 64)
        var gray = FrameGeometry(width: 20, height: 10, sample: .i16, bits: 12, offset: 64)
        gray.number = 7
        gray.tone.slope = 2
        gray.tone.intercept = -1024
        gray.tone.function = .sigmoid
        gray.tone.windows = [
            Tone.Window(center: 40, width: 400, explanation: "LÜNGE"), Tone.Window(center: 1, width: 2),
        ]
        gray.tone.voiTable = Tone.TablePlace(offset: 1024, count: 256, first: -5, bits: 12)
        #expect(try FrameMessage(FrameMessage(gray).payload, limits: limits, planesCapacity: 4096).frame == gray)
        #expect(try FrameMessage(FrameMessage(frame).payload, limits: limits, planesCapacity: 4096).frame == frame)
        let picture = PictureMessage(try Thumbnail(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6]))
        #expect(try PictureMessage(picture.payload) == picture)
    }

    @Test("Probabilities that are not finite, out of range or too few are refused")
    func badProbabilities() {
        for values in [[Double.nan, 1], [0.5, 0.6], [-0.1, 1.1], [1], [.infinity, 0]] {
            let message = ReadingMessage(probabilities: values, prepareMilliseconds: 1, networkMilliseconds: 1)
            #expect(throws: ProtocolError.self) {
                try ReadingMessage(message.payload, labels: 2, sumToOne: true, hasDistance: false)
            }
        }
    }

    @Test("A distance that is none, and one that the model cannot know, are refused; so is a missing one")
    func badDistances() {
        for (distance, isExpected) in [(-1, true), (.nan, true), (nil, true), (3, false)] as [(Double?, Bool)] {
            let message = ReadingMessage(
                probabilities: [0.5, 0.5], distance: distance, prepareMilliseconds: 1, networkMilliseconds: 1)
            #expect(throws: ProtocolError.self) {
                try ReadingMessage(message.payload, labels: 2, sumToOne: true, hasDistance: isExpected)
            }
        }
    }

    @Test("Control characters in a process' words are taken out")
    func controlCharacters() {
        #expect(printable("a\u{1b}[31mb\nc") == "a [31mb c")
    }
}

@Suite("Descriptors between processes")
struct PassingTests {
    private let soon = nr_patience(deadline: nr_now() + 2_000_000_000, cancel: -1)

    private func pair() throws -> (Descriptor, Descriptor) {
        var first: Int32 = -1
        var second: Int32 = -1
        #expect(nr_socket_pair(&first, &second) == 0)
        return (Descriptor(first), Descriptor(second))
    }

    private var openDescriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }

    @Test("A descriptor that is sent arrives as one of our own")
    func passed() throws {
        let (a, b) = try pair()
        let planes = try Planes(capacity: 4096)
        #expect(pwrite(planes.writable.number, "night", 5, 0) == 5)
        var sent = [planes.readable.number]
        #expect(nr_send(a.number, "x", 1, &sent, 1, soon) == 0)
        var byte: UInt8 = 0
        var received: Int32 = -1
        #expect(nr_receive(b.number, &byte, 1, &received, 1, soon) == 0)
        let copy = Descriptor(received)
        var text = [UInt8](repeating: 0, count: 5)
        #expect(pread(copy.number, &text, 5, 0) == 5)
        #expect(String(decoding: text, as: UTF8.self) == "night")
        #expect(pwrite(copy.number, "x", 1, 0) < 0)
        #expect(ftruncate(planes.writable.number, 8192) != 0)
        #expect(ftruncate(planes.writable.number, 16) != 0)
    }

    @Test("Surplus descriptors are refused and closed", arguments: [0, 1, 2] as [Int32])
    func surplus(wanted: Int32) throws {
        let (a, b) = try pair()
        var sent = [Int32](repeating: a.number, count: Int(wanted) + 2)
        #expect(nr_send(a.number, "x", 1, &sent, Int32(sent.count), soon) == 0)
        var byte: UInt8 = 0
        var received = [Int32](repeating: -1, count: 4)
        #expect(nr_receive(b.number, &byte, 1, &received, wanted, soon) == EBADMSG)
        for number in received where number >= 0 { #expect(fcntl(number, F_GETFD) < 0) }
    }

    @Test("Waiting ends at the deadline, when it is cancelled, and when the peer goes")
    func patience() throws {
        let (a, b) = try pair()
        var byte: UInt8 = 0
        let brief = nr_patience(deadline: nr_now() + 20_000_000, cancel: -1)
        #expect(nr_receive(b.number, &byte, 1, nil, 0, brief) == ETIMEDOUT)
        let flag = try Flag()
        flag.raise()
        #expect(
            nr_receive(b.number, &byte, 1, nil, 0, nr_patience(deadline: -1, cancel: flag.descriptor.number))
                == ECANCELED)
        #expect(shutdown(a.number, Int32(SHUT_RDWR)) == 0)
        #expect(nr_receive(b.number, &byte, 1, nil, 0, soon) == ECONNRESET)
        #expect(nr_send(b.number, &byte, 1, nil, 0, soon) == EPIPE)
    }
}
