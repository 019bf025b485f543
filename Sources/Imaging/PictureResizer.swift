import CKernels
import EfficientNet

/// Resizes frames to floats in planes; keeps its weights and its scratch rows from one frame to the next.
final class PictureResizer {
    /// Weights that are held at a time; a picture with more of them is resized in blocks of outputs.
    private static let weightCeiling = 1 << 20

    /// The widest filter that fixed point is exact enough for.
    private static let fixedPointTaps = 1 << 12

    private var across = ResizeAxis()
    private var down = ResizeAxis()
    private var line: [Float] = []
    private var narrow: [Float] = []

    /// Fills the part of `planes` that `plan` names: output (channel c, row y, column x) at `c * plane + y * row + x`.
    ///
    /// `samples` hold the whole picture of `geometry`, and `planes` all rows of all of the picture's colours: the caller's promise.
    func resize(
        _ intensity: nr_intensity, _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer, plan: ResizePlan,
        interpolation: Preprocessing.Interpolation, planes: UnsafeMutablePointer<Float>, row: Int, plane: Int
    ) {
        guard let samples = samples.baseAddress else { return }
        let rowBytes = geometry.width * geometry.channels * geometry.sample.size
        let columnTaps = ResizeAxis.taps(source: geometry.width, target: plan.width, interpolation: interpolation)
        let rowTaps = ResizeAxis.taps(source: geometry.height, target: plan.height, interpolation: interpolation)
        var intensity = intensity
        // Weights that are spread over so many samples come to few steps of 1/2^22 each.
        if max(columnTaps, rowTaps) > Self.fixedPointTaps { intensity.in_steps = 0 }
        let columnsFirst = plan.columnsFirst(width: geometry.width, height: geometry.height)
        for rows in Self.blocks(plan.rows, taps: rowTaps) {
            down.prepare(
                .init(source: geometry.height, target: plan.height, outputs: rows, interpolation: interpolation))
            for columns in Self.blocks(plan.columns, taps: columnTaps) {
                across.prepare(
                    .init(source: geometry.width, target: plan.width, outputs: columns, interpolation: interpolation))
                grow(&line, to: 2 * Int(intensity.colours) * (across.sourceCount + across.taps))
                grow(&narrow, to: columns.count)
                let corner = (plan.top + rows.lowerBound - plan.rows.lowerBound) * row
                let target = planes + corner + plan.left + columns.lowerBound - plan.columns.lowerBound
                run(intensity, samples, rowBytes, columnsFirst, target, row, plane)
            }
        }
    }

    private func run(
        _ intensity: nr_intensity, _ samples: UnsafeRawPointer, _ rowBytes: Int, _ columnsFirst: Bool,
        _ target: UnsafeMutablePointer<Float>, _ row: Int, _ plane: Int
    ) {
        var intensity = intensity
        line.withUnsafeMutableBufferPointer { line in
            narrow.withUnsafeMutableBufferPointer { narrow in
                across.withAxis { across in
                    down.withAxis { down in
                        var (across, down) = (across, down)
                        nr_resize(
                            &intensity, samples, rowBytes, &across, &down, columnsFirst ? 1 : 0, line.baseAddress,
                            narrow.baseAddress, target, row, plane)
                    }
                }
            }
        }
    }

    private func grow(_ buffer: inout [Float], to count: Int) {
        if buffer.count < count { buffer = [Float](repeating: 0, count: count) }
    }

    /// `outputs` in parts whose weights stay under the ceiling.
    private static func blocks(_ outputs: Range<Int>, taps: Int) -> [Range<Int>] {
        let size = max(1, weightCeiling / taps)
        return stride(from: outputs.lowerBound, to: outputs.upperBound, by: size).map {
            $0..<min($0 + size, outputs.upperBound)
        }
    }
}
