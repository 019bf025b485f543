import Foundation
import Testing

@Suite("nightread run --profile")
struct ProfileTests {
    @Test("Says where each lane's time went, and the shares add up")
    func shares() throws {
        let study = try Study(extra: "workers: 2")
        for seed in 0..<8 { try study.scan("scan-\(seed).png", seed: UInt64(seed), side: 300) }
        let output = try study.run(["--profile"])
        #expect(output.status == 0)
        let profile = try #require(output.events.first { $0["event"] as? String == "profile" })
        let lanes = try #require(profile["lanes"] as? [[String: Any]])
        #expect(lanes.map { $0["lane"] as? String } == ["lane 0", "lane 1"])
        for lane in lanes {
            let shares = try #require(lane["shares"] as? [String: Double])
            #expect(Set(shares.keys) == ["decode", "prepare", "network", "store", "hash", "idle", "rest"])
            #expect(shares.values.allSatisfy { $0 >= 0 && $0 <= 1 })
            #expect(abs(shares.values.reduce(0, +) - 1) < 0.01)
        }
        for phase in ["decode", "network", "store"] {
            #expect(lanes.contains { ($0["shares"] as? [String: Double])?[phase] ?? 0 > 0 }, "\(phase)")
        }
    }

    @Test("People get a table, and nobody gets one who did not ask")
    func table() throws {
        let study = try Study()
        try study.scan("scan.png", seed: 1)
        let asked = try Program.run(["run", study.pipeline, "--profile"], in: study.folder)
        #expect(asked.out.contains("lane       seconds   decode"))
        let plain = try Program.run(["run", study.pipeline], in: study.folder)
        #expect(!plain.out.contains("lane       seconds"))
    }
}
