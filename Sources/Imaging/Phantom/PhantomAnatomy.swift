import Foundation

/// The parts of a drawn chest and their densities, as functions of position.
///
/// Coordinates: x to the viewer's right, y down, the shorter side of the picture spans −1…1; the patient faces the viewer,
/// so the heart lies to the right of the midline.
struct PhantomAnatomy {
    /// A round shadow inside a lung.
    private struct Nodule {
        let x, y, radius, contrast: Double
    }
    /// Fluid at the bottom of one pleural space.
    private struct Effusion {
        /// −1 the lung on the viewer's left, +1 on the right.
        let side: Double
        /// Height of the fluid at the midline end, in lung heights above the diaphragm.
        let level: Double
    }
    private struct Vessel {
        let x, y, dx, dy, width, contrast: Double
    }

    private let rotation: (cosine: Double, sine: Double)
    private let shift: (x: Double, y: Double)
    private let zoom: Double
    private let lungWidth, lungTop, lungBottom, lungOffset: Double
    private let heartWidth, heartTilt: Double
    private let ribCount: Int
    private let ribPhase, ribContrast: Double
    private let vessels: [Vessel]
    private let nodules: [Nodule]
    private let effusions: [Effusion]

    init(label: Phantom.Label, using generator: inout SeededGenerator) {
        let angle = generator.uniform(-0.10...0.10)
        rotation = (cos(angle), sin(angle))
        shift = (generator.uniform(-0.08...0.08), generator.uniform(-0.08...0.08))
        zoom = generator.uniform(0.92...1.10)
        lungWidth = generator.uniform(0.31...0.36)
        lungTop = generator.uniform(-0.80 ... -0.68)
        lungBottom = generator.uniform(0.42...0.60)
        lungOffset = generator.uniform(0.38...0.43)
        heartWidth = generator.uniform(0.28...0.38)
        heartTilt = generator.uniform(0.5...0.9)
        ribCount = Int(generator.uniform(8...10.99))
        ribPhase = generator.uniform(0...1)
        ribContrast = generator.uniform(0.05...0.11)

        var vessels: [Vessel] = []
        for side in [-1.0, 1.0] {
            for _ in 0..<11 {
                let direction = generator.uniform(-1.25...1.25)
                vessels.append(
                    Vessel(
                        x: side * generator.uniform(0.14...0.2), y: generator.uniform(-0.15...0.15),
                        dx: side * cos(direction), dy: sin(direction), width: generator.uniform(0.008...0.016),
                        contrast: generator.uniform(0.10...0.28)))
            }
        }
        self.vessels = vessels

        var nodules: [Nodule] = []
        var effusions: [Effusion] = []
        switch label {
        case .normal: break
        case .nodule:
            let side = generator.uniform(0...1) < 0.5 ? -1.0 : 1.0
            // Inside the lung and off the heart's shadow, where a reader could see it.
            let angle = generator.uniform(0...(2 * Double.pi))
            let distance = generator.uniform(0...0.62)
            let middle = (lungTop + lungBottom) / 2
            nodules.append(
                Nodule(
                    x: side * (lungOffset + 0.04) + cos(angle) * distance * lungWidth * 0.8,
                    y: middle - 0.06 + sin(angle) * distance * (lungBottom - lungTop) / 2,
                    radius: generator.uniform(0.055...0.105), contrast: generator.uniform(0.14...0.28)))
        case .effusion:
            let both = generator.uniform(0...1) < 0.25
            let first = generator.uniform(0...1) < 0.5 ? -1.0 : 1.0
            for side in both ? [first, -first] : [first] {
                effusions.append(Effusion(side: side, level: generator.uniform(0.12...0.45)))
            }
        }
        self.nodules = nodules
        self.effusions = effusions
    }

    /// Density at a point of the picture: 0 air outside the body … about 1 where bone crosses soft tissue.
    func density(x pictureX: Double, y pictureY: Double) -> Double {
        let (x, y) = bodyPosition(pictureX, pictureY)
        let inBody = step(torso(x, y), softness: 0.02)
        guard inBody > 0.001 else { return 0.01 }

        var density = 0.62 + 0.06 * y
        for side in [-1.0, 1.0] {
            let air = lung(x, y, side: side)
            guard air > 0.001 else { continue }
            let fluid = effusions.first { $0.side == side }.map { fluidShare($0, x, y) } ?? 0
            density -= 0.40 * air * (1 - fluid) - 0.04 * air * fluid
            density += 0.5 * air * (1 - fluid) * vesselDensity(x, y, side: side)
        }
        let heart = heart(x, y)
        density += heart * 0.24
        // Behind the heart the spine shows less: the film is near its white there.
        density += spine(x, y) * (1 - 0.55 * heart)
        density += ribs(x, y) * ribContrast * step(lungBottom + 0.12 - y, softness: 0.10)
        density += clavicles(x, y) * 0.10
        for nodule in nodules {
            let distance = hypot(x - nodule.x, y - nodule.y) / nodule.radius
            density += nodule.contrast * step(1 - distance, softness: 0.22)
        }
        return density * inBody
    }

    /// The lesions' boxes in a picture of the given size, clipped to it.
    func lesions(width: Int, height: Int) -> [Phantom.Box] {
        nodules.map { nodule in
            box(
                around: [(-1, -1), (1, -1), (-1, 1), (1, 1)].map {
                    (nodule.x + $0.0 * nodule.radius, nodule.y + $0.1 * nodule.radius)
                }, width: width, height: height)
        }
            + effusions.map { effusion in
                let top = lungBottom - effusion.level * (lungBottom - lungTop) - 0.12
                let inner = effusion.side * (lungOffset - lungWidth)
                let outer = effusion.side * (lungOffset + lungWidth)
                return box(
                    around: [(inner, top), (outer, top), (inner, lungBottom), (outer, lungBottom)], width: width,
                    height: height)
            }
    }

    // MARK: Positions

    private func bodyPosition(_ x: Double, _ y: Double) -> (Double, Double) {
        let (movedX, movedY) = ((x - shift.x) / zoom, (y - shift.y) / zoom)
        return (
            rotation.cosine * movedX + rotation.sine * movedY, -rotation.sine * movedX + rotation.cosine * movedY
        )
    }

    private func box(around corners: [(Double, Double)], width: Int, height: Int) -> Phantom.Box {
        let scale = Double(min(width, height)) / 2
        let points = corners.map { x, y in
            (
                (zoom * (rotation.cosine * x - rotation.sine * y) + shift.x) * scale + Double(width) / 2,
                (zoom * (rotation.sine * x + rotation.cosine * y) + shift.y) * scale + Double(height) / 2
            )
        }
        let horizontal = points.map { Int($0.0.rounded()) }
        let vertical = points.map { Int($0.1.rounded()) }
        let left = min(max(horizontal.min() ?? 0, 0), width - 1)
        let top = min(max(vertical.min() ?? 0, 0), height - 1)
        return Phantom.Box(
            x: left, y: top, width: min(max((horizontal.max() ?? 0) - left, 1), width - left),
            height: min(max((vertical.max() ?? 0) - top, 1), height - top))
    }

    // MARK: Parts; shapes are positive inside

    private func torso(_ x: Double, _ y: Double) -> Double {
        let shoulders = 0.80 + 0.14 * step(y + 0.62, softness: 0.25)
        let neck = y < -0.8 ? 0.30 + 1.8 * max(0, y + 1.05) : 1
        return min(shoulders, neck) - abs(x)
    }

    private func lung(_ x: Double, _ y: Double, side: Double) -> Double {
        let middle = (lungTop + lungBottom) / 2
        let half = (lungBottom - lungTop) / 2
        let vertical = (y - middle) / half
        guard abs(vertical) < 1.25 else { return 0 }
        // Narrow at the apex, widest above the diaphragm.
        let width = lungWidth * (0.80 + 0.25 * vertical)
        let offset = lungOffset - 0.05 * (1 - vertical) * 0.5
        let across = (x * side - offset) / max(width, 0.05)
        let outline = 1 - pow(abs(across), 2.4) - pow(abs(vertical), 3.2)
        // The diaphragm's dome: higher in the middle of each lung, lower at the outer angle.
        let dome = lungBottom - 0.10 * (1 - across * across) + 0.06 * max(across, 0)
        return step(outline, softness: 0.10) * step(dome - y, softness: 0.03)
    }

    private func fluidShare(_ effusion: Effusion, _ x: Double, _ y: Double) -> Double {
        let across = (x * effusion.side - lungOffset) / lungWidth
        // The meniscus rises towards the chest wall.
        let rise = 0.12 * max(0, across) * max(0, across)
        let surface = lungBottom - effusion.level * (lungBottom - lungTop) - rise
        return step(y - surface, softness: 0.05)
    }

    private func heart(_ x: Double, _ y: Double) -> Double {
        let (centerX, centerY) = (0.11, lungBottom - 0.24)
        let (dx, dy) = (x - centerX, y - centerY)
        let along = dx * cos(heartTilt) + dy * sin(heartTilt)
        let across = -dx * sin(heartTilt) + dy * cos(heartTilt)
        let outline = 1 - (along / heartWidth) * (along / heartWidth) - (across / 0.24) * (across / 0.24)
        return step(outline, softness: 0.22)
    }

    private func spine(_ x: Double, _ y: Double) -> Double {
        let body = exp(-(x / 0.075) * (x / 0.075))
        let mediastinum = exp(-pow(abs(x) / 0.14, 4))
        let discs = 0.5 + 0.5 * cos(y * 2 * .pi / 0.13)
        return 0.14 * mediastinum + body * (0.10 + 0.04 * discs)
    }

    private func ribs(_ x: Double, _ y: Double) -> Double {
        let reach = abs(x) / 0.80
        guard reach < 1.1 else { return 0 }
        let spacing = 1.45 / Double(ribCount)
        // Back parts slope down and outwards; front parts run the other way below them.
        let back = y + 0.95 - 0.34 * pow(reach, 1.6)
        let front = y + 0.80 + 0.30 * pow(reach, 2) - 0.30
        return band(back / spacing + ribPhase) * step(1 - reach, softness: 0.08)
            + 0.55 * band(front / spacing + ribPhase) * step(reach - 0.45, softness: 0.15)
    }

    private func band(_ position: Double) -> Double {
        let distance = (position - position.rounded()) / 0.17
        // Two bright edges with a paler core, as cortical bone looks.
        let inside = exp(-pow(distance, 4))
        return inside * (0.75 + 0.5 * distance * distance)
    }

    private func clavicles(_ x: Double, _ y: Double) -> Double {
        let line = lungTop + 0.10 - 0.22 * (abs(x) - 0.1) + 0.08 * sin(abs(x) * 5)
        let distance = (y - line) / 0.035
        return exp(-pow(distance, 4)) * step(abs(x) - 0.08, softness: 0.03) * step(0.75 - abs(x), softness: 0.05)
    }

    private func vesselDensity(_ x: Double, _ y: Double, side: Double) -> Double {
        var density = 0.0
        for vessel in vessels where vessel.x * side > 0 {
            let (fromX, fromY) = (x - vessel.x, y - vessel.y)
            let along = fromX * vessel.dx + fromY * vessel.dy
            guard along > 0, along < 0.5 else { continue }
            let across = (fromX * vessel.dy - fromY * vessel.dx) / (vessel.width * (1.2 - along * 1.6))
            density += vessel.contrast * (1 - along * 2) * exp(-across * across)
        }
        // The hilum, where all of them meet.
        let hilum = hypot(x - side * 0.19, (y + 0.02) / 1.6)
        return density + 0.16 * exp(-(hilum / 0.07) * (hilum / 0.07))
    }

    /// 0 outside, 1 inside, smooth over about ± `softness` around 0.
    private func step(_ value: Double, softness: Double) -> Double {
        let t = min(max(value / (2 * softness) + 0.5, 0), 1)
        return t * t * (3 - 2 * t)
    }
}
