// The readers of files that users get from others, under libFuzzer: which one is the program's own name (model, safetensors, pipeline, pickle, container,
// keras).
// They may refuse an input, with an error; they may not trap, read out of bounds, or take long.
import Foundation
import fuzz_driver

@testable import Conversion
@testable import EfficientNet
@testable import Pipeline
@testable import Tensors

private func readManifest(_ data: Data) {
    guard let manifest = try? JSONDecoder().decode(ModelManifest.self, from: data) else { return }
    try? manifest.check(path: "model.json")
    _ = try? manifest.preprocessing.digest
}

private func readTensors(_ data: Data) {
    guard let file = try? SafetensorsFile(path: "weights", contents: data) else { return }
    for name in file.names { _ = try? file.tensor(name).scalars.count }
}

private func readPipeline(_ data: Data) {
    guard let text = String(validating: data, as: UTF8.self) else { return }
    do {
        _ = try PipelineFile.parse(text, path: "/nowhere/night.yaml", shownAs: "night.yaml")
    } catch {
        // The message is made as well: that is where numbers from the file are shown.
        precondition(!"\(error)".isEmpty)
    }
}

/// A pickle by itself: what it makes is looked through for a state dict.
private func readPickle(_ data: Data) {
    data.withUnsafeBytes { bytes in
        var cursor = PickleCursor(bytes)
        guard let (value, heap) = try? PickleMachine.run(&cursor) else { return }
        _ = try? StateDict(value, heap: heap)
    }
}

/// Where tensors of a container go; as much as the fuzzer's own memory limit leaves room for.
nonisolated(unsafe) private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 20, alignment: 16)

/// PyTorch's files and Keras', up to the tensors' values.
private func readContainer(_ data: Data) {
    let converted = data.withUnsafeBytes { ContainerConversion.convert($0, into: room) }
    guard case .success(let (length, notes)) = converted else { return }
    guard let file = try? SafetensorsFile(path: "weights", contents: Data(room[..<length])) else {
        preconditionFailure("what was written is no safetensors file")
    }
    _ = try? ImportPlan(
        SourceFile(path: "weights", tensors: file, notes: notes), options: ImportOptions(), name: "fuzz")
}

/// A Keras model's configuration.
private func readKeras(_ data: Data) {
    guard let text = String(validating: data, as: UTF8.self),
        let configuration = try? KerasConfiguration(json: text)
    else { return }
    _ = try? KerasModel(configuration)
}

/// Chosen once; a C function pointer cannot carry it.
nonisolated(unsafe) private var reader: (Data) -> Void = { _ in }

switch URL(fileURLWithPath: CommandLine.arguments[0]).lastPathComponent {
case "model": reader = readManifest
case "safetensors": reader = readTensors
case "pipeline": reader = readPipeline
case "pickle": reader = readPickle
case "container": reader = readContainer
case "keras": reader = readKeras
default: fatalError("expected to be called as one of the readers, found \(CommandLine.arguments[0])")
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
let status = withUnsafeMutablePointer(to: &arguments) { arguments in
    arguments.withMemoryRebound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1) {
        arguments in
        LLVMFuzzerRunDriver(&count, arguments) { bytes, count in
            reader(bytes.map { Data(bytes: $0, count: count) } ?? Data())
            return 0
        }
    }
}
exit(status)
