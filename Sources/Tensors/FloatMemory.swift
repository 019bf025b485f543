import Foundation

/// A block of 32-bit words on a cache line's boundary, zero at first: floats, or pairs of bfloat16 values.
public final class FloatMemory {
    let base: UnsafeMutablePointer<Float>
    /// Number of words.
    public let count: Int
    private let mapped: Int

    /// From here on a block is mapped by itself: pages that nobody touches then cost nothing.
    private static let mappingThreshold = 1 << 18
    private static let hugePage = 2 << 20

    /// Memory of this process.
    ///
    /// - Parameter isHuge: Whether to ask for pages of 2 MiB, which spare the processor most of its walks through the page
    ///   tables: 1 to 2 % of a forward pass, for the memory that maps lie in.
    public init(count: Int, isHuge: Bool = false) {
        self.count = count
        let bytes = max(count, 1) * 4
        if bytes >= Self.mappingThreshold,
            let raw = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), raw != MAP_FAILED
        {
            if isHuge, bytes >= Self.hugePage { _ = madvise(raw, bytes, MADV_HUGEPAGE) }
            base = raw.bindMemory(to: Float.self, capacity: count)
            mapped = bytes
        } else {
            let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
            base.initialize(repeating: 0, count: count)
            mapped = 0
        }
    }

    /// Memory that processes share: the first `bytes` of an open file, which nobody may shorten.
    ///
    /// - Throws: `TensorError.cannotRead` with the system's reason.
    public init(sharing descriptor: Int32, bytes: Int, isWritable: Bool) throws(TensorError) {
        let protection = isWritable ? PROT_READ | PROT_WRITE : PROT_READ
        guard let raw = mmap(nil, bytes, protection, MAP_SHARED, descriptor, 0), raw != MAP_FAILED else {
            throw .cannotRead(path: "shared memory", reason: String(cString: strerror(errno)))
        }
        count = bytes / 4
        mapped = bytes
        base = raw.bindMemory(to: Float.self, capacity: count)
    }

    deinit {
        if mapped > 0 { munmap(base, mapped) } else { base.deallocate() }
    }

    /// Where `count` words from `offset` lie.
    func pointer(_ offset: Int, _ count: Int) -> UnsafeMutablePointer<Float> {
        precondition(offset >= 0 && count >= 0 && offset + count <= self.count, "a region outside the memory")
        return base + offset
    }

    /// The block's words, as floats; they are there as long as this object is.
    public var floats: UnsafeMutablePointer<Float> { base }

    /// The block's bytes.
    public var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: base, count: count * 4) }
}
