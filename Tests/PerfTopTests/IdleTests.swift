import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// What the screen costs the line to the terminal.
    @Suite("bytes to the terminal", .needsPerf, .needsCompiler)
    struct Idle {
        private let burn: Running
        /// Spans that are measured, not waits for anything.
        private let span: Double = Machine.isFull ? 10 : 3

        init() throws { burn = try Program.burn.start() }

        private func start(_ arguments: [String]) throws -> (terminal: Terminal, child: Child) {
            let terminal = try Terminal()
            let child = try terminal.start(
                arguments, environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": nil])
            terminal.expectShown("alpha")
            return (terminal, child)
        }

        private func quit(_ terminal: Terminal, _ child: Child) {
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
        }

        /// The sizes of the bursts that come within a span; silence of 50 ms ends one.
        private func bursts(_ terminal: Terminal, seconds: Double) -> [Int] {
            var (sizes, seen, last) = ([Int](), terminal.output.count, ContinuousClock.now)
            _ = waitUntil(within: seconds) {
                terminal.drain()
                let fresh = terminal.output.count - seen
                guard fresh > 0 else { return false }
                let now = ContinuousClock.now
                if sizes.isEmpty || now - last > .milliseconds(50) { sizes.append(0) }
                sizes[sizes.count - 1] += fresh
                (seen, last) = (terminal.output.count, now)
                return false
            }
            return sizes
        }

        @Test("frozen: not a byte is written")
        func frozen() throws {
            let (terminal, child) = try start(["-p", "\(burn.pid)"])
            let place = terminal.output.count
            terminal.type(" ")
            terminal.expect("PAUSED", from: place)
            // The rest of that picture.
            _ = waitUntil(within: 30) { bursts(terminal, seconds: 0.2).isEmpty }
            #expect(bursts(terminal, seconds: span) == [])
            #expect(child.isRunning)
            quit(terminal, child)
        }

        @Test("unfrozen: the samples of that time are there", .needsTmux)
        func unfrozen() throws {
            let tmux = try Tmux(["-p", "\(burn.pid)", "-e", "cpu-clock", "-F", "999", "--window", "60"])
            try tmux.expect("samples") { (Screen.samples($0) ?? 0) > 500 }
            try tmux.type(" ")
            try tmux.expect("frozen") { $0.contains("PAUSED") }
            let ran = processTime()
            let frozen = try tmux.screen()
            let before = try #require(Screen.samples(frozen), "\(frozen)")
            // The time whose samples are looked for is burn's own.
            #expect(waitUntil(within: 60) { processTime() - ran >= span })
            #expect(try tmux.screen() == frozen)
            let spent = processTime() - ran
            try tmux.type(" ")
            var after = 0
            try tmux.expect("live again") {
                after = Screen.samples($0) ?? 0
                return $0.contains("LIVE")
            }
            let most = processTime() - ran
            // Either picture is as old as the interval, one second, at most; the first one live has all of the rest.
            let found = Double(after - before) / 999
            #expect(found > 0.9 * (spent - 1), "\(found) s of samples for \(spent) s of burn")
            #expect(found < 1.1 * (most + 1.5), "\(found) s of samples for \(most) s of burn")
        }

        /// Seconds of processor time that burn has had.
        private func processTime() -> Double {
            let text = (try? String(contentsOfFile: "/proc/\(burn.pid)/schedstat", encoding: .utf8)) ?? ""
            return (text.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1e9
        }
    }
}
