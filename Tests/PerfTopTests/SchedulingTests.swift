import Foundation
import Glibc
import SampleEngineTestSupport
import Testing

extension EndToEnd {
    /// Beside thousands of threads that want a CPU, what answers keys and reads rings goes first, where that is permitted.
    @Suite("real time", .needsPerf, .needsCompiler, .needs(whyNoRealTime))
    struct RealTime {
        /// The scheduling policies of a program's threads by their names (proc_pid_stat(5): field 41; 0 ordinary, 2 SCHED_RR).
        private static func policies(of pid: Int32) -> [String: Set<Int>] {
            var policies: [String: Set<Int>] = [:]
            let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
            for task in tasks {
                guard let stat = try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/stat", encoding: .utf8),
                    let opening = stat.firstIndex(of: "("), let closing = stat.lastIndex(of: ")")
                else { continue }
                let fields = stat[closing...].split(separator: " ")
                let name = String(stat[opening..<closing].dropFirst())
                policies[name, default: []].insert(fields.count > 39 ? Int(fields[39]) ?? -1 : -1)
            }
            return policies
        }

        private static func expect(_ wanted: [String: Set<Int>], of pid: Int32, _ words: Comment) {
            let came = waitUntil(within: 30) {
                let policies = Self.policies(of: pid)
                return wanted.allSatisfy { policies[$0.key] == $0.value }
            }
            #expect(came, "\(words): \(Self.policies(of: pid))")
        }

        @Test("the screen, the sampler and the resolver, and not where they were made nice or it is not wanted")
        func screen() throws {
            let burn = try Program.burn.start()
            for (script, options, policy) in [
                (nil, [], 2), (nil, ["-r", "3"], 2), (nil, ["-r", "0"], 0), ("exec nice -n 3 \"$0\" \"$@\"", [], 0),
            ] as [(String?, [String], Int)] {
                let terminal = try Terminal()
                let child = try terminal.start(
                    ["-p", "\(burn.pid)"] + options, environment: ["TERM": "xterm-256color"], script: script)
                terminal.expectShown("alpha")
                Self.expect(
                    [Self.mainThread: [policy], "sampler": [policy], "resolver": [policy]], of: child.pid,
                    "\(options) \(script ?? "")")
                terminal.type("q")
                terminal.finish(child)
            }
        }

        private static var mainThread: String { URL(fileURLWithPath: Machine.binary).lastPathComponent }

        @Test("in reports all but who writes them; the command that is started stays as it was")
        func command() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let copy = try Program.burn.copy(to: folder, as: "worker")
            let top = try Running(Machine.binary, ["--batch", "-d", "0.2", "--", copy.path])
            #expect(waitUntil(within: 30) { top.output.contains("alpha") })
            Self.expect([Self.mainThread: [0], "sampler": [2], "resolver": [2]], of: top.pid, "a report")
            let children = try String(contentsOfFile: "/proc/\(top.pid)/task/\(top.pid)/children", encoding: .utf8)
            let worker = try #require(children.split(separator: " ").first.flatMap { Int32($0) })
            Self.expect(["worker": [0]], of: worker, "the command")
            // Killed, it would leave the command behind.
            kill(top.pid, SIGTERM)
            _ = top.finish()
            #expect(waitUntil(within: 10) { kill(worker, 0) != 0 })
        }

        @Test("who writes reports goes first once an end is asked for")
        func ending() throws {
            let top = try Running(
                Machine.binary, ["--batch", "-d", "0.2", "--", "sh", "-c", "trap '' INT; while :; do :; done"])
            #expect(waitUntil(within: 30) { top.output.contains("\n") })
            Self.expect([Self.mainThread: [0], "hurry": [2]], of: top.pid, "a report")
            // The command is asked to end, and goes on.
            kill(top.pid, SIGINT)
            Self.expect([Self.mainThread: [2]], of: top.pid, "asked to end")
            kill(top.pid, SIGTERM)
            _ = top.finish()
        }

        @Test("who may not have it is told so, where it was asked for", .needs(whyNoUsers))
        func refused() throws {
            let workshop = try Workshop()
            let words = User.plain.prefix + [workshop.path("perftop")]
            let outcome = try run(
                "/usr/bin/env", words + ["-r", "5", "-n", "1", "-d", "0.1", "--", "sleep", "5"])
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("note: real-time priority 5 was refused: it needs CAP_SYS_NICE"))
            let silent = try run("/usr/bin/env", words + ["-n", "1", "-d", "0.1", "--", "sleep", "5"])
            #expect(silent.status == 0 && !silent.output.contains("real-time"))
        }
    }
}

/// Why nothing can be real time here, or nil.
private let whyNoRealTime: String? = {
    guard Machine.has("chrt") else { return "chrt is not installed" }
    guard (try? run("/usr/bin/env", ["chrt", "-r", "1", "true"]))?.status == 0 else {
        return "no real time is permitted here"
    }
    // What perftop finds so, it leaves so.
    guard getpriority(Int32(PRIO_PROCESS.rawValue), 0) == 0 else { return "the tests are not at the ordinary priority" }
    return nil
}()
