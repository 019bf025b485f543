import Testing

@testable import EfficientNet

@Suite("Facts of the family")
struct VariantFactsTests {
    /// Counted over the convolutions and the linear layer of timm's models, at the same resolutions.
    static let products: [Variant: Int] = [
        .b0: 385_814_752, .b1: 686_802_832, .b2: 993_561_872, .b3: 1_827_141_392, .b4: 4_393_771_024,
        .b5: 10_266_384_752, .b6: 19_067_593_536, .b7: 37_745_884_192, .lite0: 385_187_552, .lite1: 600_185_232,
        .lite2: 859_736_272, .lite3: 1_383_321_872, .lite4: 2_553_034_336, .v2b0: 718_086_176, .v2b1: 1_196_819_360,
        .v2b2: 1_697_542_832, .v2b3: 3_011_458_816, .v2s: 8_365_617_152, .v2m: 24_582_460_384, .v2l: 56_079_699_008,
    ]

    @Test("The multiplications of each variant are those of the reference implementation", arguments: Variant.allCases)
    func work(_ variant: Variant) {
        #expect(VariantFacts(variant).products == Self.products[variant])
    }

    @Test("A row names resolution, parameters, work and preprocessing, each under its heading")
    func rows() {
        let rows = [VariantFacts.header] + [Variant.v2s, .lite4].map { VariantFacts($0).row }
        #expect(
            rows[1]
                == "v2-s     EfficientNetV2-S           384         300   21,458,488   8.37  bicubic, crop 1.0, halves    "
        )
        #expect(
            rows[2]
                == "lite4    EfficientNet-Lite4         300         300   13,006,568   2.55  bilinear, crop 0.92, halves  "
        )
        #expect(Set(rows.map(\.count)).count == 1)
        #expect(VariantFacts(.v2m).preprocessingWords == "bicubic, squash, halves")
        #expect(VariantFacts(.b0).preprocessingWords == "bicubic, crop 0.875, ImageNet")
    }
}
