import Foundation
import Glibc
import SampleEngineTestSupport
import Testing

extension EndToEnd {
    /// A terminal says itself how large it is: whatever it claims, the picture takes no more than a screen could show.
    @Suite("a terminal of any size", .needsPerf, .needsCompiler)
    struct HugeTerminal {
        /// Megabytes of its own that a program has in memory (proc_pid_status(5)).
        private static func memory(of pid: Int32) -> Int {
            let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
            return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 1 << 30) >> 10
        }

        private func start(_ columns: UInt16, _ lines: UInt16) throws -> (Terminal, Child, Running) {
            let burn = try Program.burn.start()
            let terminal = try Terminal(columns: columns, lines: lines)
            let child = try terminal.start(
                ["-p", "\(burn.pid)"], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8"], controlling: true)
            terminal.expectShown("alpha")
            return (terminal, child, burn)
        }

        @Test(
            "it begins in any",
            arguments: [(65535, 65535), (65535, 1), (1000, 1000), (32767, 40)] as [(UInt16, UInt16)])
        func begins(columns: UInt16, lines: UInt16) throws {
            if lines == 1 {
                let terminal = try Terminal(columns: columns, lines: lines)
                let child = try terminal.start(["-a"], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8"])
                terminal.expect("too small")
                terminal.type("q")
                terminal.finish(child)
                #expect(child.status == 0)
                return
            }
            let (terminal, child, _) = try start(columns, lines)
            if !Machine.hasSanitizer { #expect(Self.memory(of: child.pid) < 40) }
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
        }

        @Test(
            "whatever size the environment claims, it begins",
            arguments: [("999999999", "-1"), ("3000", "3000"), ("0", "x")])
        func environment(lines: String, columns: String) throws {
            let burn = try Program.burn.start()
            let terminal = try Terminal(columns: 120, lines: 40)
            let child = try terminal.start(
                ["-p", "\(burn.pid)"],
                environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "LINES": lines, "COLUMNS": columns])
            terminal.expectShown("alpha")
            if !Machine.hasSanitizer { #expect(Self.memory(of: child.pid) < 40) }
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
        }

        @Test("one that grows takes no more than a screen could show, and what it took is given back")
        func grows() throws {
            let (terminal, child, _) = try start(120, 40)
            let before = Self.memory(of: child.pid)
            let place = terminal.output.count
            try terminal.resize(columns: 65535, lines: 65535)
            // Its last line, as far as it goes.
            terminal.expect("\u{1b}[131;", from: place)
            if !Machine.hasSanitizer { #expect(Self.memory(of: child.pid) < 40) }
            try terminal.resize(columns: 120, lines: 40)
            let isGivenBack = waitUntil(within: 30) {
                terminal.drain()
                return Machine.hasSanitizer || Self.memory(of: child.pid) < before + 8
            }
            #expect(isGivenBack, "\(before) MB before, \(Self.memory(of: child.pid)) MB after")
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
        }
    }
}
