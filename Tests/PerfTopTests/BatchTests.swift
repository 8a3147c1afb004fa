import CLinuxShims
import Foundation
import Testing

extension EndToEnd {
    @Suite("batch", .needsPerf, .needsCompiler)
    struct Batch {
        @Test("two functions, 3:1, with -p")
        func burnWithPid() throws {
            let burn = try Program.burn.start()
            let begun = ContinuousClock.now
            // Not its processor time in /proc: that leaves out what the machine's host or interrupts took away.
            let clock = try CountingEvent(
                type: PERF_TYPE_SOFTWARE, config: UInt64(PERF_COUNT_SW_CPU_CLOCK.rawValue), pid: burn.pid)
            let watched = try Watched(["-p", "\(burn.pid)", "-d", "0.5"])
            try watched.wait { $0.reduce(0) { $0 + $1.samples } > 3000 }
            let frames = watched.frames
            let (spent, passed) = (Double(clock.value) / 1e9, (ContinuousClock.now - begun) / .seconds(1))
            let samples = frames.reduce(0) { $0 + $1.samples }
            // The rest is the kernel's, in whose interrupts a busy machine spends more.
            let user = frames.flatMap(\.rows).filter { !$0.isKernel }
            let own = user.samples(of: "alpha", "beta")
            let percent = 100 * Double(user.samples(of: "alpha")) / Double(own)
            #expect(abs(percent - 75) <= 2)
            #expect(Double(own) > 0.9 * Double(user.samples))
            // On a busy machine burn has less than a whole processor, and only what ran can be sampled.
            if frames.allSatisfy({ $0.event.hasSuffix("-clock") }) {
                let counted = Double(frames.reduce(0) { $0 + ($1.counted ?? 0) }) / 1e9
                #expect(abs(Double(samples) / counted - 999) <= 30)
                #expect(counted <= spent, "no more than another counter says that burn has had")
            }
            #expect(Double(samples) <= 1030 * spent)
            #expect(frames.allSatisfy { $0.lost == 0 })
            // None is shorter than was asked for, and together they are no longer than the time that has passed.
            #expect(frames.allSatisfy { $0.intervalS >= 0.45 })
            #expect(frames.reduce(0) { $0 + $1.intervalS } <= passed)
        }

        @Test("two functions, 3:1, twice, with -a", .needsPerfOfAll)
        func burnsWithAll() throws {
            let burns = [try Program.burn.start(), try Program.burn.start()]
            let frames = try sampleFrames(
                ["-a", "--group-by", "pid,process,module,function"], of: 3000,
                each: { $0.pid == Int(burns[0].pid) && $0.symbol == "alpha" },
                { $0.pid == Int(burns[1].pid) && $0.symbol == "alpha" })
            for burn in burns {
                let rows = frames.rows { $0.pid == Int(burn.pid) }
                let (alpha, both) = (rows.samples(of: "alpha"), rows.samples(of: "alpha", "beta"))
                #expect(abs(100 * Double(alpha) / Double(both) - 75) <= 2)
                #expect(rows.allSatisfy { $0.process == "burn" })
            }
            #expect(frames.allSatisfy { $0.lost == 0 })
        }

        @Test("every promised field is there")
        func fields() throws {
            let burn = try Program.burn.start()
            let outcome = try perftop(["-p", "\(burn.pid)", "--batch", "-n", "2", "-d", "0.5", "--format", "json"])
            #expect(outcome.status == 0)
            #expect(outcome.errors.isEmpty)
            let frames = try Report.frames(outcome.output)
            #expect(frames.map(\.frame) == [1, 2])
            let raw = try outcome.outputLines.map { line in
                try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
            for object in raw {
                #expect(Report.keys.subtracting(object.keys) == [])
                let rings = try #require(object["rings"] as? [[String: Any]])
                #expect(!rings.isEmpty)
                for ring in rings { #expect(Report.ringKeys.subtracting(ring.keys) == []) }
            }
            let frame = try #require(frames.last)
            #expect(frame.version == 1)
            #expect(frame.frequencyHz == 999)
            #expect(["cycles", "cpu-clock", "task-clock"].contains(frame.event.split(separator: ":").first ?? ""))
            #expect(frame.target.contains("\(burn.pid)"))
            let pattern = #"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"#
            #expect(frame.time.range(of: pattern, options: .regularExpression) != nil, "\(frame.time)")
            let alpha = try #require(frame.rows.first)
            #expect(alpha.symbol == "alpha")
            #expect(alpha.module == "burn")
            #expect(alpha.modulePath == Program.burn.path)
            #expect(alpha.process == "burn")
            #expect(alpha.kind == "user")
            #expect(alpha.selfSamples <= frame.samples)
            #expect(abs(frame.rows.reduce(0) { $0 + $1.selfPercent } - 100) < 0.5)
            #expect(frame.rows.reduce(0) { $0 + $1.selfSamples } == frame.samples)
            #expect(frame.rings.reduce(0) { $0 + $1.records } >= frame.samples)
            #expect(frame.`self`.rssKb > 1000)
        }

        @Test("filter, limit, sort and grouping")
        func options() throws {
            let burn = try Program.burn.start()
            let filtered = try sampleShares(["-p", "\(burn.pid)", "--filter", "alpha"])
            #expect(filtered.rows.allSatisfy { $0.symbol.contains("alpha") })
            // Percentages stay those of all samples, of which the kernel has some.
            let share = 100 * Double(filtered.rows.samples) / Double(filtered.samples)
            #expect(abs(filtered.percent(of: "alpha") - share) < 0.01)
            #expect(share > 60 && share < 79)
            let common = ["-p", "\(burn.pid)", "-n", "1", "-d", "0.3"]

            #expect(try sample(common + ["--limit", "1"])[0].rows.map(\.symbol) == ["alpha"])

            let sorted = try sample(common + ["-s", "function", "--filter", "burn"])[0].rows.map(\.symbol)
            #expect(sorted.contains("alpha") && sorted.contains("beta"))
            #expect(sorted == sorted.sorted() || sorted == sorted.sorted().reversed(), "\(sorted)")

            let byPid = try sample(common + ["--group-by", "pid"])[0]
            #expect(byPid.rows.map(\.pid) == [Int(burn.pid)])
            #expect(abs(byPid.rows[0].selfPercent - 100) < 0.01)
        }

        @Test("several processes")
        func twoPids() throws {
            let burns = [try Program.burn.start(), try Program.burn.start()]
            let pids = burns.map { "\($0.pid)" }.joined(separator: ",")
            let frame = try sample(["-p", pids, "-n", "1", "-d", "1", "--group-by", "pid"])[0]
            #expect(Set(frame.rows.compactMap(\.pid)) == Set(burns.map { Int($0.pid) }))
        }

        @Test("a target that ends ends the run", arguments: ["0.3", "5"])
        func targetExits(delay: String) throws {
            let burn = try Program.burn.start()
            let top = try Running(
                Machine.binary, ["-p", "\(burn.pid)", "--batch", "-n", "5000", "-d", delay, "--format", "json"])
            let before = processorSeconds(of: burn.pid)
            #expect(waitUntil(within: 30) { processorSeconds(of: burn.pid) > before + 1.5 })
            burn.stop()
            let outcome = top.finish()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let frames = try Report.frames(outcome.output)
            #expect(!frames.isEmpty && frames.count < 5000)
            #expect(frames.reduce(0) { $0 + $1.samples } > 500)
        }
    }
}
