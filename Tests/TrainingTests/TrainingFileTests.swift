import Foundation
import Pipeline
import Testing

@testable import Training

@Suite("A training file")
struct TrainingFileTests {
    private func parse(_ text: String) throws -> TrainingFile {
        try TrainingFile.parse(text, path: NSTemporaryDirectory() + "train.yaml", shownAs: "train.yaml")
    }

    private func problems(_ text: String) -> [String] {
        do {
            _ = try parse(text)
            return []
        } catch PipelineError.invalidFile(let problems) {
            return problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test("Everything that is wrong is said at once, with line, key and the nearest known one")
    func problems() {
        let found = problems(
            """
            data: {folder: nowhere-at-all}
            model: {variant: b9, head: {mlp: 0}}
            outptu: model
            phases:
              - {train: most, epochs: 0, rate: 1e-3}
              - {train: all, epochs: 2, rate: 1, schedule: constant, warm_up: 1}
              - {train: all, epochs: 2, rate: 1, rounds: 3}
            optimizer: {rule: sgd, beta1: 0.9}
            augmentation: {rotation: 90}
            """)
        for expected in [
            "train.yaml:1: data.folder: no such folder: ", "train.yaml:2: model.variant: expected one of b0",
            "train.yaml:2: model.head.mlp: expected 1 to 65536 units, or a list for up to 8 layers, found '0'",
            "train.yaml:3: outptu: unknown key; did you mean 'output'? ", "output: missing; expected the folder",
            "train.yaml:5: phases[0].epochs: expected a whole number from 1",
            "train.yaml:6: phases[1].warm_up: not of a constant rate",
            "train.yaml:7: phases[2].rounds: of a phase with train: head alone",
            "train.yaml:8: optimizer.beta1: not of sgd",
            "train.yaml:9: augmentation.rotation: expected a number from 0 to 45",
        ] {
            #expect(found.contains { $0.contains(expected) }, "\(expected) in \(found)")
        }
    }

    @Test("Every key arrives where it is used")
    func keys() throws {
        let file = try parse(
            """
            name: n
            data: {folder: /tmp, labels: [b, a], negative: a, several: true, validation: 0.3}
            model: {variant: lite1, convention: symmetric, head: {flatten-mlp: [256, 32]}, resolution: 96}
            output: out/model
            seed: 9
            threads: 3
            batch: 8
            accumulate: 2
            phases: [{train: 3, epochs: 4, rate: 0.1, schedule: cosine, warm_up: 0.5, end: 0.01, batch_norm: frozen}, {train: head, epochs: 1, rate: 1, rounds: 5}]
            optimizer: {rule: adam, weight_decay: 0.1, beta1: 0.8, beta2: 0.9, epsilon: 0.001, clip: 2}
            loss: {smoothing: 0.2}
            balance: weights
            dropout: 0.4
            drop_connect: 0.3
            batch_norm_momentum: 0.05
            average: 0.99
            augmentation: {rotation: 1, shift: 0.2, scale: 0.3, brightness: 0.4, contrast: 0.5, gamma: 0.6, noise: 0.7, flip: both}
            stop: {metric: loss, patience: 6}
            keep: last
            weights: f16
            thresholds: {sensitivity: 0.9}
            abstain: 0.04
            report: page
            preprocessing: {fit: pad}
            """)
        #expect(
            file.name == "n" && file.output.hasSuffix("/out/model") && file.threads == 3 && file.weights == .float16)
        #expect(file.thresholdRule == .sensitivity(0.9) && file.falseAbstainRate == 0.04)
        #expect(file.report.hasSuffix("/page"))
        #expect(file.data.labels == ["b", "a"] && file.data.negative == "a" && file.data.isMultiple == true)
        #expect(file.data.validation == 0.3)
        #expect(file.start.variant == .lite1 && file.start.padding == .symmetric && file.start.resolution == 96)
        #expect(
            file.start.head == .init(flattens: true, hidden: [256, 32]) && file.preprocessing.fit == .pad)
        let recipe = file.recipe
        #expect(recipe.seed == 9 && recipe.batch == 8 && recipe.accumulate == 2 && recipe.smoothing == 0.2)
        #expect(
            recipe.optimizer
                == Optimizer(.adam(beta1: 0.8, beta2: 0.9, epsilon: 0.001), weightDecay: 0.1, largestNorm: 2))
        #expect(recipe.balance == .weights && recipe.dropout == 0.4 && recipe.dropConnect == 0.3)
        #expect(recipe.batchNormMomentum == 0.05 && recipe.averageDecay == 0.99)
        #expect(recipe.metric == .loss && recipe.patience == 6 && recipe.keep == .last)
        let change = recipe.augmentation
        #expect([change.rotation, change.shift, change.scale, change.brightness] == [1, 0.2, 0.3, 0.4])
        #expect([change.contrast, change.gamma, change.noise] == [0.5, 0.6, 0.7] && change.flip == .both)
        #expect(recipe.phases[0].freezing == Freezing(.lastStages(3), freezesBatchNorm: true))
        #expect(recipe.phases[1].freezing.part == .head && recipe.phases[1].rounds == 5)
        // 4 epochs of 10 updates: half an epoch of warm-up.
        let schedule = TrainingPhase.schedule(recipe.phases[0], updates: 40)
        #expect(schedule.warmUp == 5 && schedule.endShare == 0.01 && schedule.steps == 40 && schedule.peak == 0.1)
    }
}
