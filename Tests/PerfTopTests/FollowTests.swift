import Foundation
import Testing

extension EndToEnd {
    /// A plain user who may not sample whole CPUs, without a target: all of their processes, whenever they start.
    @Suite("processes that start later", .needsCompiler, .needs(whyNoUsers))
    struct Follow {
        @Test("one that is nobody's child here is found within two seconds, and each of its samples counted once")
        func later() throws {
            let workshop = try Workshop()
            let setting = try KernelSetting("/proc/sys/kernel/perf_event_paranoid")
            try setting.set(1)
            let top = try Running(
                "/usr/bin/env",
                User.plain.prefix + [workshop.path("perftop"), "--batch", "--format", "json", "-d", "0.5"])
            func frames() -> [Report] {
                // The last line may be half written.
                let whole = top.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                return (try? Report.frames(whole.joined(separator: "\n"))) ?? []
            }
            let started = waitUntil(within: 30) { frames().contains { $0.samples > 0 } }
            try #require(started, "no samples: \(top.errors)")
            #expect(frames().allSatisfy { $0.rows.allSatisfy { $0.process != "later" } })

            // From a shell that is new itself: the child may get counters of its own beside those it inherits.
            try FileManager.default.copyItem(atPath: Program.burn.path, toPath: workshop.path("later"))
            let later = try Running(
                "/usr/bin/env", User.plain.prefix + ["sh", "-c", "\(workshop.path("later")) 20 & wait"])
            let before = frames().count
            let found = waitUntil(within: 30) { frames().contains { $0.percent(of: "alpha") > 0 } }
            #expect(found, "never found: \(top.errors)")
            if let first = frames().firstIndex(where: { $0.percent(of: "alpha") > 0 }) {
                #expect(first - before <= 5, "in frame \(first - before) of half a second each")
            }
            let enough = frames().count + 3
            let gone = waitUntil(within: 30) { frames().count >= enough }
            #expect(gone)
            for frame in frames() {
                let samples = frame.rows.filter { $0.process == "later" }.reduce(0) { $0 + $1.selfSamples }
                #expect(Double(samples) <= 999 * frame.intervalS * 1.1 + 10, "counted twice: \(samples)")
                #expect(frame.undecodable == 0)
            }
            withExtendedLifetime((setting, later)) {}
        }
    }
}
