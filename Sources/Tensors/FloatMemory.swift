/// A block of floats on a cache line's boundary, zero at first.
final class FloatMemory {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    init(count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
        base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
        base.initialize(repeating: 0, count: count)
        self.count = count
    }

    deinit {
        base.deallocate()
    }

    /// Where `count` floats from `offset` lie.
    func pointer(_ offset: Int, _ count: Int) -> UnsafeMutablePointer<Float> {
        precondition(offset >= 0 && count >= 0 && offset + count <= self.count, "a region outside the memory")
        return base + offset
    }
}
