import Foundation
import Yams

/// A file of keys and values for people to write: read with everything that is wrong in it said at once.
package enum YAMLDocument {
    /// The text of the file at `path`, and its absolute path.
    ///
    /// - Throws: `PipelineError.unreadableFile`.
    package static func text(of path: String) throws(PipelineError) -> (absolute: String, text: String) {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: absolute, isDirectory: &isFolder) else {
            throw .unreadableFile(path: path, isMissing: true, cause: "no such file")
        }
        guard !isFolder.boolValue, let data = FileManager.default.contents(atPath: absolute) else {
            let cause = isFolder.boolValue ? "it is a folder" : "permission denied"
            throw .unreadableFile(path: path, isMissing: false, cause: cause)
        }
        guard data.count <= 1 << 20 else {
            throw .unreadableFile(path: path, isMissing: false, cause: "\(data.count) bytes, expected at most 1 MiB")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .unreadableFile(path: path, isMissing: false, cause: "expected UTF-8 text")
        }
        return (absolute, text)
    }

    /// What `read` makes of the text's root.
    ///
    /// - Parameters:
    ///   - shownAs: The file's name in messages.
    ///   - needed: The keys without which there is nothing, for the message about an empty file.
    /// - Throws: `PipelineError.invalidFile` with every problem found, in the file's order.
    package static func parse<Value>(
        _ text: String, shownAs: String, needed: String, read: (Node, ProblemList) -> Value?
    ) throws(PipelineError) -> Value {
        let problems = ProblemList(file: shownAs)
        var result: Value?
        do {
            if let root = try compose(yaml: text) {
                result = read(root, problems)
            } else {
                problems.add(at: nil, key: "", "the file is empty; expected at least \(needed)")
            }
        } catch {
            let (line, message) = explain(error)
            problems.add(at: nil, line: line, key: "", message)
        }
        guard problems.problems.isEmpty, let result else {
            throw .invalidFile(problems.problems.sorted { $0.line < $1.line })
        }
        return result
    }

    /// The absolute form of a path that a file in `folder` names; `~/` is the user's home.
    package static func absolute(_ path: String, from folder: URL) -> String {
        let expanded = path.hasPrefix("~/") ? (path as NSString).expandingTildeInPath : path
        return URL(fileURLWithPath: expanded, relativeTo: folder).standardizedFileURL.path
    }

    /// What the YAML parser's error means, and its line.
    private static func explain(_ error: any Error) -> (line: Int, message: String) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            (mark.line, "not valid YAML: \(problem)" + (context.map { " (\($0.text))" } ?? ""))
        case .duplicatedKeysInMapping(let duplicates, let context):
            (
                context.mark.line,
                "the same key twice in one place: \(duplicates.joined(separator: ", ")); keep one of them"
            )
        case .reader(let problem, _, _, _): (1, "not valid YAML: \(problem)")
        default: (1, "not valid YAML: \(error)")
        }
    }
}
