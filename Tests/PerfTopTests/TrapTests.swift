import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// What a failed precondition does: a thread runs into an instruction that the processor refuses. A debugger puts
    /// it in the thread's way, so that the program needs no door for it.
    @Suite("traps", .needsPerf, .needsCompiler, .needs(whyNoDebugger))
    struct Traps {
        /// The instruction, as the bytes of a number, and what the processor makes of it.
        struct Fault: CustomTestStringConvertible {
            let code: UInt64
            let signal: Int32
            let testDescription: String

            /// `ud2`, which Swift traps with, and a read through a null pointer.
            static let all = [
                Fault(code: 0x0b0f, signal: SIGILL, testDescription: "trap"),
                Fault(code: 0x2504_8b48, signal: SIGSEGV, testDescription: "bad pointer"),
            ]
        }

        enum Place: String, CaseIterable, CustomTestStringConvertible {
            case main, first, second

            var testDescription: String { self == .main ? "main thread" : "\(rawValue) engine thread" }
        }

        private let burn: Running

        init() throws { burn = try Program.burn.start() }

        @Test("any thread: the terminal is as before, and the signal is our end", arguments: Fault.all, Place.allCases)
        func trap(fault: Fault, place: Place) throws {
            let terminal = try Terminal()
            let before = try terminal.settings()
            let child = try terminal.start(
                ["-p", "\(burn.pid)"], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": nil])
            terminal.expectShown("alpha")
            // Those that read files come and go.
            var threads: [Int32] = []
            let areAlone = try waitUntil(within: 30) {
                terminal.drain()
                threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(child.pid)/task")
                    .compactMap { Int32($0) }.sorted()
                return threads.count == Place.allCases.count
            }
            try #require(areAlone, "threads: \(threads)")
            let index = Place.allCases.firstIndex(of: place) ?? 0
            try divert(child.pid, thread: threads[index], number: index + 1, to: fault.code, on: terminal)
            terminal.finish(child)
            #expect(child.signal == fault.signal)
            let modes = TerminalModes(terminal.output)
            #expect(modes.tookScreen)
            #expect(modes.leftovers == [])
            #expect(try terminal.settings() == before)
        }

        /// Writes the instruction where the program was entered, which no thread comes by again, and sends one there.
        private func divert(_ pid: Int32, thread: Int32, number: Int, to code: UInt64, on terminal: Terminal) throws {
            let entry = try #require(entryPoint(of: pid), "no entry point")
            // Without the call that it sleeps in, or the kernel would go back two bytes to begin that again.
            let commands = [
                "thread \(number)", "set {unsigned long}\(entry) = \(code)", "set $orig_rax = -1",
                "set $pc = \(entry)", "detach",
            ]
            let words = ["-nx", "-batch", "-iex", "set auto-solib-add off", "-iex", "set debuginfod enabled off"]
            let debugger = try Running(
                Machine.path(of: "gdb") ?? "gdb", words + ["-p", "\(pid)"] + commands.flatMap { ["-ex", $0] })
            // The terminal is read meanwhile: nobody may wait for room in it.
            let outcome = debugger.finish(within: 60)
            terminal.drain()
            let said = outcome.output + outcome.errors
            #expect(outcome.status == 0 && said.contains("LWP \(thread)"), "\(said)")
        }

        /// `AT_ENTRY` of what the kernel told the program at its start.
        private func entryPoint(of pid: Int32) -> UInt64? {
            guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/auxv") else { return nil }
            let words = unsafe data.withUnsafeBytes { unsafe Array($0.bindMemory(to: UInt64.self)) }
            return stride(from: 0, to: words.count - 1, by: 2).first { words[$0] == UInt64(AT_ENTRY) }
                .map { words[$0 + 1] }
        }
    }
}

/// Why no instruction can be put in another process's way here, or nil.
private let whyNoDebugger: String? = {
    #if !arch(x86_64)
        return "the instructions are those of x86-64"
    #else
        if !Machine.has("gdb") { return "gdb is not installed" }
        let scope = try? String(contentsOfFile: "/proc/sys/kernel/yama/ptrace_scope", encoding: .utf8)
        let isOpen = geteuid() == 0 || scope.map { $0.hasPrefix("0") } ?? true
        return isOpen ? nil : "kernel.yama.ptrace_scope lets nobody but root attach a debugger"
    #endif
}()
