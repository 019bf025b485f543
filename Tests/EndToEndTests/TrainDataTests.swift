import Foundation
import Imaging
import Testing

@Suite("What nightread train says of its data")
struct TrainDataTests {
    private func refused(_ study: TrainingStudy, _ arguments: [String] = []) throws -> String {
        let output = try study.train(arguments)
        #expect(output.status == 64, "\(output.out)")
        #expect(!study.exists("model"))
        return output.error
    }

    @Test("A class with one scan, an empty one, and labels that differ only by case")
    func classes() throws {
        let study = try TrainingStudy()
        try study.foldersPerClass("classes")
        try study.write(data: "{folder: classes}")
        let classes = study.path("classes")
        try FileManager.default.createDirectory(at: classes.appending(path: "cyst"), withIntermediateDirectories: true)
        #expect(try refused(study).contains("the class cyst has no scans"))
        try Study.png(seed: 3).write(to: classes.appending(path: "cyst/one.png"))
        #expect(try refused(study).contains("the class cyst has one scan"))
        try FileManager.default.moveItem(at: classes.appending(path: "cyst"), to: classes.appending(path: "Nodule"))
        #expect(try refused(study).contains("the labels Nodule and nodule differ only by upper and lower case"))
    }

    @Test("A scan that cannot be read stops it, or is left out on demand; what is no scan is counted")
    func unreadable() throws {
        let study = try TrainingStudy()
        try study.foldersPerClass("classes")
        try Data("no picture".utf8).write(to: study.path("classes/nodule/broken.png"))
        try Data("a note".utf8).write(to: study.path("classes/nodule/notes.txt"))
        try study.write(data: "{folder: classes}")
        let error = try refused(study)
        #expect(error.contains("nodule/broken.png: "))
        #expect(error.contains("1 scans cannot be read"))
        let output = try study.train(["--skip-unreadable", "--dry-run"])
        #expect(output.status == 0, "\(output.error)")
        #expect(output.out.contains("left out: nodule/broken.png"))
        #expect(output.out.contains("no scans: 1 files, such as nodule/notes.txt"))
    }

    @Test("A manifest that points outside its folder, also by a link, and lines that make no sense")
    func manifest() throws {
        let study = try TrainingStudy(scans: 6)
        try FileManager.default.createDirectory(at: study.path("inside"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: study.path("inside/link.png").path, withDestinationPath: study.path("study/phantom-00001.png").path)
        let rows = """
            path,label,split
            ../study/phantom-00001.png,normal,
            link.png,normal,
            ,nodule,
            a.png,nodule,tomorrow
            """
        try Data(rows.utf8).write(to: study.path("inside/labels.csv"))
        try study.write(data: "{manifest: inside/labels.csv}")
        let error = try refused(study)
        #expect(error.contains("line 2: ../study/phantom-00001.png lies outside the manifest's folder"), "\(error)")
        #expect(error.contains("line 3: link.png lies outside the manifest's folder"))
        #expect(error.contains("line 4: expected a path, found nothing"))
        #expect(error.contains("line 5: expected the split train, validation or test, found tomorrow"))
    }

    /// A phantom that is resized and cut as a person could have done it, in 8 bits.
    private func altered(_ phantom: Phantom, cut: Double, scale: Double) throws -> Data {
        let (width, height) = (
            Int(Double(phantom.width) * (1 - 2 * cut) * scale), Int(Double(phantom.height) * (1 - cut) * scale)
        )
        var samples = [UInt8](repeating: 0, count: width * height)
        for row in 0..<height {
            for column in 0..<width {
                let x = Int(Double(phantom.width) * cut + Double(column) / scale)
                let y = Int(Double(row) / scale)
                samples[row * width + column] = UInt8(
                    phantom.samples[min(y, phantom.height - 1) * phantom.width + min(x, phantom.width - 1)] >> 8)
            }
        }
        return try #require(PictureFormat.tiff.encode(samples, width: width, height: height))
    }

    @Test("The same patient, content or picture on both sides is refused with the list")
    func leakage() throws {
        let study = try TrainingStudy(scans: 12)
        var rows = ["path,label,patient,split"]
        for index in 0..<12 {
            let phantom = Phantom(seed: 11, index: index)
            rows.append(
                "\(PhantomStudy(count: 12, seed: 11).fileName(index)),\(phantom.label.rawValue),p\(index),\(index < 6 ? "train" : "val")"
            )
        }
        let name = PhantomStudy(count: 12, seed: 11).fileName(0), label = Phantom(seed: 11, index: 0).label.rawValue
        try study.write(data: "{manifest: study/labels.csv}")
        try Data(rows.joined(separator: "\n").utf8).write(to: study.path("study/labels.csv"))
        #expect(try study.train(["--dry-run"]).status == 0)

        try FileManager.default.copyItem(at: study.path("study/" + name), to: study.path("study/copy.png"))
        try altered(Phantom(seed: 11, index: 0), cut: 0.03, scale: 0.7).write(to: study.path("study/altered.tif"))
        rows += ["copy.png,\(label),q,val", "altered.tif,\(label),r,validation"]
        rows[2] = rows[2].replacingOccurrences(of: "p1", with: "p7")
        try Data(rows.joined(separator: "\n").utf8).write(to: study.path("study/labels.csv"))
        let error = try refused(study)
        #expect(error.contains("the same content: "), "\(error)")
        #expect(error.contains("nearly the same picture: altered.tif (validation) and \(name) (train)"), "\(error)")
        #expect(error.contains("the same patient: "))
        #expect(error.split(separator: "\n").count == 4, "\(error)")

        // Without sides of their own, they go to one side together.
        let free = rows.map {
            $0.replacingOccurrences(of: ",train", with: ",").replacingOccurrences(of: ",validation", with: ",")
                .replacingOccurrences(of: ",val", with: ",")
        }
        try Data(free.joined(separator: "\n").utf8).write(to: study.path("study/labels.csv"))
        let output = try study.train(["--dry-run"])
        #expect(output.status == 0, "\(output.error)")
        #expect(output.out.contains("1 of them nearly repeat another one's picture"), "\(output.out)")
    }
}
