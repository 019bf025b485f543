/// Height, width and channels of one image's map.
struct MapShape: Sendable, Hashable {
    var height: Int
    var width: Int
    var channels: Int

    var area: Int { height * width }
    var count: Int { area * channels }
}

/// What a convolution reads, or the network's head.
enum Source: Sendable, Hashable {
    /// The batch's images, [3, H, W] each.
    case image
    /// A map that lies in memory.
    case map(Int)
    /// The map that batch norm and activation make of a unit's convolution, times a squeeze-and-excite gate where there is one. It
    /// is made anew where it is read.
    case unit(Int, gate: Int?)
}

/// A convolution with its batch norm and activation: what the trainer handles as one step.
struct ConvolutionUnit: Sendable {
    enum Kind: Sendable, Hashable { case pointwise, depthwise, full }

    /// Where the gradient of the norm's output lies before the convolution's backward pass.
    enum Gradient: Sendable, Hashable {
        /// In one of two buffers that the units use in turn.
        case slot(Int)
        /// In the buffer of the maps' gradients.
        case map
    }

    /// Who hands the gradient of the unit's output over.
    enum Consumer: Sendable, Hashable {
        /// A convolution that reads the unit itself, and takes the activation's slope on its way.
        case convolution
        /// A convolution behind a squeeze-and-excite gate.
        case gate(Int)
        /// Whoever reads the map that the unit writes.
        case map
        /// Global average.
        case average
        /// The head, which reads every value.
        case flatten
    }

    let name: String
    let kind: Kind
    let input: Source
    let inputShape: MapShape
    let output: MapShape
    let kernel: Int
    let stride: Int
    let top: Int
    let left: Int
    /// The kernels' number for it.
    let activation: Int32
    /// Index of the convolution's weight.
    let weight: Int
    /// Index of batch norm's weight; its bias, running mean and running variance follow.
    let norm: Int
    /// The map that it writes.
    var map: Int?
    /// The map that is added.
    var residual: Int?
    /// Position of its block among all blocks, in 0..<1: how much of the drop-connect rate the block has.
    var dropShare = 0.0
    var consumer = Consumer.convolution
    var gradient = Gradient.slot(0)
    var memory = UnitMemory()

    /// The unit that it reads, and the gate that it reads it through.
    var source: Int? { if case .unit(let index, _) = input { index } else { nil } }
    var gate: Int? { if case .unit(_, let gate) = input { gate } else { nil } }
    /// Whether the activation's slope is taken before its own backward pass, and not by its reader.
    var takesSlope: Bool {
        switch consumer {
        case .convolution, .gate: false
        case .map, .average, .flatten: true
        }
    }
    /// Columns of the matrix that the convolution is, as memory has them.
    var depth: Int { kind == .full ? (kernel * kernel * inputShape.channels + 7) / 8 * 8 : inputShape.channels }
    /// Whether the weights' gradient is summed up as [inputs][outputs]. The smaller side lies along the vectors.
    var isTransposed: Bool { kind == .pointwise && inputShape.channels > output.channels }
    /// Rows and columns of the weights' gradient as threads sum it up.
    var partial: (rows: Int, columns: Int) {
        switch kind {
        case .depthwise: (kernel * kernel, output.channels)
        case .pointwise, .full: isTransposed ? (inputShape.channels, output.channels) : (output.channels, depth)
        }
    }
}

/// Where a unit's numbers lie, offsets in floats.
struct UnitMemory: Sendable {
    /// The convolution's output for every image, [N][H][W][C].
    var z = 0
    /// [C] each: mean, weight / deviation, 1 / deviation, and the three factors of the backward pass.
    var coefficients = 0
    /// Weights in the products' order, and transposed; a depthwise convolution's taps [kernel²][C].
    var packed = 0
    var transposed = 0
    /// A full convolution's weights as [output][kernel²][input].
    var permuted = 0
    /// In each thread's memory: the weights' gradient.
    var partial = 0
}

/// Room for the gradient of one map of each image, whichever is in turn.
///
/// A thread's images begin at as many times the largest map, and lie one after the other from there on: maps of different sizes
/// follow each other, and no thread ever meets another one's.
struct GradientBuffer: Sendable {
    var offset = 0
    /// Floats of the largest map.
    var largest = 0
}

/// A matrix with bias over one vector per image: squeeze-and-excite's two, and the head's.
struct DensePlan: Sendable {
    let name: String
    let inputs: Int
    let outputs: Int
    /// Index of the weight; the bias follows.
    let weight: Int
    var packed = 0
    var transposed = 0
    var bias = 0
    var partial = 0
    var biasPartial = 0

    /// Floats from one image's vector to the next one's.
    var inputRow: Int { (inputs + 7) / 8 * 8 }
    var outputRow: Int { (outputs + 7) / 8 * 8 }
}

/// Squeeze-and-excite: the gate of a unit's map.
struct SqueezeExcite: Sendable {
    let unit: Int
    let channels: Int
    let activation: Int32
    var reduce: DensePlan
    var excite: DensePlan
    /// Offsets of one vector per image: averages, what reduce makes of them before and after its activation, the gate.
    var averages = 0
    var reduced = 0
    var activated = 0
    var gate = 0
    /// Gradients: of the gate before its sigmoid, of `activated` (then of `reduced`), of a pixel's share in the averages.
    var gateGradient = 0
    var activatedGradient = 0
    var shift = 0
}

/// The head's steps, one vector per image in and out.
enum HeadStep: Sendable {
    /// A matrix; `isRectified`: with ReLU.
    case dense(DensePlan, isRectified: Bool)
    case dropout(count: Int)
}

/// The network's steps before the head, in order.
enum BodyStep: Sendable {
    case convolution(Int)
    case squeezeExcite(Int)
}
