import Foundation
import Imaging
import Testing

/// Files of pydicom and nibabel, against what pydicom 3.0.2 with Pillow gives for them: `manifest.csv` beside them holds the SHA-256 of
/// each picture's samples.
@Suite("DICOM corpus", .enabled(if: Corpus.isThere, Corpus.absence))
struct DICOMCorpusTests {
    struct Row {
        let file: String
        let decodes: Bool
        let shape: [Int]
        let type: String
        let digest: String
        let transferSyntax: String
        let modality: String
    }

    /// The manifest; its fields may be quoted.
    static func rows() throws -> [Row] {
        let text = try String(contentsOf: Corpus.folder.appending(path: "dicom/manifest.csv"), encoding: .utf8)
        let lines = text.split(whereSeparator: \.isNewline).map { fields(of: $0) }
        let names = try #require(lines.first)
        return try lines.dropFirst().map { line in
            func field(_ name: String) throws -> String {
                let column = try #require(names.firstIndex(of: name))
                return column < line.count ? line[column] : ""
            }
            return Row(
                file: try field("file"), decodes: try field("decode") == "ok",
                shape: try field("shape").split { !$0.isNumber }.compactMap { Int($0) }, type: try field("dtype"),
                digest: try field("sha256_le_pixels"), transferSyntax: try field("transfer_syntax_uid"),
                modality: try field("modality"))
        }
    }

    private static func fields(of line: Substring) -> [String] {
        var fields = [""]
        var isQuoted = false
        for letter in line {
            if letter == "\"" {
                isQuoted.toggle()
            } else if letter == ",", !isQuoted {
                fields.append("")
            } else {
                fields[fields.count - 1].append(letter)
            }
        }
        return fields
    }

    @Test("All 79 files that pydicom decodes have its samples, their shape and type")
    func samples() throws {
        let types: [String: SampleType] = [
            "|u1": .u8, "|i1": .i8, "<u2": .u16, "<i2": .i16, "<u4": .u32, "<i4": .i32, "<f4": .f32, "<f8": .f64,
        ]
        var compared = 0
        for row in try Self.rows() where row.decodes {
            let scan = try ScanDecoder.decode(contentsOf: Corpus.folder.appending(path: "dicom/\(row.file)"))
            #expect(scan.format == .dicom, "\(row.file)")
            let frame = scan.frames[0]
            let one = [frame.height, frame.width] + (frame.channels == 1 ? [] : [frame.channels])
            #expect((scan.frames.count == 1 ? one : [scan.frames.count] + one) == row.shape, "\(row.file)")
            #expect(frame.sample == types[row.type], "\(row.file)")
            var samples: [UInt8] = []
            for number in scan.frames.indices { samples += scan.withSamples(ofFrame: number) { Array($0) } }
            #expect(samples.withUnsafeBytes { sha256($0) } == row.digest, "\(row.file)")
            #expect(scan.description.compression == row.transferSyntax, "\(row.file)")
            #expect(scan.description.modality == row.modality, "\(row.file)")
            compared += 1
        }
        #expect(compared == 79)
    }

    @Test("A file that pydicom does not decode is a picture or fails with a reason")
    func others() throws {
        var kinds: [String: ImagingError.DecodeFailure] = [:]
        var pictures: Set<String> = []
        for row in try Self.rows() where !row.decodes {
            do {
                _ = try ScanDecoder.decode(contentsOf: Corpus.folder.appending(path: "dicom/\(row.file)"))
                pictures.insert(row.file)
            } catch ImagingError.undecodable(_, let kind, let reason) {
                #expect(!reason.isEmpty, "\(row.file)")
                kinds[row.file] = kind
            }
        }
        // JPEG of 12 bits, lossless JPEG, JPEG-LS and HTJ2K, which pydicom needs other libraries for; and two that it has trouble with.
        #expect(
            pictures == [
                "pydicom/JPGExtended.dcm", "pydicom-data/JPEG-LL.dcm", "pydicom/JPEGLSNearLossless_08.dcm",
                "pydicom/MR_small_jpeg_ls_lossless.dcm", "pydicom/SC_rgb_jls_lossy_line.dcm",
                "pydicom/SC_rgb_jls_lossy_sample.dcm", "pydicom-data/JLSL_16_15_1_1F.dcm",
                "pydicom-data/JLSL_RGB_ILV1.dcm", "pydicom-data/JLSL_RGB_ILV2.dcm",
                "pydicom-data/emri_small_jpeg_ls_lossless.dcm", "pydicom-data/HTJ2KLossless_08_RGB.dcm",
                "pydicom/GDCMJ2K_TextGBR.dcm", "pydicom/SC_rgb_jpeg.dcm",
            ])
        for (file, kind) in kinds {
            switch file {
            case "pydicom/JPEG2000-embedded-sequence-delimiter.dcm",  // its stream's header is nothing
                "pydicom-data/JLSL_08_07_0_1F.dcm",  // 7 bits: DCMTK's CharLS takes its data for damaged
                "pydicom/badVR.dcm",  // "1A" frames
                "pydicom/meta_missing_tsyntax.dcm":  // no size
                #expect(kind == .corrupt, "\(file)")
            case "nibabel-nicom/csa_slice_norm.dcm":  // a picture without its pixels
                #expect(kind == .truncated, "\(file)")
            case "pydicom/dicomdirtests/TINY_ALPHA/README":
                #expect(kind == .unrecognised, "\(file)")
            default:
                #expect(kind == .noPicture, "\(file)")
            }
        }
    }
}
