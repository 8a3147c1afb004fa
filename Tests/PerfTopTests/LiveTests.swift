import Foundation
import Testing

extension EndToEnd {
    @Suite("live in tmux", .needsPerf, .needsCompiler, .needsTmux)
    struct Live {
        private let burn: Running

        init() throws { burn = try Program.burn.start() }

        private func open(columns: Int = 120, lines: Int = 40, locale: String = "C.UTF-8") throws -> Tmux {
            let tmux = try Tmux(["-p", "\(burn.pid)"], columns: columns, lines: lines, locale: locale)
            try tmux.expect("alpha and beta are on the screen") { isRow($0, "alpha") && isRow($0, "beta") }
            return tmux
        }

        private func isRow(_ screen: String, _ function: String) -> Bool { Screen.isRow(screen, function) }

        private func expectEnd(_ tmux: Tmux, status: Int32...) throws {
            try tmux.expect("perftop ended and the terminal is as before") { screen in
                status.contains { screen.contains("status=\($0)\n") } && screen.contains("settings=same")
            }
            #expect(try !tmux.isAlternate())
        }

        @Test("the table comes, q leaves", arguments: [(120, 40, "C.UTF-8"), (80, 24, "C.UTF-8"), (80, 24, "C")])
        func tableAndQuit(columns: Int, lines: Int, locale: String) throws {
            let tmux = try open(columns: columns, lines: lines, locale: locale)
            #expect(try tmux.isAlternate())
            let screen = try tmux.screen()
            #expect(screen.contains("LIVE"))
            #expect(screen.contains("\(burn.pid)"))
            if locale == "C" { #expect(screen.utf8.max() ?? 0 < 128) }
            try tmux.press("q")
            try expectEnd(tmux, status: 0)
        }

        @Test("rings, help and back")
        func views() throws {
            let tmux = try open()
            try tmux.type("9")
            try tmux.expect("the rings view") { screen in
                ["head", "tail", "lost"].allSatisfy { screen.lowercased().contains($0) } && !isRow(screen, "alpha")
            }
            try tmux.type("?")
            try tmux.expect("help") { $0.lowercased().contains("quit") && $0.lowercased().contains("filter") }
            // q closes what lies on top first: help must not end the session.
            try tmux.type("q")
            try tmux.type("1")
            try tmux.expect("the table again") { isRow($0, "alpha") }
            try tmux.type("q")
            try expectEnd(tmux, status: 0)
        }

        @Test("views of other groups, into a row and back")
        func groups() throws {
            let tmux = try open()
            try tmux.type("5")
            try tmux.expect("the process with its pid") { Screen.isRow($0, "\(burn.pid) burn") && !isRow($0, "alpha") }
            try tmux.press("Enter")
            try tmux.expect("its functions") { isRow($0, "alpha") && $0.contains("in burn (pid \(burn.pid))") }
            try tmux.press("Escape")
            try tmux.type("b")
            try tmux.expect("the menu of groups") { $0.contains("[x] pid") && $0.contains("[ ] thread") }
            try tmux.press("Space", "Enter")
            try tmux.expect("functions beside processes") {
                isRow($0, "alpha") && $0.contains("by function+process+pid")
            }
            try tmux.type("q")
            try expectEnd(tmux, status: 0)
        }

        @Test("back in time and on again, counted anew")
        func history() throws {
            let tmux = try open()
            try tmux.expect("a few seconds are kept") { _ in
                try tmux.type("[")
                return try tmux.screen().contains("HISTORY")
            }
            try tmux.type("6")
            try tmux.expect("modules of that moment") { $0.contains("[6 Modules]") && $0.contains("HISTORY") }
            try tmux.type("1]]]]]]]]]]]]")
            try tmux.type(" ")
            try tmux.expect("now") { $0.contains("LIVE") && isRow($0, "alpha") }
            try tmux.type("R")
            try tmux.expect("compared with what was before") { $0.contains("CHANGE") && $0.contains("since ") }
            try tmux.type("q")
            try expectEnd(tmux, status: 0)
        }

        @Test("a filter hides the rest, Escape brings it back")
        func filter() throws {
            let tmux = try open()
            try tmux.type("\\")
            try tmux.type("beta")
            try tmux.press("Enter")
            try tmux.expect("only beta") { isRow($0, "beta") && !isRow($0, "alpha") }
            try tmux.press("Escape")
            try tmux.expect("all again") { isRow($0, "alpha") }
        }

        @Test("sort keys and a new size do no harm")
        func sortAndResize() throws {
            let tmux = try open()
            for key in [">", "<", "I", "s"] { try tmux.type(key) }
            try tmux.press("Escape")
            for (columns, lines) in [(40, 8), (200, 60), (1, 1), (100, 30)] {
                try tmux.resize(columns: columns, lines: lines)
            }
            try tmux.expect("alpha is there in the last size") { isRow($0, "alpha") }
            try tmux.type("q")
            try expectEnd(tmux, status: 0)
        }

        @Test("signals leave the terminal as it was", arguments: [SIGTERM, SIGHUP])
        func signals(number: Int32) throws {
            let tmux = try open()
            kill(try #require(tmux.pid), number)
            // A signal is re-raised; a shell shows that as 128 + number.
            try expectEnd(tmux, status: 128 + number)
        }

        @Test("Ctrl-C leaves")
        func controlC() throws {
            let tmux = try open()
            try tmux.press("C-c")
            // The user's wish to leave, or the signal re-raised: both are right.
            try expectEnd(tmux, status: 0, 128 + SIGINT)
        }

        @Test("a crash leaves the terminal as it was", .slow, arguments: [SIGSEGV, SIGILL, SIGABRT])
        func crash(number: Int32) throws {
            let tmux = try open()
            kill(try #require(tmux.pid), number)
            try expectEnd(tmux, status: 128 + number)
        }

        @Test("a target that ends: the last picture stays, and it costs nothing")
        func targetExits() throws {
            let tmux = try open()
            burn.stop()
            try tmux.expect("the status line says so") { $0.contains("exited") && isRow($0, "alpha") }
            try expectIdle(try #require(tmux.pid), seconds: 2)
            try tmux.type("q")
            try expectEnd(tmux, status: 0)
        }

        @Test("a sleeping target costs nothing, and is on the screen when it wakes")
        func sleeping() throws {
            let waker = try Program.waker.start(until: "asleep")
            let tmux = try Tmux(["-p", "\(waker.pid)"])
            try tmux.expect("the screen is there") { $0.contains("LIVE") }
            try expectIdle(try #require(tmux.pid), seconds: Machine.isFull ? 10 : 3)
            kill(waker.pid, SIGUSR1)
            try tmux.expect("awake is on the screen", within: 30) { isRow($0, "awake") }
        }

        /// At most 10 wake-ups a second and half a percent of a processor, all threads together.
        private func expectIdle(_ pid: Int32, seconds: Double) throws {
            let (wakes, cpu, clock) = (wakeUps(pid), processTime(pid), ContinuousClock.now)
            letPass(seconds: seconds)
            let spent = (ContinuousClock.now - clock) / .seconds(1)
            #expect(Double(wakeUps(pid) - wakes) / spent <= 10, "wake-ups per second")
            #expect(100 * (processTime(pid) - cpu) / spent <= 0.5, "percent of a processor")
        }

        private func tasks(_ pid: Int32, _ file: String) -> [String] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
            return names.compactMap { try? String(contentsOfFile: "/proc/\(pid)/task/\($0)/\(file)", encoding: .utf8) }
        }

        private func wakeUps(_ pid: Int32) -> Int {
            tasks(pid, "status").reduce(0) { sum, text in
                let line = text.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
                return sum + (line?.split(separator: "\t").last.flatMap { Int($0) } ?? 0)
            }
        }

        /// Processor time of all threads, in nanosecond resolution.
        private func processTime(_ pid: Int32) -> Double {
            tasks(pid, "schedstat").reduce(0) {
                $0 + ($1.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1e9
            }
        }
    }
}
