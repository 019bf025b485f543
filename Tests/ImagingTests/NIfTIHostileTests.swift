import EfficientNet
import Foundation
import Imaging
import Testing

@Suite("NIfTI that contradicts itself")
struct NIfTIHostileTests {
    private func failure(
        _ file: [UInt8], limits: ScanLimits = ScanLimits(), slicing: Slicing = Slicing()
    ) throws -> (kind: ImagingError.DecodeFailure?, reason: String) {
        let folder = try ScratchFolder()
        do {
            _ = try ScanDecoder.decode(contentsOf: try folder.write(file), limits: limits, slicing: slicing)
            return (nil, "")
        } catch ImagingError.undecodable(_, let kind, let reason) {
            return (kind, reason)
        }
    }

    /// A version 2 file of twelve 8-bit samples.
    private static func two(_ size: [Int64] = [12, 1, 1], magic: [UInt8] = Array("n+2\0\r\n\u{1A}\n".utf8)) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 544)
        func put(_ offset: Int, _ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) {
                header.replaceSubrange(offset..<offset + $0.count, with: $0)
            }
        }
        put(0, Int32(540))
        header.replaceSubrange(4..<12, with: magic)
        put(12, Int16(2))
        put(14, Int16(8))
        put(16, Int64(size.count))
        for (axis, value) in size.enumerated() { put(24 + 8 * axis, value) }
        put(168, Int64(544))
        return header + [UInt8](repeating: 7, count: 12)
    }

    @Test("A file cut off anywhere is truncated, plain or packed")
    func cutOff() throws {
        let plain = NIfTIWriter([20, 10, 5]).file()
        for whole in [plain, NIfTIWriter.gzip(plain), Self.two(), NIfTIWriter.gzip(Self.two())] {
            #expect(try failure(whole).kind == nil)
            for length in Array(stride(from: 97, to: whole.count, by: 97)) + [whole.count - 1] {
                #expect(try failure(Array(whole.prefix(length))).kind == .truncated, "cut at \(length)")
            }
        }
        // Fewer bytes than say what a file is: a size of header in front, or gzip's magic alone.
        #expect(try failure(Array(plain.prefix(4))).kind == .truncated)
        #expect(try failure(Array(NIfTIWriter.gzip(plain).prefix(12))).kind == .truncated)
    }

    @Test("Sizes that cannot be are corrupt, gigantic ones over the limit, before memory is taken")
    func sizes() throws {
        for (offset, value) in [(40, 0), (40, 8), (40, -1), (42, 0), (42, -5), (46, 0), (46, -32768)] as [(Int, Int16)]
        {
            var writer = NIfTIWriter()
            writer.set(offset, value)
            #expect(try failure(writer.file()).kind == .corrupt, "\(value) at \(offset)")
        }
        var writer = NIfTIWriter()
        for axis in 0..<3 { writer.set(42 + 2 * axis, Int16(32767)) }
        #expect(try failure(writer.file()).kind == .overLimit)
        #expect(try failure(NIfTIWriter.gzip(writer.file())).kind == .overLimit)
        for size in [
            [Int64.max, 1, 1], [Int64.max, Int64.max, Int64.max], [1 << 32, 1 << 32, 1, 1], [1, 1, 1 << 40],
        ] {
            #expect(try failure(Self.two(size)).kind == .overLimit, "\(size)")
        }
        for size in [[Int64.min, 1, 1], [0, 1, 1], [-1, 1, 1]] {
            #expect(try failure(Self.two(size)).kind == .corrupt, "\(size)")
        }
        // The rule that asks for one slice alone does not make an endless volume a small one.
        let middle = Slicing(slices: .middle, axis: .sagittal)
        #expect(try failure(Self.two([1 << 40, 1, 1]), slicing: middle).kind == .overLimit)
    }

    @Test("Limits hold: pixels, bytes of samples, frames, bytes of the file as it is once unpacked")
    func limits() throws {
        let file = NIfTIWriter([10, 10, 10]).file()
        #expect(try failure(file, limits: ScanLimits(maxPixels: 99)).kind == .overLimit)
        #expect(try failure(file, limits: ScanLimits(maxFrames: 9)).kind == .overLimit)
        #expect(try failure(file, limits: ScanLimits(maxPlaneBytes: 999)).kind == .overLimit)
        let folder = try ScratchFolder()
        let scan = try ScanDecoder.decode(
            contentsOf: try folder.write(file), limits: ScanLimits(maxFrames: 1), slicing: Slicing(slices: .middle))
        #expect(scan.frames.map(\.number) == [5])
        let packed = NIfTIWriter.gzip(file)
        #expect(try failure(packed, limits: ScanLimits(maxFileBytes: packed.count)).kind == nil)
        var writer = NIfTIWriter([10, 10, 12])
        writer.samples = []
        let bomb = NIfTIWriter.gzip(writer.file())
        #expect(try failure(bomb, limits: ScanLimits(maxFileBytes: 1500)).kind == .overLimit)
    }

    @Test("Header fields that contradict each other are corrupt")
    func contradictions() throws {
        for (offset, value) in [(72, 16), (72, 0), (70, 3), (70, 0), (70, -1)] as [(Int, Int16)] {
            var writer = NIfTIWriter()
            writer.set(offset, value)
            #expect(try failure(writer.file()).kind == .corrupt, "\(value) at \(offset)")
        }
        var writer = NIfTIWriter()
        writer.set(0, Int32(540))
        #expect(try failure(writer.file()).kind == .corrupt)
        for offset in [Float.nan, .infinity, 1e30] {
            writer = NIfTIWriter()
            writer.set(108, offset)
            #expect([.corrupt, .overLimit].contains(try failure(writer.file()).kind), "\(offset)")
        }
        writer = NIfTIWriter()
        writer.set(108, Float(4000))
        #expect(try failure(writer.file()).kind == .truncated)
        #expect(try failure(Self.two(magic: Array("n+2\0\n\n\u{1A}\n".utf8))).kind == .corrupt)
    }

    @Test("What is not read says so: pairs, Analyze, complex numbers, wide integers, vectors")
    func unsupported() throws {
        var writer = NIfTIWriter()
        writer.header.replaceSubrange(344..<348, with: Array("ni1\0".utf8))
        let pair = try failure(writer.file())
        #expect(pair.kind == .unsupported && pair.reason.contains("convert both files to one .nii"))
        #expect(try failure(Self.two(magic: Array("ni2\0\r\n\u{1A}\n".utf8))).kind == .unsupported)
        writer.header.replaceSubrange(344..<348, with: [0, 0, 0, 0])
        for bytes in [Array(writer.file().prefix(348)), NIfTIWriter.gzip(writer.file())] {
            let analyze = try failure(bytes)
            #expect(analyze.kind == .unsupported && analyze.reason.contains("Analyze"))
        }
        for (kind, bits) in [(1, 1), (32, 64), (1024, 64), (1280, 64), (1536, 128), (1792, 128), (2048, 256)] {
            #expect(try failure(NIfTIWriter([1, 1, 1], kind: kind, bits: bits).file()).kind == .unsupported, "\(kind)")
        }
        #expect(try failure(NIfTIWriter([2, 2, 1, 1, 3]).file()).kind == .unsupported)
        #expect(try failure(NIfTIWriter([2, 2, 2, 1, 1, 1, 1]).file()).kind == nil)
    }

    @Test("A gzip stream may have several members and something behind them")
    func members() throws {
        let whole = NIfTIWriter().file()
        let two = NIfTIWriter.gzip(Array(whole.prefix(200))) + NIfTIWriter.gzip(Array(whole.dropFirst(200)))
        let empty = NIfTIWriter.gzip([])
        for packed in [
            two, empty + empty + two + empty, NIfTIWriter.gzip(whole) + [0, 0, 0], two + Array("more".utf8),
        ] {
            #expect(try decode(packed).samples(UInt8.self, frame: 1) == [11, 10, 9, 8, 7, 6])
        }
        // The stream's end, not its trailing bytes, is where samples are missing.
        let short = NIfTIWriter.gzip(Array(whole.dropLast()))
        #expect(try failure(short).kind == .truncated)
        #expect(try failure(short + [1, 2, 3]).kind == .truncated)
        #expect(try failure(NIfTIWriter.gzip(Array(whole.prefix(200))) + [0, 0] + two).kind == .truncated)
    }

    @Test("A wrong checksum, a wrong length and a sample that the checksum contradicts are corrupt")
    func damagedPacking() throws {
        let packed = NIfTIWriter.gzip(NIfTIWriter().file())
        for place in [packed.count - 8, packed.count - 1, packed.count - 9] {
            var damaged = packed
            damaged[place] ^= 0x10
            #expect(try failure(damaged).kind == .corrupt, "\(place)")
        }
    }

    @Test("A bomb behind the samples is left packed")
    func bomb() throws {
        // 300,000 times 258 zeroes with fixed Huffman codes behind the file: literal 0, then length 258 at distance 1 without end.
        let whole = NIfTIWriter().file()
        let length = [UInt8(whole.count & 255), UInt8(whole.count >> 8)]
        var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 0] + length + length.map { ~$0 } + whole
        var bits: [UInt8] = [1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0]
        for _ in 0..<300_000 { bits += [1, 1, 0, 0, 0, 1, 0, 1] + [0, 0, 0, 0, 0] }
        for start in stride(from: 0, to: bits.count - 7, by: 8) {
            packed.append((0..<8).reduce(0) { $0 | bits[start + $1] << UInt8($1) })
        }
        #expect(try decode(packed).frames.count == 2)
        // As samples they are refused by what the header says, not by what comes out.
        var writer = NIfTIWriter([32767, 32767, 2])
        writer.samples = []
        #expect(try failure(NIfTIWriter.gzip(writer.file())).kind == .overLimit)
        let limits = ScanLimits(maxPixels: 1 << 31, maxPlaneBytes: 1 << 32, maxFileBytes: 1 << 33)
        let tooSmall = try failure(NIfTIWriter.gzip(writer.file()), limits: limits)
        #expect(tooSmall.kind == .truncated && tooSmall.reason.contains("cannot hold"))
    }

    @Test("Damaged bytes anywhere in the header end in a picture or a failure, never a crash")
    func damage() throws {
        var generator = SeededGenerator(seed: 20_261_125)
        let limits = ScanLimits(maxPixels: 1_000_000, maxPlaneBytes: 1 << 24, maxFrames: 16)
        for whole in [NIfTIWriter([3, 4, 5]).file(), NIfTIWriter([3, 4, 5], bigEndian: true).file(), Self.two()] {
            for place in 0..<360 {
                var damaged = whole
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
                damaged[Int.random(in: 0..<352, using: &generator)] = 255
                let axis = Slicing.Axis.allCases[place % 3]
                let (kind, reason) = try failure(damaged, limits: limits, slicing: Slicing(axis: axis))
                #expect(kind == nil || !reason.isEmpty)
            }
        }
    }
}
