import Foundation
import Testing

extension EndToEnd {
    /// `perftop -- COMMAND`: counted from its exec, with its children; its status is ours.
    @Suite("commands", .needsPerf, .needsCompiler)
    struct Commands {
        private let burn = Program.burn.path

        /// A shell command line that runs burn in the background until there is a file of this name.
        private func burnUntil(_ file: URL, then end: String) -> [String] {
            ["--", "sh", "-c", "\(burn) 60 & until [ -e \(file.path) ]; do sleep 0.02; done; kill $!; \(end)"]
        }

        private static let theEnd = "echo the end; exit 7"

        @Test("children are seen, the status is the command's, its output goes to our stderr")
        func children() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("enough")
            let watched = try Watched(["-d", "0.5"] + burnUntil(file, then: Self.theEnd))
            try watched.wait { $0.count >= 2 && $0.contains { $0.userPercent(of: "alpha") > 50 } }
            try Data().write(to: file)
            let outcome = watched.top.finish()
            #expect(outcome.status == 7, "\(outcome.errors)")
            #expect(outcome.errors.contains("the end"))
            let frames = try Report.frames(outcome.output)
            #expect(frames.count >= 2)
            #expect(frames.contains { $0.userPercent(of: "alpha") > 50 })
            #expect(frames.reduce(0) { $0 + $1.lost } == 0)
        }

        @Test("nothing before the exec is missed, and nothing of perftop is counted")
        func fromExec() throws {
            let outcome = try perftop(["--batch", "--format", "json", "-n", "1", "-d", "1", "--", burn])
            let frame = try Report.frames(outcome.output)[0]
            #expect(frame.rows.allSatisfy { $0.process == "burn" })
            // The dynamic loader is the first thing after an exec; the rest is burn itself.
            #expect(frame.userPercent(of: "alpha", "beta") > 90)
        }

        @Test("-n ends the command, and that is status 0; --leave-running does not")
        func frames() throws {
            let ended = try perftop(["--batch", "-n", "1", "-d", "0.2", "--", "sh", "-c", "echo pid $$; exec \(burn)"])
            #expect(ended.status == 0)
            #expect(kill(try pid(in: ended.errors), 0) == -1 && errno == ESRCH)

            let words = ["sh", "-c", "echo pid $$; exec sleep 100"]
            let left = try perftop(["--batch", "-n", "1", "-d", "0.2", "--leave-running", "--"] + words)
            #expect(left.status == 0)
            #expect(kill(try pid(in: left.errors), SIGKILL) == 0)
        }

        private func pid(in text: String) throws -> Int32 {
            let line = text.split(separator: "\n").first { $0.hasPrefix("pid ") }
            return try #require(line.flatMap { Int32($0.dropFirst(4)) }, "\(text)")
        }

        @Test("a command that ignores SIGTERM is killed after a second")
        func stubborn() throws {
            let script = "trap '' TERM; echo pid $$; while :; do sleep 0.1; done"
            let outcome = try perftop(["--batch", "-n", "1", "-d", "0.2", "--", "sh", "-c", script])
            #expect(outcome.status == 0)
            #expect(kill(try pid(in: outcome.errors), 0) == -1)
        }

        @Test(
            "what cannot be started is one line and the shell's status",
            arguments: [("/no/such/program", Int32(127)), ("/etc/passwd", 126), ("/", 126)])
        func cannotStart(program: String, status: Int32) throws {
            let outcome = try perftop(["--batch", "--", program])
            #expect(outcome.status == status)
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errors.contains(program))
            #expect(outcome.output.isEmpty)
        }

        @Test("a command that dies by a signal ends us by it", arguments: [SIGTERM, SIGSEGV, SIGKILL])
        func signalled(number: Int32) throws {
            let outcome = try shell(
                #""$0" "$@" >/dev/null; echo "status=$?""#, ["--batch", "--", "sh", "-c", "kill -\(number) $$"])
            #expect(outcome.output.contains("status=\(128 + number)"))
        }

        @Test("with -o its output keeps standard output, and standard input passes through")
        func output() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("report").path
            let outcome = try shell(
                #"echo from outside | "$0" "$@""#, ["-o", file, "--", "sh", "-c", "read line; echo got $line; exit 3"])
            #expect(outcome.status == 3)
            #expect(outcome.output == "got from outside\n")
            #expect(try String(contentsOfFile: file, encoding: .utf8).contains("exited"))
        }

        @Test("whoever starts perftop may ignore its children's ends: the command's status is known")
        func ignoredChildren() throws {
            let outcome = try shell(
                #"trap '' CHLD; exec "$0" "$@" >/dev/null"#, ["--batch", "--", "sh", "-c", "exit 7"])
            #expect(outcome.status == 7)
        }

        @Test("Ctrl-C while nobody reads: when the command has ended, so has the report")
        func interruptedUnread() throws {
            var ends: [Int32] = [0, 0]
            try #require(unsafe pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { for end in ends { close(end) } }
            let top = try Running(
                Machine.binary,
                ["--batch", "-d", "0.01", "--format", "json", "-o", "/dev/fd/3", "--", Program.burn.path],
                descriptors: [ends[1]])
            #expect(
                waitUntilFull {
                    var waiting: Int32 = 0
                    return unsafe ioctl(ends[0], UInt(FIONREAD), &waiting) == 0 ? Int(waiting) : 0
                })
            kill(top.pid, SIGINT)
            #expect(top.finish(within: 60).status == 128 + SIGINT)
        }

        @Test("Ctrl-C asks the command to end; it is sampled until it has")
        func interrupted() throws {
            let script = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
            let running = try Running(Machine.binary, ["--batch", "--", "sh", "-c", script])
            try running.wait(for: "ready")
            kill(running.pid, SIGINT)
            let outcome = running.finish()
            #expect(outcome.status == 5)
            #expect(outcome.errors.contains("caught"))
        }

        @Test("a second Ctrl-C kills a command that does not listen to the first")
        func killed() throws {
            let script = "trap 'echo caught' INT; echo pid $$; while :; do sleep 0.05; done"
            let running = try Running(Machine.binary, ["--batch", "--", "sh", "-c", script])
            try running.wait(for: "pid ")
            kill(running.pid, SIGINT)
            try running.wait(for: "caught")
            kill(running.pid, SIGINT)
            let outcome = running.finish()
            #expect(outcome.status == 128 + SIGKILL)
            #expect(kill(try pid(in: outcome.errors), 0) == -1)
        }

        @Test("on the screen: the last picture stays, q leaves with the command's status, then its output comes")
        func screen() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("enough")
            let tmux = try Tmux(burnUntil(file, then: Self.theEnd))
            try tmux.expect("alpha is on the screen") { $0.contains("alpha") }
            try Data().write(to: file)
            try tmux.expect("the end is said", within: 30) {
                $0.contains("ended with status 7") && $0.contains("alpha")
            }
            try tmux.type("q")
            try tmux.expect("status and output") { screen in
                screen.contains("status=7\n") && screen.contains("the end") && screen.contains("settings=same")
            }
        }

        @Test("on the screen: a command that is killed is our end too, and the terminal as before")
        func screenKilled() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("enough")
            let tmux = try Tmux(burnUntil(file, then: "kill -KILL $$"))
            try tmux.expect("alpha is on the screen") { $0.contains("alpha") }
            try Data().write(to: file)
            try tmux.expect("its end is said", within: 30) { $0.contains("ended by signal 9") && $0.contains("alpha") }
            try tmux.type("q")
            try expectEnd(tmux, status: 128 + SIGKILL)
        }

        @Test("on the screen: Ctrl-C asks the command, whose status is ours")
        func screenInterrupted() throws {
            let tmux = try Tmux(["--", "sh", "-c", "trap \"echo caught; exit 5\" INT; \(burn) 20 & wait"])
            try tmux.expect("alpha is on the screen") { $0.contains("alpha") }
            try tmux.press("C-c")
            try expectEnd(tmux, status: 5, saying: "caught")
        }

        @Test("on the screen: q ends a running command, which is status 0; a signal does too, and is our end")
        func screenEnded() throws {
            for number in [nil, SIGTERM] {
                let tmux = try Tmux(["--", "sh", "-c", "echo pid $$; exec \(burn)"])
                try tmux.expect("alpha is on the screen") { $0.contains("alpha") }
                if let number { kill(try #require(tmux.pid), number) } else { try tmux.type("q") }
                try expectEnd(tmux, status: number.map { 128 + $0 } ?? 0, saying: "pid ")
                #expect(kill(try pid(in: tmux.screen()), 0) == -1 && errno == ESRCH)
            }
        }

        private func expectEnd(_ tmux: Tmux, status: Int32, saying text: String = "status=") throws {
            try tmux.expect("the end") { screen in
                screen.contains("status=\(status)\n") && screen.contains("settings=same") && screen.contains(text)
            }
            #expect(try !tmux.isAlternate())
        }

        @Test("on the screen: of more than 16 MB of output the end is kept, and the gap is said")
        func tooMuchOutput() throws {
            let script = "head -c 20000000 /dev/zero | tr \\\\0 x; echo; echo all of it; exec \(burn)"
            let terminal = try Terminal()
            let child = try terminal.start(
                ["--", "sh", "-c", script], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8"])
            terminal.expectShown("alpha")
            #expect(!terminal.text(from: 0).contains("xxxx"))
            let place = terminal.output.count
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
            let shown = terminal.output[place...]
            // What is said stands around what was kept. Bytes at once: each of 16 million by itself takes seconds.
            let head = String(decoding: shown.prefix(4096), as: UTF8.self)
            #expect(head.contains(" bytes of output were not kept]"), "\(head)")
            #expect(shown.suffix(11).elementsEqual("all of it\r\n".utf8))
            let first = try #require(shown.firstIndex(of: UInt8(ascii: "x")), "\(head)")
            let last = shown.lastIndex(of: UInt8(ascii: "x")) ?? first
            let kept = last - first + 1
            let isWhole = unsafe terminal.output[first...last].withUnsafeBytes { bytes in
                unsafe bytes.baseAddress.map { unsafe memcmp($0, $0 + 1, bytes.count - 1) == 0 } ?? false
            }
            #expect(isWhole, "one byte beside the other")
            #expect(kept > 16_000_000 && kept <= 16 << 20, "\(kept) bytes kept")
        }

        @Test("on the screen: 10 MB of output disturb nothing and come afterwards")
        func muchOutput() throws {
            let script = "head -c 10000000 /dev/zero | tr \\\\0 x; echo; echo all of it; exec \(burn)"
            let tmux = try Tmux(["--", "sh", "-c", script])
            try tmux.expect("the screen is undisturbed") { $0.contains("alpha") && !$0.contains("xxxx") }
            try tmux.type("q")
            try tmux.expect("the output and status 0", within: 30) {
                $0.contains("status=0\n") && $0.contains("all of it")
            }
        }

        @Test("on the screen: the first Ctrl-C asks, the second kills")
        func twiceInterrupted() throws {
            let tmux = try Tmux(["--", "sh", "-c", "trap \"\" INT; \(burn)"])
            try tmux.expect("alpha is on the screen") { $0.contains("alpha") }
            try tmux.press("C-c")
            try tmux.expect("it says so") { $0.contains("SIGINT") }
            try tmux.press("C-c")
            try tmux.expect("both are gone") { $0.contains("status=137\n") && $0.contains("settings=same") }
        }
    }
}
