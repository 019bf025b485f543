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
        // A column and a row at a reduced picture's edge may reach beyond the file's: that is a fraction of a pixel.
        let reduction = Double(geometry.reduction)
        let columns = ResizeAxis.Request(
            source: geometry.width,
            origin: geometry.isMissingFirstColumns ? Double(geometry.missingColumns) / reduction : 0,
            extent: Double(geometry.fullWidth) / reduction, target: plan.width,
            outputs: plan.columns, interpolation: interpolation)
        let rows = ResizeAxis.Request(
            source: geometry.height,
            origin: geometry.isMissingFirstRows ? Double(geometry.missingRows) / reduction : 0,
            extent: Double(geometry.fullHeight) / reduction, target: plan.height,
            outputs: plan.rows, interpolation: interpolation)
        let (columnTaps, rowTaps) = (columns.taps, rows.taps)
        var intensity = intensity
        // Weights that are spread over so many samples come to few steps of 1/2^22 each.
        if max(columnTaps, rowTaps) > Self.fixedPointTaps { intensity.in_steps = 0 }
        let columnsFirst = plan.columnsFirst(width: geometry.fullWidth, height: geometry.fullHeight)
        for rowBlock in Self.blocks(plan.rows, taps: rowTaps) {
            down.prepare(rows.outputs(rowBlock))
            for columnBlock in Self.blocks(plan.columns, taps: columnTaps) {
                across.prepare(columns.outputs(columnBlock))
                grow(&line, to: 2 * Int(intensity.colours) * (across.sourceCount + across.taps))
                grow(&narrow, to: columnBlock.count)
                let corner = (plan.top + rowBlock.lowerBound - plan.rows.lowerBound) * row
                let target = planes + corner + plan.left + columnBlock.lowerBound - plan.columns.lowerBound
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
