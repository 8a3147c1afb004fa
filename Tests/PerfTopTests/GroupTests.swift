import Foundation
import Testing

extension EndToEnd {
    /// `-e '{a,b}'`: the leader samples, the siblings are counted where the samples fall.
    @Suite("event groups", .needsPerf, .needsCompiler)
    struct Groups {
        /// What a sibling counted in all rows of all frames.
        private func sum(_ frames: [Report], _ event: String, where condition: (Report.Row) -> Bool = { _ in true })
            -> Int
        {
            frames.flatMap(\.rows).filter(condition).reduce(0) { $0 + ($1.counts?[event] ?? 0) }
        }

        @Test("page faults counted beside the samples are those that the program knows of")
        func faults() throws {
            let outcome = try perftop([
                "--batch", "--format", "json", "-d", "0.3", "-e", "{cpu-clock,page-faults}", "--", Program.faults.path,
                "1.5",
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            // The command's output goes to standard error, where the report goes to standard output.
            let known = try oracle(outcome.errors)
            let frames = try Report.frames(outcome.output)
            let (touched, all) = (known["touched"] ?? 0, known["faults"] ?? 0)
            let counted = Double(sum(frames, "page-faults"))
            // Not counted: what came after the last sample.
            #expect(counted <= all)
            #expect(counted >= 0.97 * touched, "\(counted) of \(touched)")
            #expect(Set(frames.map(\.event)) == ["cpu-clock"], "one object for the group")
        }

        @Test("where only user mode is sampled, most faults fall to the function that touches")
        func place() throws {
            let outcome = try perftop([
                "--batch", "--format", "json", "-d", "0.3", "-e", "{cpu-clock:u,page-faults}", "--",
                Program.faults.path,
                "1",
            ])
            let frames = try Report.frames(outcome.output)
            let inside = sum(frames, "page-faults") { $0.symbol == "touch" }
            #expect(Double(inside) >= 0.5 * Double(sum(frames, "page-faults")))
        }

        @Test("a process that is attached to, and all processors", .needsPerfOfAll)
        func attached() throws {
            let program = try Program.faults.start(["60"])
            for target in [["-p", "\(program.pid)"], ["-a"]] {
                let frames = try sample(
                    target + ["-n", "2", "-d", "0.4", "-e", "{cpu-clock,page-faults,context-switches}"])
                let rows = frames.flatMap(\.rows).filter { $0.process == "faults" }
                #expect(rows.reduce(0) { $0 + ($1.counts?["page-faults"] ?? 0) } > 1000, "\(target)")
                #expect(rows.allSatisfy { $0.counts?["context-switches"] != nil }, "\(target)")
                #expect(frames.allSatisfy { $0.undecodable == 0 && $0.lost == 0 }, "\(target)")
            }
        }

        @Test(
            "a program without faults has none of those of its neighbor on the same CPU", .needsPerfOfAll,
            .needs(Machine.has("taskset") ? nil : "taskset is not installed"))
        func ofOthers() throws {
            let cpu = Machine.aCPU
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let end = folder.appendingPathComponent("end")
            let tidy = try Program.tidy.start(
                ["120"], until: "ready", environment: ["SPIN_UNTIL": end.path], pinnedTo: cpu)
            let neighbor = try Program.faults.start(["120"], pinnedTo: cpu)
            let frames = try sample([
                "-a", "-n", "3", "-d", "0.7", "-e", "{cpu-clock,page-faults,context-switches}", "--group-by",
                "process,pid,function",
            ])
            try Data().write(to: end)
            let own = try #require(oracle(tidy.finish().output)["faults"])
            // What it had while it was sampled was not more than what it had in its whole life.
            let given = sum(frames, "page-faults") { $0.pid == Int(tidy.pid) }
            #expect(Double(given) <= own, "of its neighbor's: \(given)")
            #expect(sum(frames, "page-faults") { $0.pid == Int(neighbor.pid) } > 1000)
            #expect(sum(frames, "page-faults") { $0.process == "[other tasks]" } > 0)
            // Both shared the CPU, so each was switched away from; none of these switches is between two samples of one.
            #expect(
                frames.flatMap(\.rows).allSatisfy {
                    $0.process == "[other tasks]" || $0.counts?["context-switches"] == 0
                })
            for frame in frames {
                for event in ["page-faults", "context-switches"] {
                    let counted = try #require(frame.countedBeside?[event] ?? nil)
                    #expect(sum([frame], event) == counted, "\(event): nothing is left out, nothing is twice")
                }
                #expect(frame.notes.contains { $0.contains("on this CPU") && $0.contains("[other tasks]") })
                #expect(frame.countedBeside?.count == 2, "the witness is shown nowhere")
                #expect(frame.rows.allSatisfy { $0.counts?.count == 2 })
            }
        }

        @Test("where counters follow threads, every count is a thread's", .needsPerfOfAll)
        func ofThreads() throws {
            let program = try Program.faults.start(["60"])
            for target in [["-p", "\(program.pid)"], ["-t", "\(program.pid)"]] {
                let frames = try sample(target + ["-n", "1", "-d", "0.3", "-e", "{cpu-clock,page-faults}"])
                #expect(frames.flatMap(\.rows).allSatisfy { $0.process != "[other tasks]" })
                #expect(!frames.flatMap(\.notes).contains { $0.contains("on this CPU") })
            }
        }

        @Test("text and CSV have the counts too; an event without siblings has none")
        func formats() throws {
            let program = try Program.faults.start(["60"])
            let arguments = [
                "-p", "\(program.pid)", "-n", "1", "-d", "0.3", "-e", "{cpu-clock,page-faults}", "--format",
            ]
            let text = try perftop(arguments + ["text"]).output
            #expect(text.contains("SELF%  SAMPLES  PAGE-FAULTS  PROCESS"))
            let table = try perftop(arguments + ["csv"]).outputLines
            #expect(table.first?.hasSuffix(",counts,health,counted,notes") == true)
            #expect(table.dropFirst().allSatisfy { $0.contains(",page-faults=") })
            let plain = try sample(["-p", "\(program.pid)", "-n", "1", "-d", "0.3"])
            #expect(plain.flatMap(\.rows).allSatisfy { $0.counts == nil })
        }
    }
}
