import Foundation
import Testing

extension EndToEnd {
    /// Each sample belongs to what was there at its time; the programs measure themselves and are the oracle.
    @Suite("attribution", .needsPerf, .needsCompiler)
    struct Attribution {
        @Test("a process that becomes another program and back")
        func execChain() throws {
            let (frame, own) = try sampled(Program.chainFirst, [Program.chainSecond.path, "120"])
            expectShares(frame, own, "first_program", "second_program")
            #expect(frame.percent { $0.symbol == "first_program" && $0.module != "chain-first" } == 0)
            #expect(frame.percent { $0.symbol == "second_program" && $0.module != "chain-second" } == 0)
            // The process has the name of the program it was at the time of the sample.
            #expect(frame.percent { $0.symbol == "first_program" && $0.process != "chain-first" } < 1)
            #expect(frame.percent { $0.symbol == "second_program" && $0.process != "chain-second" } < 1)
        }

        @Test("two files mapped in turn at one address")
        func remap() throws {
            let files = [Program.mappedFirst.path, Program.mappedSecond.path]
            let (frame, own) = try sampled(Program.remap, files + ["120"])
            expectShares(frame, own, "mapped_first", "mapped_second")
            #expect(frame.percent { $0.symbol == "mapped_first" && $0.module != "libfirst.so" } == 0)
            #expect(frame.percent { $0.symbol == "mapped_second" && $0.module != "libsecond.so" } == 0)
        }

        @Test("children that are forked and never exec")
        func forkWithoutExec() throws {
            let (frame, own) = try sampled(Program.forkNoExec, ["120"])
            expectShares(frame, own, "parent_work", "child_work")
        }

        @Test("the same three under -a", .needsPerfOfAll, .slow)
        func all() throws {
            let chain = try Program.chainFirst.start([Program.chainSecond.path, "7"])
            let remap = try Program.remap.start([Program.mappedFirst.path, Program.mappedSecond.path, "7"])
            let parent = try Program.forkNoExec.start(["7"])
            let frame = try sample(["-a", "-n", "1", "-d", "5"])[0]
            for (running, first, second) in [
                (chain, "first_program", "second_program"), (remap, "mapped_first", "mapped_second"),
                (parent, "parent_work", "child_work"),
            ] {
                let own = try oracle(running.finish().output)
                expectShares(frame, own, first, second, least: 5)
            }
        }

        @Test("processes that are dead before anybody looks have names", .needsPerfOfAll, .slow)
        func forkStorm() throws {
            let storm = try Program.forkStorm.start(["12"])
            let frames = try sample(["-a", "-n", "5", "-d", "2"], within: 40)
            _ = storm.finish()
            for frame in frames.dropFirst() {
                let dead = frame.percent { $0.process == "true" }
                let nameless = frame.percent { $0.process == "true" && ($0.symbol == "[unknown]" || $0.module.isEmpty) }
                #expect(dead > 5, "the storm is not in the profile")
                #expect(nameless <= dead / 100, "\(nameless) of \(dead) %")
            }
            // Flat: what a thousand more dead processes cost is nothing.
            let memory = frames.map(\.`self`.rssKb)
            let (early, late) = (memory[1], memory[memory.count - 1])
            #expect(late <= early + early / 5, "\(memory)")
        }

        /// Samples a program, then ends it and gives its own measurement too.
        private func sampled(_ program: Program, _ arguments: [String]) throws -> (Report, [String: Double]) {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let end = folder.appendingPathComponent("end")
            let running = try program.start(arguments, environment: ["SPIN_UNTIL": end.path])
            let frame = try sampleShares(["-p", "\(running.pid)"], of: 2000)
            try Data().write(to: end)
            return (frame, try oracle(running.finish().output))
        }

        private func expectShares(
            _ frame: Report, _ own: [String: Double], _ first: String, _ second: String, least: Double = 80,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let expected = 100 * (own[first] ?? 0) / ((own[first] ?? 0) + (own[second] ?? 1))
            let measured = frame.share(of: first, beside: second)
            let named = frame.percent(of: first) + frame.percent(of: second)
            #expect(abs(measured - expected) <= 4, "\(first): \(expected) %", sourceLocation: sourceLocation)
            #expect(named >= least, "both functions together", sourceLocation: sourceLocation)
        }
    }
}
