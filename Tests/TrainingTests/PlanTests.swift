import EfficientNet
import Testing

@testable import Training

@Suite("The plan of a training")
struct PlanTests {
    private func plan(_ variant: Variant, side: Int, batch: Int, threads: Int) throws -> TrainingPlan {
        let description = NetworkDescription(
            architecture: Architecture(variant, padding: .same), batchNormEpsilon: 1e-3, head: .linear, labels: 7,
            resolution: side)
        return try TrainingPlan(description, batch: batch, threads: threads)
    }

    @Test(
        "Every variant has a plan, and each thread's scratch holds what each unit puts there",
        arguments: Variant.allCases)
    func scratch(_ variant: Variant) throws {
        for (side, batch) in [(variant.coefficients.resolution, 16), (33, 3), (600, 1)] {
            let plan = try plan(variant, side: side, batch: batch, threads: 2)
            let scratch = plan.scratch
            // The parts lie one after the other.
            let padded = scratch.paddedGradient - scratch.padded
            let paddedGradient = scratch.output - scratch.paddedGradient
            for unit in plan.units where unit.kind == .depthwise {
                let group = TrainingPlan.group(unit)
                var lines = 0, owned = 0
                for band in TrainingPlan.bands(unit) {
                    let window = TrainingPlan.window(unit, lines: band.count)
                    #expect(window.lines * window.pixels * group <= padded, "\(variant) \(unit.name)")
                    let input = TrainingPlan.owned(unit, band)
                    let gradient = TrainingPlan.gradientWindow(unit, owned: input)
                    #expect(gradient.lines * gradient.pixels * group <= paddedGradient, "\(variant) \(unit.name)")
                    // Every line of input and output belongs to one band.
                    #expect(band.lowerBound == lines && input.lowerBound == owned)
                    (lines, owned) = (band.upperBound, input.upperBound)
                }
                #expect(group % 8 == 0 && lines == unit.output.height && owned == unit.inputShape.height)
            }
            for unit in plan.units where unit.kind != .depthwise {
                let rows = min(TrainingPlan.rows(unit), batch * unit.output.area)
                #expect(rows * unit.depth <= scratch.gradient - scratch.input)
                #expect(rows * unit.output.channels <= scratch.panels - scratch.gradient)
            }
        }
    }

    @Test("B0's plan has the network's convolutions, and memory grows with the batch by its maps")
    func shape() throws {
        let plan = try plan(.b0, side: 224, batch: 16, threads: 2)
        #expect(plan.units.count == 49)
        #expect(plan.gates.count == 16)
        #expect(plan.units.count { $0.kind == .depthwise } == 16)
        #expect(plan.units.count { $0.residual != nil } == 9)
        // Outputs of B0's convolutions, 6.6 million floats an image (Tan & Le 2019, table 1), once; twice the largest of them and the
        // maps between blocks as gradients.
        let one = try self.plan(.b0, side: 224, batch: 1, threads: 2)
        let image = Double(plan.bytes - one.bytes) / 15 / 4
        #expect(image > 6.6e6 && image < 12e6, "\(image)")
        // The gradient of a unit never lies where that of its reader does.
        for unit in plan.units {
            if case .unit(let source, _) = unit.input { #expect(plan.units[source].gradient != unit.gradient) }
        }
    }
}
