import EfficientNet

/// Which part of which resized picture goes where in the output: the three ways of making a square out of a rectangle.
struct ResizePlan: Hashable {
    /// Size of the whole resized picture, of which `columns` and `rows` are wanted.
    var width: Int
    var height: Int
    var columns: Range<Int>
    var rows: Range<Int>
    /// Where the wanted part starts in the output.
    var left = 0
    var top = 0

    /// All of a picture at another size.
    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        columns = 0..<width
        rows = 0..<height
    }

    /// The square of `preprocessing` out of a picture of `width` × `height`.
    init(_ preprocessing: Preprocessing, width: Int, height: Int) {
        let side = preprocessing.resolution
        switch preprocessing.fit {
        case .squash:
            self.init(width: side, height: side)
        case .crop:
            // timm: shorter side to ⌊R / crop_pct⌋; torchvision's Resize: the longer one truncated, CenterCrop: half to even.
            let shorter = Self.shorterSide(preprocessing)
            let longer = Int(Double(shorter * max(width, height)) / Double(min(width, height)))
            self.init(width: width <= height ? shorter : longer, height: width <= height ? longer : shorter)
            let left = Self.half(self.width - side)
            let top = Self.half(self.height - side)
            columns = left..<left + side
            rows = top..<top + side
        case .pad:
            // Pillow's ImageOps.pad.
            let longer = Double(max(width, height))
            let shorter = Int((Double(min(width, height)) / longer * Double(side)).rounded(.toNearestOrEven))
            self.init(width: width < height ? max(shorter, 1) : side, height: width < height ? side : max(shorter, 1))
            left = Self.half(side - self.width)
            top = Self.half(side - self.height)
        }
    }

    /// The shorter side of the resized picture that a square is cropped from.
    static func shorterSide(_ preprocessing: Preprocessing) -> Int {
        Int((Double(preprocessing.resolution) / preprocessing.cropFraction).rounded(.down))
    }

    /// Whether columns are resized before rows, as Pillow does since version 13 where the height loses more than twice the pixels that
    /// the width loses (python-pillow/Pillow pull request 9549). It matters for hard edges, because of the clamping in between.
    func columnsFirst(width: Int, height: Int) -> Bool {
        height > self.height && height - self.height > 2 * (width - self.width)
    }

    /// Half of `length` to the nearest integer, to the even one between two: Python's `round(length / 2)`.
    private static func half(_ length: Int) -> Int {
        Int((Double(length) / 2).rounded(.toNearestOrEven))
    }
}
