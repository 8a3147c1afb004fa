import Foundation
import Testing

extension EndToEnd {
    /// An error is one line that names what was asked, and the right exit status.
    @Suite("errors")
    struct Errors {
        private func expectOneLine(
            _ outcome: Outcome, status: Int32, naming words: String...,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
            #expect(outcome.outputLines.first == nil, sourceLocation: sourceLocation)
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
            for word in words { #expect(outcome.errors.contains(word), sourceLocation: sourceLocation) }
        }

        @Test("help and version", arguments: ["-h", "--help", "-V", "--version"])
        func help(option: String) throws {
            let outcome = try perftop([option])
            #expect(outcome.status == 0)
            #expect(outcome.errors.isEmpty)
            if option.lowercased().contains("v") {
                #expect(outcome.outputLines.count == 1)
                #expect(outcome.output.contains("perftop"))
            } else {
                for word in ["perftop", "-p", "--batch", "--format"] { #expect(outcome.output.contains(word)) }
            }
        }

        @Test("lists of keys", arguments: ["--group-by", "-s"])
        func keys(option: String) throws {
            let outcome = try perftop([option, "help"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            for word in ["function", "module", "process"] { #expect(outcome.output.contains(word)) }
        }

        @Test(
            "wrong usage is exit 2",
            arguments: [
                ["--frobnicate"], ["-F", "abc"], ["-F", "0"], ["-F", "-5"], ["-d", "soon"], ["-n", "-1"],
                ["-p", "abc"],
                ["-p", ""], ["--format", "poem"], ["-C", "zero"], ["-c", "0"], ["-s", "nonsense"],
                ["--group-by", "nonsense"], ["--limit", "x"], ["--filter", "a /b("], ["--filter", "self>x"],
            ])
        func usage(arguments: [String]) throws {
            let outcome = try perftop(["--batch", "-n", "1", "-d", "0.1"] + arguments)
            #expect(outcome.status == 2)
            #expect(outcome.outputLines.first == nil)
            // The argument parser adds its usage; the first line says what is wrong.
            let first = outcome.errorLines.first ?? ""
            let named = arguments.contains { !$0.isEmpty && first.contains($0) }
            #expect(named, "\(first)")
        }

        @Test("no such process", .needsPerf)
        func noProcess() throws {
            // Above the largest pid the kernel gives.
            let outcome = try perftop(["-p", "99999999", "--batch", "-n", "1"])
            expectOneLine(outcome, status: 1, naming: "99999999")
        }

        @Test("a process that has just ended", .needsPerf, .needsCompiler)
        func endedProcess() throws {
            let burn = try Program.burn.start()
            burn.stop()
            expectOneLine(try perftop(["-p", "\(burn.pid)", "--batch", "-n", "1"]), status: 1, naming: "\(burn.pid)")
        }

        @Test(
            "an unknown event offers the closest names", arguments: [("cpu-clok", "cpu-clock"), ("cylces", "cycles")])
        func event(wrong: String, right: String) throws {
            let outcome = try perftop(["-e", wrong, "--batch", "-n", "1"])
            #expect([1, 2].contains(outcome.status))
            #expect(outcome.errors.contains(wrong))
            #expect(outcome.errors.contains(right))
            #expect(outcome.outputLines.first == nil)
        }

        @Test("the value of a letter may be joined", .needsPerf, .needsCompiler)
        func joined() throws {
            let burn = try Program.burn.start()
            let frame = try sample(["-p\(burn.pid)", "-F499", "-n1", "-d0.5"])[0]
            #expect(frame.frequencyHz == 499)
        }

        @Test("a tracepoint without tracefs names the mount", .needs(Machine.hasTracefs ? "tracefs is mounted" : nil))
        func tracefs() throws {
            let outcome = try perftop(["-e", "sched:sched_switch", "--batch", "-n", "1"])
            expectOneLine(outcome, status: 1, naming: "mount -t tracefs")
        }

        @Test(
            "64 open files: it works and says so, or one line names the limit", .needsPerf, .needsCompiler,
            arguments: [true, false])
        func fileLimit(many: Bool) throws {
            let crowd = try Program.crowd.start([many ? "200" : "2"], until: "ready")
            let script = #"ulimit -n 64; exec "$0" "$@""#
            let outcome = try shell(
                script, ["-p", "\(crowd.pid)", "--batch", "-n", "1", "-d", "1", "--format", "json"])
            if outcome.status == 0 {
                let frame = try #require(Report.frames(outcome.output).first)
                #expect(frame.userPercent(of: "busy") > 90)
                if many { #expect(!frame.notes.isEmpty, "nothing says how it was done") }
            } else {
                expectOneLine(outcome, status: 1, naming: "ulimit -n")
                #expect(many, "a small process fits")
            }
        }

        @Test("TERM unset or unknown: one line, the terminal as before", arguments: [nil, "no-such-terminal", ""])
        func noTerm(term: String?) throws {
            let terminal = try Terminal()
            let before = try terminal.settings()
            let (status, output) = try terminal.perftop([], environment: ["TERM": term])
            #expect(status == 1)
            #expect(output.split(separator: "\n").count == 1, "\(output)")
            #expect(output.contains("TERM"))
            #expect(!output.contains("\u{1b}"))
            #expect(try terminal.settings() == before)
        }

        @Test("TERM=dumb means batch", .needsPerf, .needsCompiler)
        func dumbTerminal() throws {
            let burn = try Program.burn.start()
            let terminal = try Terminal()
            let arguments = ["-p", "\(burn.pid)", "-n", "1", "-d", "0.5"]
            let (status, output) = try terminal.perftop(arguments, environment: ["TERM": "dumb"])
            #expect(status == 0)
            #expect(output.contains("alpha"))
            #expect(!output.contains("\u{1b}"))
        }

        @Test("an error before the first screen leaves the terminal alone", .needsPerf)
        func errorInTerminal() throws {
            let terminal = try Terminal()
            let before = try terminal.settings()
            let (status, output) = try terminal.perftop(["-p", "99999999"], environment: ["TERM": "xterm-256color"])
            #expect(status == 1)
            #expect(output.contains("99999999"))
            #expect(!output.contains("\u{1b}"))
            #expect(try terminal.settings() == before)
        }
    }
}
