import Foundation
import Imaging
import Testing

@Suite("Phantoms")
struct PhantomTests {
    @Test("Labels are balanced in every block of three")
    func labelsAreBalanced() {
        for block in 0..<4 {
            let labels = (0..<3).map { Phantom(seed: 11, index: block * 3 + $0).label }
            #expect(Set(labels) == Set(Phantom.Label.allCases))
        }
    }

    @Test("The same seed draws the same picture, another seed another one")
    func seedsDecide() {
        let first = Phantom(seed: 5, index: 1)
        #expect(first.samples == Phantom(seed: 5, index: 1).samples)
        #expect(first.samples != Phantom(seed: 6, index: 1).samples)
        #expect(first.samples.count == first.width * first.height)
    }

    @Test("A nodule is brighter inside its box than the lung around it")
    func nodulesAreWhereTheirBoxesSay() throws {
        var found = 0
        for index in 0..<12 {
            let phantom = Phantom(seed: 3, index: index)
            guard phantom.label == .nodule else { continue }
            let box = try #require(phantom.lesions.first)
            let middle = mean(phantom, box.x + box.width / 4, box.y + box.height / 4, box.width / 2, box.height / 2)
            let left = mean(phantom, box.x - 10, box.y, 6, box.height)
            let right = mean(phantom, box.x + box.width + 4, box.y, 6, box.height)
            #expect(middle > min(left, right) * 1.05, "phantom \(index): \(left) \(middle) \(right)")
            found += 1
        }
        #expect(found == 4)
    }

    @Test("Lesion boxes lie inside the picture, and only lesions have them")
    func boxesLieInside() {
        for index in 0..<30 {
            let phantom = Phantom(seed: 9, index: index)
            #expect(phantom.lesions.isEmpty == (phantom.label == .normal))
            for box in phantom.lesions {
                #expect(box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0)
                #expect(box.x + box.width <= phantom.width && box.y + box.height <= phantom.height)
            }
        }
    }

    @Test("A study folder holds its pictures and a labels.csv that names each")
    func studyIsWritten() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "phantoms-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try PhantomStudy(count: 4, seed: 2).write(to: folder)
        let rows = try String(contentsOf: folder.appending(path: "labels.csv"), encoding: .utf8)
            .components(separatedBy: "\r\n").filter { !$0.isEmpty }
        #expect(rows.first == "file,label,x,y,width,height")
        let named = Set(rows.dropFirst().map { String($0.prefix { $0 != "," }) })
        #expect(named == ["phantom-00001.png", "phantom-00002.tif", "phantom-00003.png", "phantom-00004.tif"])
        let png = try Data(contentsOf: folder.appending(path: "phantom-00001.png"))
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        let tiff = try Data(contentsOf: folder.appending(path: "phantom-00002.tif"))
        #expect(tiff.starts(with: [0x49, 0x49, 42, 0]))
    }

    private func mean(_ phantom: Phantom, _ x: Int, _ y: Int, _ width: Int, _ height: Int) -> Double {
        var sum = 0.0
        for row in y..<(y + height) {
            for column in x..<(x + width) { sum += Double(phantom.samples[row * phantom.width + column]) }
        }
        return sum / Double(width * height)
    }
}
