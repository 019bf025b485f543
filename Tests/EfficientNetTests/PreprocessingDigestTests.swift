import EfficientNet
import Foundation
import Testing

/// Digests name readings in stores: those of settings from before a key existed must stay what they were. The expected ones are
/// `printf 'preparation 1\n%s' "$JSON" | sha256sum`, with the JSON of the first release: sorted keys, no spaces.
@Suite("A preprocessing's digest")
struct PreprocessingDigestTests {
    @Test("Settings of the first release have the digests that they had")
    func stable() throws {
        #expect(
            try Preprocessing.standard(for: .b0).digest
                == "295bb4984e659289ce4a95fad60e9ecdaa7854cd213082e9700f7d21a4c5324a")
        let percentile = Preprocessing(resolution: 240, intensity: .percentile(low: 0.5, high: 99.5), fit: .pad)
        #expect(try percentile.digest == "f43de110fcbe616a77e2b99e93a9d665cf806005a701c9ad2e8cb52cc210e232")
        let window = Preprocessing(resolution: 240, intensity: .window(center: -600, width: 1500), fit: .pad)
        #expect(try window.digest == "10914146e56c74d4908aef15a094feb80210c984b37bad04852e29ba7aa89bdc")
    }

    @Test("Whatever changes the network's input changes the digest")
    func different() throws {
        var all = [Preprocessing(resolution: 240)]
        for intensity in [
            Preprocessing.Intensity.file(), .file(window: "LUNG"), .file(window: "BONE"),
            .window(center: -600, width: 1500), .window(center: -600, width: 1500, function: .linear),
            .window(center: -600, width: 1500, function: .sigmoid),
        ] {
            all.append(Preprocessing(resolution: 240, intensity: intensity))
        }
        for slicing in [
            Slicing(slices: .middle), Slicing(slices: .every(2)), Slicing(axis: .coronal), Slicing(axis: .sagittal),
        ] {
            var settings = Preprocessing(resolution: 240)
            settings.slicing = slicing
            all.append(settings)
        }
        var scaled = Preprocessing(resolution: 240)
        scaled.jpegScaling = true
        all.append(scaled)
        #expect(Set(try all.map { try $0.digest }).count == all.count)
        for settings in all {
            let decoded = try JSONDecoder().decode(Preprocessing.self, from: JSONEncoder().encode(settings))
            #expect(decoded == settings)
        }
    }

    @Test(
        "Intensity rules are written as pipeline files name them",
        arguments: [
            (.file(), #"["file"]"#), (.file(window: "LUNG"), #"[{"file":"LUNG"}]"#),
            (.window(center: 40, width: 400), #"[{"window":{"center":40,"width":400}}]"#),
            (
                .window(center: 40, width: 400, function: .linearExact), #"[{"window":{"center":40,"width":400}}]"#
            ),
            (
                .window(center: 40, width: 400, function: .sigmoid),
                #"[{"window":{"center":40,"function":"sigmoid","width":400}}]"#
            ),
        ] as [(Preprocessing.Intensity, String)])
    func json(_ rule: Preprocessing.Intensity, _ text: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode([rule]), as: UTF8.self) == text)
        #expect(try JSONDecoder().decode([Preprocessing.Intensity].self, from: Data(text.utf8)) == [rule])
    }

    @Test(
        "A rule that is none is refused",
        arguments: [
            #"["fill"]"#, #"[{"file":""}]"#, #"[{"window":{"center":1,"width":0}}]"#,
            #"[{"window":{"center":1,"width":2,"function":"cubic"}}]"#, #"[{"percentile":[9,3]}]"#,
        ])
    func refused(_ text: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Preprocessing.Intensity].self, from: Data(text.utf8))
        }
    }
}
