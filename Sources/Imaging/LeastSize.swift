import CCodecs
public import EfficientNet

/// How small a picture may become in decoding without the network's input suffering: JPEG can be decoded at a half, a quarter or an eighth
/// of its size for a fraction of the work.
public struct LeastSize: Sendable, Hashable {
    /// Pixels that the shorter side keeps at least; 0: it does not matter.
    public var shorter: Int
    /// Pixels that the longer side keeps at least; 0: it does not matter.
    public var longer: Int

    /// Nothing is reduced.
    public static let full = LeastSize(shorter: 0, longer: 0)

    /// See the properties.
    public init(shorter: Int, longer: Int) {
        self.shorter = shorter
        self.longer = longer
    }

    /// Twice what `preprocessing` resizes a picture to, so that its own antialiasing still decides what is seen; ``full`` where it does not
    /// allow reduction.
    public init(for preprocessing: Preprocessing) {
        guard preprocessing.jpegScaling, preprocessing.intensity.allowsReduction else {
            self = .full
            return
        }
        let side = preprocessing.resolution
        switch preprocessing.fit {
        case .squash: self.init(shorter: 2 * side, longer: 0)
        case .crop: self.init(shorter: 2 * ResizePlan.shorterSide(preprocessing), longer: 0)
        case .pad: self.init(shorter: 0, longer: 2 * side)
        }
    }

    /// The same for a decoder.
    public var forDecoder: nr_least_size {
        nr_least_size(shorter: UInt32(clamping: shorter), longer: UInt32(clamping: longer))
    }
}
