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
        let products = [
            "crypto": "Crypto", "grdb": "GRDB", "yams": "Yams", "mustache": "Mustache", "arguments": "ArgumentParser",
        ]
        let manifest = try text("Package.swift")
        func dependencies(_ list: Substring) -> Set<String> {
            Set(
                list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
                    .filter { !$0.isEmpty }.map { word in
                        products[word] ?? word.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
                    })
        }
        var built: [String: Set<String>] = [:]
        for match in manifest.matches(of: /library\(\s*"(\w+)",\s*\[([^\]]*)\]/) {
            built[String(match.output.1)] = dependencies(match.output.2)
        }
        for match in manifest.matches(of: /\.target\(\s*name: "(\w+)"(?:, dependencies: \[([^\]]*)\])?/) {
            built[String(match.output.1)] = dependencies(match.output.2 ?? "")
        }
        for match in manifest.matches(of: /executableTarget\(\s*name: "(\w+)", dependencies: \[([^\]]*)\]/) {
            built[String(match.output.1)] = dependencies(match.output.2)
        }
        #expect(built.count >= 10)
        #expect(built == (try documentedImports()))
    }

    @Test("Every source file imports only what the table allows its target, directly or through another")
    func importsMatchTheTable() throws {
        let documented = try documentedImports()
        for target in documented.keys where target != "nightread" {
            var allowed = documented[target] ?? []
            for _ in documented { allowed.formUnion(allowed.flatMap { documented[$0] ?? [] }) }
            for file in try files(below: "Sources/\(target)", suffix: "swift") {
                let source = try String(contentsOf: file, encoding: .utf8)
                for match in source.matches(of: /(?m)^(?:@\w+ )?(?:public |package |internal )?import (?:\w+ )?(\w+)/) {
                    let name = String(match.output.1)
                    guard documented[name] != nil else { continue }
                    #expect(allowed.contains(name), "\(target)/\(file.lastPathComponent) imports \(name)")
                }
            }
        }
    }

    /// The table: target → what it imports.
    private func documentedImports() throws -> [String: Set<String>] {
        var imports: [String: Set<String>] = [:]
        let table = try #require(try text("Documentation/ARCHITECTURE.md").components(separatedBy: "## Targets").last)
        for line in table.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| target") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3 else { break }
            imports[cells[0]] = Set(cells[2].split(separator: ", ").map(String.init).filter { $0 != "–" })
        }
        return imports
    }

    @Test("No source file is longer than 450 lines")
    func filesAreShort() throws {
        let sources = try files(below: "Sources", suffix: "swift") + files(below: "Sources", suffix: "c")
        #expect(sources.count > 20)
        for file in sources {
            let lines = try String(contentsOf: file, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count <= 450, "\(file.lastPathComponent) has \(lines.count) lines")
        }
    }

    private func files(below folder: String, suffix: String) throws -> [URL] {
        let walker = try #require(
            FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil))
        return walker.compactMap { $0 as? URL }.filter { $0.pathExtension == suffix }
    }
}
