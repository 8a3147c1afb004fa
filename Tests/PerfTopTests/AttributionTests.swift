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
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let end = folder.appendingPathComponent("end")
            func start(_ program: Program, _ arguments: [String]) throws -> Running {
                try program.start(arguments + ["180"], environment: ["SPIN_UNTIL": end.path])
            }
            let chain = try start(.chainFirst, [Program.chainSecond.path])
            let remap = try start(.remap, [Program.mappedFirst.path, Program.mappedSecond.path])
            let parent = try start(.forkNoExec, [])
            let programs = [
                (chain, "first_program", "second_program"), (remap, "mapped_first", "mapped_second"),
                (parent, "parent_work", "child_work"),
            ]
            func isOf(_ number: Int) -> (Report.Row) -> Bool {
                { [programs[number].1, programs[number].2].contains($0.symbol) }
            }
            let frames = try sampleFrames(["-a"], each: isOf(0), isOf(1), isOf(2))
            try Data().write(to: end)
            for (number, (running, first, second)) in programs.enumerated() {
                let own = try oracle(running.finish().output)
                let rows = frames.rows(where: isOf(number))
                let measured = 100 * Double(rows.samples(of: first)) / Double(rows.samples)
                #expect(abs(measured - share(own, first, second)) <= 4, "\(first): \(own)")
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
            _ frame: Report, _ own: [String: Double], _ first: String, _ second: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let (expected, measured) = (share(own, first, second), frame.share(of: first, beside: second))
            let named = frame.userPercent(of: first, second)
            #expect(abs(measured - expected) <= 4, "\(first): \(expected) %", sourceLocation: sourceLocation)
            #expect(named >= 90, "both functions together", sourceLocation: sourceLocation)
        }

        /// What the program says of itself, in percent.
        private func share(_ own: [String: Double], _ first: String, _ second: String) -> Double {
            100 * (own[first] ?? 0) / ((own[first] ?? 0) + (own[second] ?? 1))
        }
    }
}
