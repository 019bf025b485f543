import Foundation
import Testing

/// The repository's root, two folders above this file.
private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

private func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
}

@Suite("Architecture")
struct ArchitectureTests {
    @Test("Package.swift's dependencies are the table of Documentation/ARCHITECTURE.md")
    func dependenciesMatchTheTable() throws {
        var documented: [String: Set<String>] = [:]
        let table = try #require(try text("Documentation/ARCHITECTURE.md").components(separatedBy: "## Targets").last)
        for line in table.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| target") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3 else { break }
            documented[cells[0]] = Set(cells[2].split(separator: ", ").map(String.init).filter { $0 != "–" })
        }
        #expect(documented.count >= 10)

        let products = [
            "crypto": "Crypto", "grdb": "GRDB", "yams": "Yams", "mustache": "Mustache", "arguments": "ArgumentParser",
        ]
        let manifest = try text("Package.swift")
        func dependencies(_ list: Substring) -> Set<String> {
            Set(
                list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.map { word in
                    products[word] ?? word.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
                })
        }
        var built: [String: Set<String>] = [:]
        for match in manifest.matches(of: /library\("(\w+)", \[([^\]]*)\]\)/) {
            built[String(match.output.1)] = dependencies(match.output.2)
        }
        for match in manifest.matches(of: /\.target\(\s*name: "(\w+)"/) { built[String(match.output.1)] = [] }
        for match in manifest.matches(of: /executableTarget\(\s*name: "(\w+)", dependencies: \[([^\]]*)\]/) {
            built[String(match.output.1)] = dependencies(match.output.2)
        }
        #expect(built == documented)
    }

    @Test("Every source file imports only what the table allows its target")
    func importsMatchTheTable() throws {
        let targets = ["CKernels", "CCodecs", "CSystem", "Tensors", "EfficientNet", "Imaging", "Store", "Pipeline", "Reporting"]
        let allowed: [String: Set<String>] = [
            "Tensors": ["CKernels"], "EfficientNet": ["Tensors", "CKernels"],
            "Imaging": ["CCodecs", "CKernels", "Tensors", "EfficientNet"], "Store": [],
            "Pipeline": ["EfficientNet", "Imaging", "Store", "CSystem", "CCodecs", "Tensors"], "Reporting": ["Store"],
        ]
        for (target, names) in allowed {
            for file in try files(below: "Sources/\(target)", suffix: "swift") {
                let source = try String(contentsOf: file, encoding: .utf8)
                for match in source.matches(of: /(?m)^(?:@\w+ )?(?:public |internal )?import (?:\w+ )?(\w+)/) {
                    let name = String(match.output.1)
                    guard targets.contains(name) else { continue }
                    #expect(names.contains(name), "\(file.lastPathComponent) imports \(name)")
                }
            }
        }
    }

    @Test("No source file is longer than 450 lines")
    func filesAreShort() throws {
        let sources = try files(below: "Sources", suffix: "swift") + files(below: "Sources", suffix: "c")
        #expect(sources.count > 20)
        for file in sources {
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count <= 450, "\(file.lastPathComponent) has \(lines.count) lines")
        }
    }

    private func files(below folder: String, suffix: String) throws -> [URL] {
        let walker = try #require(
            FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil))
        return walker.compactMap { $0 as? URL }.filter { $0.pathExtension == suffix }
    }
}
