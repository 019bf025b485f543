extension NameScheme.Layout {
    /// A source's values in Nightread's order; `shape` is the source's.
    func ours(_ values: [Float], shape: [Int]) -> [Float] {
        switch self {
        case .same: return values
        case .inOut: return Self.transposed(values, rows: shape[0], columns: shape[1])
        case .heightWidthChannels:
            return Self.transposed(values, rows: shape[0] * shape[1], columns: shape[2])
        case .heightWidthInOut:
            // [place, in, out] to [out, in, place].
            let (places, inputs, outputs) = (shape[0] * shape[1], shape[2], shape[3])
            return [Float](unsafeUninitializedCapacity: values.count) { target, initialised in
                for place in 0..<places {
                    for input in 0..<inputs {
                        for output in 0..<outputs {
                            target[(output * inputs + input) * places + place] =
                                values[(place * inputs + input) * outputs + output]
                        }
                    }
                }
                initialised = values.count
            }
        }
    }

    private static func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: values.count) { target, initialised in
            for row in 0..<rows {
                for column in 0..<columns { target[column * rows + row] = values[row * columns + column] }
            }
            initialised = values.count
        }
    }
}
