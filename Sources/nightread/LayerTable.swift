import EfficientNet
import Foundation
import Tensors

/// What each layer kind of a network takes, and which share of the core's multiplications it reaches.
struct LayerTable {
    let text: String

    init(_ throughput: Throughput) {
        let peak = throughput.precision.peak(on: throughput.instructionSet)
        var lines = [
            "layers                   ms   share of time   share of the peak (one core, \(Int(peak / 5e8)) GFLOP/s)"
        ]
        let total = throughput.parts.reduce(0) { $0 + $1.seconds }
        for kind in Program.Part.Kind.allCases {
            let parts = throughput.parts.filter { $0.part.kind == kind }
            let seconds = parts.reduce(0) { $0 + $1.seconds }
            let products = parts.reduce(0) { $0 + $1.part.products }
            guard seconds > 0, peak > 0 else { continue }
            lines.append(
                kind.rawValue.padding(toLength: 20, withPad: " ", startingAt: 0)
                    + String(
                        format: "%7.3f %13.1f %% %15.1f %%", seconds * 1e3, seconds / total * 100,
                        Double(products) / seconds / peak * 100))
        }
        text = lines.joined(separator: "\n")
    }
}
