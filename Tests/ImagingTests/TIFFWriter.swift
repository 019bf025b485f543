import Foundation

/// Writes uncompressed TIFF files for the tests, tag by tag, so that each test can say exactly what is in its file (or wrong with it).
struct TIFFWriter {
    struct Page {
        var width = 0
        var height = 0
        var bits = 8
        var samples = 1
        var photometric = 1
        var format = 1
        /// The stored bytes of each strip or tile, in the file's byte order.
        var blocks: [[UInt8]] = []
        var rowsPerStrip: Int?
        var tile: (width: Int, height: Int)?
        /// Tags that replace or join the usual ones; nil leaves one out.
        var tags: [UInt16: [Int]?] = [:]
    }

    var bigEndian = false
    var pages: [Page] = []

    /// One page of one strip.
    init(
        width: Int, height: Int, bits: Int = 8, samples: Int = 1, photometric: Int = 1, format: Int = 1,
        bigEndian: Bool = false, tags: [UInt16: [Int]?] = [:], _ bytes: [UInt8]
    ) {
        self.bigEndian = bigEndian
        pages = [
            Page(
                width: width, height: height, bits: bits, samples: samples, photometric: photometric, format: format,
                blocks: [bytes], tags: tags)
        ]
    }

    func number(_ value: Int, size: Int) -> [UInt8] {
        let little = (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        return bigEndian ? little.reversed() : little
    }

    /// The whole file; every tag's values are LONG (type 4).
    func file() -> [UInt8] {
        var file: [UInt8] = (bigEndian ? [0x4D, 0x4D] : [0x49, 0x49]) + number(42, size: 2)
        var link = file.count
        file += number(0, size: 4)
        for page in pages {
            let offsets = page.blocks.map { block in
                defer { file += block + (block.count % 2 == 0 ? [] : [0]) }
                return file.count
            }
            let directory = file.count
            file.replaceSubrange(link..<link + 4, with: number(directory, size: 4))
            let tags = tags(of: page, offsets: offsets)
            var tail: [UInt8] = []
            let tailStart = directory + 2 + 12 * tags.count + 4
            file += number(tags.count, size: 2)
            for (tag, values) in tags {
                file += number(Int(tag), size: 2) + number(4, size: 2) + number(values.count, size: 4)
                if values.count == 1 {
                    file += number(values[0], size: 4)
                } else {
                    file += number(tailStart + tail.count, size: 4)
                    tail += values.flatMap { number($0, size: 4) }
                }
            }
            link = file.count
            file += number(0, size: 4) + tail
        }
        return file
    }

    private func tags(of page: Page, offsets: [Int]) -> [(UInt16, [Int])] {
        var tags: [UInt16: [Int]] = [
            256: [page.width], 257: [page.height], 258: [Int](repeating: page.bits, count: page.samples), 259: [1],
            262: [page.photometric], 277: [page.samples], 339: [Int](repeating: page.format, count: page.samples),
        ]
        if let tile = page.tile {
            tags[322] = [tile.width]
            tags[323] = [tile.height]
            tags[324] = offsets
            tags[325] = page.blocks.map(\.count)
        } else {
            tags[273] = offsets
            tags[278] = [page.rowsPerStrip ?? page.height]
            tags[279] = page.blocks.map(\.count)
        }
        for (tag, values) in page.tags { tags[tag] = values }
        return tags.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
