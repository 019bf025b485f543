import Foundation

/// Logits to probabilities.
public enum Probabilities {
    /// The probabilities of `manifest`'s activation and temperature.
    public static func of(logits: [Float], manifest: ModelManifest) -> [Double] {
        switch manifest.activation {
        case .softmax: softmax(logits, temperature: manifest.temperature)
        case .sigmoid: sigmoid(logits, temperature: manifest.temperature)
        }
    }

    /// exp(x / T) over their sum, in 0…1; sums to 1. NaN in, NaN everywhere out.
    public static func softmax(_ logits: [Float], temperature: Double = 1) -> [Double] {
        let scaled = logits.map { Double($0) / temperature }
        guard let largest = scaled.max() else { return [] }
        // A NaN or an infinity among the logits has no probability; say so instead of naming a winner.
        guard scaled.allSatisfy(\.isFinite) else { return scaled.map { _ in .nan } }
        let powers = scaled.map { exp($0 - largest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    /// 1 / (1 + exp(−x / T)), each by itself, in 0…1.
    public static func sigmoid(_ logits: [Float], temperature: Double = 1) -> [Double] {
        logits.map { 1 / (1 + exp(-Double($0) / temperature)) }
    }
}
