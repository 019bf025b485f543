import Foundation
import Tensors
import Testing

@testable import Conversion

/// A container's bytes, read in this process.
enum Reading {
    /// libhdf5 is for one thread at a time, which is all that a converter process has; tests run side by side.
    private static let oneAtATime = NSLock()

    /// The tensors that a container becomes, and what it says besides.
    static func source(_ bytes: [UInt8], path: String = "weights") throws -> SourceFile {
        var memory = [UInt8](repeating: 0, count: max(1 << 16, 2 * bytes.count))
        let converted = oneAtATime.withLock {
            bytes.withUnsafeBytes { bytes in
                memory.withUnsafeMutableBytes { ContainerConversion.convert(bytes, into: $0) }
            }
        }
        let (length, notes) = try converted.get()
        return SourceFile(
            path: path, tensors: try SafetensorsFile(path: path, contents: Data(memory[..<length])), notes: notes)
    }

    /// Why a container is refused.
    static func refusal(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> String {
        do {
            _ = try source(bytes)
            Issue.record("it was read", sourceLocation: sourceLocation)
            return ""
        } catch let refusal as ContainerConversion.Refusal {
            return refusal.reason
        } catch {
            Issue.record("\(error)", sourceLocation: sourceLocation)
            return ""
        }
    }

    /// A file of Fixtures.
    static func fixture(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil))
        return Array(try Data(contentsOf: url))
    }
}
