import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Whatever ends the screen, the terminal is as it was, and the parent learns the truth about the end.
    @Suite("ways out of the screen", .needsPerf, .needsCompiler)
    struct Signals {
        private let burn: Running
        private let terminal: Terminal
        private let before: String

        init() throws {
            burn = try Program.burn.start()
            terminal = try Terminal()
            before = try terminal.settings()
        }

        /// How far the program is when it is hit.
        enum Phase: String, CaseIterable, CustomTestStringConvertible {
            case startUp = "start-up"
            case steady
            case prompt

            var testDescription: String { rawValue }
        }

        private static let fast = [SIGTERM, SIGSEGV, SIGINT]
        /// All that end a process: of those that are ignored or only stop it there is nothing to be restored. 33 is glibc's own,
        /// which passes over it where it comes from elsewhere.
        private static let all: [Int32] = {
            let others = [
                SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGCHLD, SIGURG, SIGWINCH, SIGPIPE, SIGXFSZ,
            ]
            return (1...64).filter { $0 != 33 && !others.contains($0) }
        }()
        private static let early = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT, SIGUSR1, SIGVTALRM, 64]

        private func start(
            _ phase: Phase = .steady, controlling: Bool = false, script: String? = nil
        ) throws -> Child {
            let child = try terminal.start(
                ["-p", "\(burn.pid)"], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": nil],
                controlling: controlling, script: script)
            let arrived = waitUntil(within: 30) {
                terminal.drain()
                return !terminal.output.isEmpty
            }
            #expect(arrived, "nothing on the screen")
            if phase == .startUp { return child }
            terminal.expectShown("alpha")
            if phase == .prompt {
                let place = terminal.output.count
                terminal.type("\\")
                // The cursor is shown where text is typed, and nowhere else.
                terminal.expect("\u{1b}[?25h", from: place)
            }
            return child
        }

        private func expectRestored() throws {
            let modes = TerminalModes(terminal.output)
            #expect(modes.tookScreen)
            #expect(modes.leftovers == [])
            #expect(try terminal.settings() == before)
        }

        private func expectSignal(_ number: Int32, _ phase: Phase) throws {
            let child = try start(phase)
            kill(child.pid, number)
            terminal.finish(child)
            #expect(child.signal == number)
            try expectRestored()
        }

        @Test("a signal is re-raised when the terminal is as before", arguments: fast)
        func signal(number: Int32) throws { try expectSignal(number, .steady) }

        @Test("every signal, early, in between and at a prompt", .slow, arguments: early, Phase.allCases)
        func signals(number: Int32, phase: Phase) throws { try expectSignal(number, phase) }

        /// On one terminal: it is left for each as it was for the one before.
        @Test("every signal that ends a process leaves the terminal as it was")
        func everySignal() throws {
            for number in Self.all {
                let place = terminal.output.count
                let child = try terminal.start(
                    ["-p", "\(burn.pid)"],
                    environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": nil])
                terminal.expect("\u{1b}[?1049h", from: place)
                // The first picture: its signals are heard by then.
                terminal.expect("Functions", from: place)
                kill(child.pid, number)
                terminal.finish(child)
                #expect(child.signal == number, "signal \(number)")
                let modes = TerminalModes(Array(terminal.output[place...]))
                #expect(modes.tookScreen && modes.leftovers == [], "signal \(number)")
                #expect(try terminal.settings() == before, "signal \(number)")
            }
        }

        /// What is sampled at a rate that the machine hardly carries.
        enum Reach: CaseIterable {
            case all, process, command
        }

        @Test(
            "a report at a rate that the machine hardly carries ends soon, whole", .slow, .needsPerfOfAll,
            arguments: Reach.allCases, [SIGINT, SIGTERM])
        func highRate(reach: Reach, number: Int32) throws {
            let loop = ["/bin/sh", "-c", "while :; do :; done"]
            let loops = try (0..<2).map { _ in try Running(loop[0], Array(loop[1...])) }
            defer { for loop in loops { loop.stop() } }
            let target =
                switch reach {
                case .all: ["-a"]
                case .process: ["-p", loops.map { "\($0.pid)" }.joined(separator: ",")]
                case .command: ["--"] + loop
                }
            let top = try Running(
                Machine.binary, ["-F", "50000", "-d", "1", "--batch", "--format", "json"] + target)
            try top.wait(for: "}\n")
            let begun = ContinuousClock.now
            kill(top.pid, number)
            let outcome = top.finish()
            // One second is promised where the processors are there; before it was 22.
            #expect(ContinuousClock.now - begun < .seconds(5))
            let frames = try Report.frames(outcome.output)
            #expect(frames.count > 1 && outcome.output.hasSuffix("\n"))
        }

        @Test("a report that any signal ends has a last frame, whole", arguments: [SIGUSR1, SIGVTALRM, 64])
        func lastFrame(number: Int32) throws {
            let top = try Running(
                Machine.binary, ["--batch", "--format", "json", "-d", "2", "-p", "\(burn.pid)"])
            try top.wait(for: "}\n")
            kill(top.pid, number)
            let outcome = top.finish()
            #expect(outcome.status == 128 + number)
            #expect(try Report.frames(outcome.output).count == 2 && outcome.output.hasSuffix("}\n"))
        }

        @Test("at any moment of the first 100 ms", .slow, arguments: [SIGTERM, SIGSEGV])
        func anyMoment(number: Int32) throws {
            for moment in 0..<50 {
                let terminal = try Terminal()
                let child = try terminal.start(
                    ["-p", "\(burn.pid)"],
                    environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": nil])
                // No condition to wait for: the moment itself is what is tried out.
                letPass(seconds: 0.002 * Double(moment))
                kill(child.pid, number)
                terminal.finish(child)
                #expect(child.signal == number, "after \(2 * moment) ms")
                #expect(TerminalModes(terminal.output).leftovers == [], "after \(2 * moment) ms")
                #expect(try terminal.settings() == before, "after \(2 * moment) ms")
            }
        }

        @Test("a crash of any thread", arguments: [SIGSEGV, SIGTRAP])
        func threads(number: Int32) throws {
            let child = try start()
            let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(child.pid)/task")
            // One that stays: those that read come and go.
            let others = names.compactMap { Int32($0) }.filter { thread in
                (try? String(contentsOfFile: "/proc/\(child.pid)/task/\(thread)/comm", encoding: .utf8)) == "sampler\n"
            }
            let thread = try #require(others.first, "no sampler")
            let hit = try run(Program.hit.path, ["\(child.pid)", "\(thread)", "\(number)"])
            #expect(hit.status == 0)
            terminal.finish(child)
            #expect(child.signal == number)
            try expectRestored()
        }

        @Test("stacks that run out on two other threads at once")
        func overflow() throws {
            let child = try terminal.start(
                ["-p", "\(burn.pid)"],
                environment: [
                    "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": nil,
                    "LD_PRELOAD": Program.overflow.path,
                ])
            terminal.finish(child)
            #expect(child.signal == SIGSEGV)
            try expectRestored()
        }

        @Test("q and Ctrl-C are the user's wish: status 0", arguments: ["q", "\u{3}"])
        func keys(key: String) throws {
            let child = try start()
            terminal.type(key)
            terminal.finish(child)
            #expect(child.status == 0)
            try expectRestored()
        }

        @Test("too little memory for it is said before the screen is taken")
        func memoryLimit() throws {
            let child = try terminal.start(
                ["-p", "\(burn.pid)"], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8"],
                script: #"ulimit -v 150000; exec "$0" "$@""#)
            terminal.finish(child)
            #expect(child.status == 1)
            #expect(terminal.text(from: 0).hasPrefix("perftop: ulimit -v 150000: perftop needs"))
            #expect(!TerminalModes(terminal.output).tookScreen)
            #expect(try terminal.settings() == before)
        }

        @Test(
            "memory that is refused later may end it, and leaves the terminal as it was",
            .needs(Machine.has("prlimit") ? nil : "prlimit is not installed"))
        func memoryRefused() throws {
            let child = try start()
            try #require(try run("/usr/bin/env", ["prlimit", "--pid", "\(child.pid)", "--as=1048576"]).status == 0)
            try terminal.resize(columns: 900, lines: 140)
            kill(child.pid, SIGWINCH)
            terminal.type("56781?")
            _ = waitUntil(within: 3) {
                terminal.drain()
                return !child.isRunning
            }
            kill(child.pid, SIGTERM)
            terminal.finish(child)
            #expect(child.signal != nil)
            try expectRestored()
        }

        @Test("keys that come before the first picture are not lost")
        func earlyKey() throws {
            let child = try start(.startUp)
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
            try expectRestored()
        }

        @Test("a terminal that ^S has stopped does not keep it alive")
        func stopped() throws {
            let child = try start()
            terminal.type("\u{13}")
            // It ends whether or not it is stuck in a write by now: both happen.
            kill(child.pid, SIGTERM)
            terminal.finish(child)
            #expect(child.signal == SIGTERM)
            #expect(try terminal.settings() == before)
        }

        @Test("a hang-up ends it, with the signal and without", arguments: [true, false])
        func hangUp(controlling: Bool) throws { try expectHangUp(try start(controlling: controlling)) }

        @Test("a hang-up ends what ignores the signal, as under nohup")
        func ignoredHangUp() throws {
            try expectHangUp(try start(controlling: true, script: #"trap '' HUP; exec "$0" "$@""#))
        }

        private func expectHangUp(_ child: Child) throws {
            try terminal.hangUp()
            let ended = waitUntil(within: 30) { !child.isRunning }
            #expect(ended, "still running without a terminal")
            child.stop()
            #expect(child.signal == SIGHUP)
        }

        @Test("Ctrl-Z gives the terminal back to the shell, fg takes it again", .needsTmux)
        func suspend() throws {
            let tmux = try Tmux(["-p", "\(burn.pid)"])
            for _ in 0..<2 {
                try tmux.expect("the table") { $0.contains("alpha") }
                #expect(try tmux.isAlternate())
                try tmux.press("C-z")
                try tmux.expect("the shell") { $0.contains("stopped") && $0.contains("settings=same") }
                #expect(try !tmux.isAlternate())
                try tmux.press("Enter")
            }
            try tmux.expect("the table again") { $0.contains("alpha") }
            try tmux.type("q")
            try tmux.expect("the end") { $0.contains("status=0\n") && $0.contains("settings=same") }
        }

        @Test("a signal that comes while it is stopped works when it goes on", .needsTmux)
        func signalWhileStopped() throws {
            let tmux = try Tmux(["-p", "\(burn.pid)"])
            try tmux.expect("the table") { $0.contains("alpha") }
            try tmux.press("C-z")
            try tmux.expect("the shell") { $0.contains("stopped") && $0.contains("settings=same") }
            kill(try #require(tmux.pid), SIGTERM)
            try tmux.press("Enter")
            try tmux.expect("the end") { $0.contains("status=143\n") && !$0.contains("changed") }
            #expect(try !tmux.isAlternate())
        }

        @Test(
            "without another screen to leave, what follows stands on a line of its own", .needsTmux,
            arguments: [SIGTERM, SIGSEGV])
        func oneScreen(number: Int32) throws {
            let tmux = try Tmux(["-p", "\(burn.pid)"], term: "vt100")
            try tmux.expect("the table") { $0.contains("alpha") && $0.contains("q Quit") }
            kill(try #require(tmux.pid), number)
            try tmux.expect("the end") { $0.contains("status=\(128 + number)\n") && $0.contains("settings=same\n") }
        }

        @Test("a command that crashes is said on the screen, and is our end too", .needsTmux)
        func commandCrashes() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("enough")
            let end = "kill $!; ulimit -c 0; kill -SEGV $$"
            let script = "\(Program.burn.path) & until [ -e \(file.path) ]; do sleep 0.02; done; \(end)"
            let tmux = try Tmux(["--", "sh", "-c", script])
            try tmux.expect("the table") { $0.contains("alpha") }
            try Data().write(to: file)
            try tmux.expect("its end is said") { $0.contains("ended by signal 11") && $0.contains("alpha") }
            #expect(try tmux.isAlternate())
            try tmux.type("q")
            try tmux.expect("the end") { $0.contains("status=139\n") && $0.contains("settings=same") }
            #expect(try !tmux.isAlternate())
        }
    }
}
