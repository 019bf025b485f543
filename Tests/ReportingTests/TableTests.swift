import Foundation
import Testing

@testable import Reporting

@Suite("Tables and words")
struct TableTests {
    @Test("Cells are quoted as RFC 4180 has it, rows end in CRLF")
    func quoting() {
        var document = CSVDocument(header: ["a", "b", "c", "d"])
        document.append([.text("plain"), .text("a,b"), .text("say \"x\""), .text("two\nlines")])
        document.append([.number(0.25), .integer(-3), .empty])
        #expect(
            String(decoding: document.bytes, as: UTF8.self)
                == "a,b,c,d\r\nplain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n0.25,-3,,\r\n")
    }

    @Test(
        "Text that a spreadsheet would run as a formula gets an apostrophe",
        arguments: [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\"=1", "' =1", "  \"\"@x", "＝1", "=",
            "\u{A0}=1",
        ])
    func formulas(text: String) {
        #expect(CSVDocument.neutralised(text) == "'" + text)
    }

    @Test(
        "Other text and every number stay as they are", arguments: ["a=1", "/in/-1.png", "", "1-2", "é", "  x", "a\tb"])
    func harmless(text: String) {
        #expect(CSVDocument.neutralised(text) == text)
    }

    @Test("A probability never rounds to certainty, a duration reads as people say it")
    func words() {
        #expect(
            ["b0", "lite4", "v2-s"].map(Words.network) == ["EfficientNet-B0", "EfficientNet-Lite4", "EfficientNetV2-S"])
        #expect(Words.probability(0.99997) == ">0.999")
        #expect(Words.probability(1) == "1.000")
        #expect(Words.probability(0.00001) == "<0.001")
        #expect(Words.probability(0) == "0.000")
        #expect(Words.probability(0.4996) == "0.500")
        #expect(Words.fixed(-2.345, 1) == "−2.3")
        #expect(Words.grouped(1_234_567) == "1,234,567")
        #expect(Words.count(1, "scan") == "1 scan")
        #expect(Words.duration(0.85) == "850 ms")
        #expect(Words.duration(724) == "12 min 4 s")
        #expect(Words.duration(26_400) == "7 h 20 min")
        #expect(Words.path("/a/b.png") == ("b.png", "/a"))
        #expect(Words.path("b.png") == ("b.png", nil))
    }

    @Test("Nearest-rank quantiles are those of the definition")
    func quantiles() {
        // Example of the nearest-rank method: 15, 20, 35, 40, 50 → 5th 15, 30th 20, 40th 20, 50th 35, 100th 50.
        let values = [35.0, 15, 50, 20, 40]
        #expect([0.05, 0.3, 0.4, 0.5, 1].map { Quantile.nearestRank(values, $0) } == [15, 20, 20, 35, 50])
        #expect(Quantile.nearestRank([], 0.5) == nil)
    }

    @Test("Preprocessing is put into words; what is not understood is shown as it is")
    func preprocessing() {
        #expect(
            PreprocessingWords.describe(
                #"{"fit":"pad","intensity":{"window":{"center":40,"width":400}},"interpolation":"bilinear","resolution":240}"#
            )
                == "window centred at 40, 400 wide; resized to fit 240 × 240 (bilinear, antialiased), the rest black")
        for (settings, words) in [
            (#""intensity": "file""#, "the file's own window or lookup table"),
            (#""intensity": {"file": "LUNG"}"#, #"the file's own window "LUNG""#),
            (
                #""intensity": {"window": {"center": -600, "width": 1500, "function": "sigmoid"}}"#,
                "window centred at -600, 1500 wide (sigmoid)"
            ),
            (
                #""intensity": "full-range", "slices": "middle", "axis": "coronal""#,
                "the middle frame (volumes in coronal slices); full range of the stored bits"
            ),
            (
                #""intensity": "full-range", "slices": {"every": 4}"#,
                "every 4 of the frames; full range of the stored bits"
            ),
        ] {
            #expect(
                PreprocessingWords.describe(#"{"resolution": 9, "fit": "squash", \#(settings)}"#)
                    == words + "; resized to 9 × 9 whatever its shape (bicubic, antialiased)")
        }
        let narrow = PreprocessingWords.describe(#"{"resolution": 9, "fit": "squash", "precision": "bf16"}"#)
        #expect(narrow.hasSuffix("; computed in bfloat16"))
        #expect(PreprocessingWords.describe("{}") == "{}")
    }
}
