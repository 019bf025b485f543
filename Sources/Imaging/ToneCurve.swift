import CKernels
import Foundation

/// The memory that kernels look intensities up in: a frame's tables, copied, and what a curve makes of every sample of 8 or 16 bits.
/// Kept from frame to frame, and built again only where something in it has changed.
///
/// The kernels' structures point into it: they are good until the next call, and as long as it lives.
final class ToneCurve {
    /// What the tabulated intensities were made of, besides the tables' entries.
    private struct Key: Equatable {
        var curve: ResolvedIntensity.Curve
        var slope: Double
        var intercept: Double
        var sample: SampleType
    }

    private let curve = UnsafeMutablePointer<nr_curve>.allocate(capacity: 1)
    private var intensities: UnsafeMutablePointer<Float>?
    private var tabulated: Key?
    private let modality = TableCopy()
    private let voi = TableCopy()
    private let palette = [TableCopy(), TableCopy(), TableCopy()]

    init() { curve.initialize(to: nr_curve()) }

    deinit {
        curve.deallocate()
        intensities?.deallocate()
    }

    /// Makes `intensity` look up what `resolved` makes of the samples of `geometry`.
    func apply(
        _ resolved: ResolvedIntensity.Curve, _ geometry: FrameGeometry, planes: UnsafeRawBufferPointer,
        to intensity: inout nr_intensity
    ) throws(ImagingError) {
        let tone = geometry.tone
        var key = Key(curve: resolved, slope: tone.slope, intercept: tone.intercept, sample: geometry.sample)
        var isChanged = false
        if resolved == .palette {
            (key.slope, key.intercept) = (1, 0)
            for (copy, place) in zip(palette, tone.palette) {
                isChanged = try copy.load(place, planes) || isChanged
            }
        } else {
            isChanged = try describe(resolved, tone, planes)
        }
        guard geometry.sample.size <= 2 else {
            intensity.curve = UnsafePointer(curve)
            return
        }
        let patterns = geometry.sample.size == 1 ? 256 : 65_536
        let memory = intensities ?? .allocate(capacity: 3 * 65_536)
        intensities = memory
        if isChanged || tabulated != key {
            if resolved == .palette {
                for (colour, copy) in palette.enumerated() {
                    nr_palette_tabulate(&copy.kernel, geometry.sample.rawValue, memory + colour * patterns)
                }
            } else {
                nr_curve_tabulate(curve, geometry.sample.rawValue, memory)
            }
            tabulated = key
        }
        intensity.table = UnsafePointer(memory)
        intensity.table_step = resolved == .palette ? patterns : 0
    }

    /// The modality LUT as kernels take it.
    func modalityTable(_ place: Tone.TablePlace, planes: UnsafeRawBufferPointer) throws(ImagingError) -> nr_table {
        // What was tabulated with the table before this one is not good any more.
        if try modality.load(place, planes) { tabulated = nil }
        return modality.kernel
    }

    /// Fills the kernel's curve; returns whether a table in it is another than before.
    private func describe(
        _ resolved: ResolvedIntensity.Curve, _ tone: Tone, _ planes: UnsafeRawBufferPointer
    ) throws(ImagingError) -> Bool {
        var described = nr_curve()
        described.slope = tone.slope
        described.intercept = tone.intercept
        var isChanged = false
        if let place = tone.modalityTable {
            isChanged = try modality.load(place, planes)
            described.modality = modality.kernel
        } else if modality.clear() {
            isChanged = true
        }
        switch resolved {
        case .line(let black, let white):
            described.kind = NR_CURVE_LINE.rawValue
            described.black = black
            described.white = white
        case .sigmoid(let center, let width):
            described.kind = NR_CURVE_SIGMOID.rawValue
            described.center = center
            described.width = width
        case .table(let place):
            described.kind = NR_CURVE_TABLE.rawValue
            isChanged = try voi.load(place, planes) || isChanged
            described.voi = voi.kernel
        case .palette: break
        }
        curve.pointee = described
        return isChanged
    }
}

/// One lookup table, copied out of the planes so that the next scan's can be told from it.
private final class TableCopy {
    /// Points to the copy.
    var kernel = nr_table()

    private var entries: UnsafeMutablePointer<UInt16>?

    deinit { entries?.deallocate() }

    /// Takes the table at `place`; returns whether it is another than the one before. Throws ``ImagingError/badGeometry(_:)`` where the
    /// planes do not hold it.
    func load(_ place: Tone.TablePlace, _ planes: UnsafeRawBufferPointer) throws(ImagingError) -> Bool {
        guard (1...65_536).contains(place.count), (1...16).contains(place.bits), place.offset >= 0,
            place.offset <= planes.count, 2 * place.count <= planes.count - place.offset,
            let first = Int32(exactly: place.first), let source = planes.baseAddress
        else {
            throw .badGeometry(
                "expected a table within \(planes.count) bytes of planes, found \(place.count) entries of "
                    + "\(place.bits) bits at \(place.offset)")
        }
        let memory = entries ?? .allocate(capacity: 65_536)
        entries = memory
        let isSame =
            kernel.count == UInt32(place.count) && kernel.first == first && kernel.bits == UInt32(place.bits)
            && memcmp(memory, source + place.offset, 2 * place.count) == 0
        if isSame { return false }
        memcpy(memory, source + place.offset, 2 * place.count)
        kernel = nr_table(
            entries: UnsafePointer(memory), count: UInt32(place.count), first: first, bits: UInt32(place.bits))
        return true
    }

    /// Forgets the table; returns whether there was one.
    func clear() -> Bool {
        defer { kernel.count = 0 }
        return kernel.count > 0
    }
}
