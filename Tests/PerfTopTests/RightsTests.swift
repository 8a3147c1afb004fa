import Foundation
import Glibc
import SampleEngineTestSupport
import Testing

/// The lines `Cap…` and `NoNewPrivs` of a thread (proc_pid_status(5)).
private struct Status: Equatable {
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var bounding: UInt64 = 0
    var ambient: UInt64 = 0
    var mayGainNone = false

    init?(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: "\t")
            guard words.count == 2 else { continue }
            switch words[0] {
            case "CapEff:": effective = UInt64(words[1], radix: 16) ?? .max
            case "CapPrm:": permitted = UInt64(words[1], radix: 16) ?? .max
            case "CapBnd:": bounding = UInt64(words[1], radix: 16) ?? .max
            case "CapAmb:": ambient = UInt64(words[1], radix: 16) ?? .max
            case "NoNewPrivs:": mayGainNone = words[1] == "1"
            default: break
            }
        }
        if text.isEmpty { return nil }
    }

    /// Of each thread of a process.
    static func all(of pid: Int32) -> [Status] {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return tasks.compactMap { task in
            (try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/status", encoding: .utf8)).flatMap(Status.init)
        }
    }
}

/// Gives a file rights (capabilities(7), "File capabilities"; linux/capability.h, vfs_cap_data of revision 2).
private func give(_ rights: UInt64, to path: String, effective: Bool = false) throws {
    let words: [UInt32] = [
        0x0200_0000 | (effective ? 1 : 0), UInt32(truncatingIfNeeded: rights), 0, UInt32(rights >> 32), 0,
    ]
    let hex = words.map { String($0.byteSwapped, radix: 16) }.map { String(repeating: "0", count: 8 - $0.count) + $0 }
    let script = "import os,sys; os.setxattr(sys.argv[1], 'security.capability', bytes.fromhex(sys.argv[2]))"
    let outcome = try run("/usr/bin/env", ["python3", "-c", script, path, hex.joined()])
    if outcome.status != 0 { try Test.cancel("a file cannot be given rights here: \(outcome.errors)") }
}

/// CAP_PERFMON, CAP_SYS_PTRACE and CAP_SYSLOG: what README has the file given.
private let given: UInt64 = 1 << 38 | 1 << 19 | 1 << 34

extension EndToEnd {
    /// What perftop may do, and when; and what it makes of what its caller chooses.
    @Suite("rights", .needsPerf, .needsCompiler, .needs(whyNoUsers))
    struct RightsOfOurs {
        /// What root's perftop keeps: see `Rights`. Without kill(2) where there is no COMMAND.
        private static let kept: UInt64 =
            [0, 1, 2, 3, 14, 19, 21, 23, 34, 38, 40].reduce(0) { $0 | 1 << UInt64($1) }

        /// Waits until no thread has anything effective; each time what is permitted must be this.
        private func expectRest(_ pid: Int32, permitted: UInt64, _ name: Comment) {
            let rests = waitUntil(within: 30) {
                let all = Status.all(of: pid)
                return all.count > 2 && all.allSatisfy { $0.permitted == permitted }
                    && all.allSatisfy { $0.effective == 0 }
            }
            #expect(rests, "\(name): \(Status.all(of: pid))")
            for status in Status.all(of: pid) {
                #expect(
                    status.permitted == permitted && status.ambient == 0 && status.mayGainNone, "\(name): \(status)")
            }
        }

        private func batch(_ workshop: Workshop, _ user: User, _ arguments: [String]) throws -> Running {
            try Running(
                "/usr/bin/env",
                user.prefix + [workshop.path("perftop"), "--batch", "--format", "json", "-d", "0.3"] + arguments)
        }

        @Test(
            "root keeps what its calls need, has none of it effective between them, and gives none to what it might run"
        )
        func root() throws {
            let workshop = try Workshop()
            let perftop = try batch(workshop, .root, ["-a"])
            try perftop.wait(for: "\"rows\"")
            // A kernel that lacks one lacks it in what root is given, too.
            let had = Status.all(of: getpid())[0].permitted
            expectRest(perftop.pid, permitted: Self.kept & had, "root")
            #expect(Status.all(of: perftop.pid).allSatisfy { $0.bounding == 0 })
        }

        @Test("root of a container looks into what may no more than itself")
        func contained() throws {
            let workshop = try Workshop()
            let equal = try Running("/usr/bin/env", User.contained.prefix + [workshop.path(Workshop.rootWork), "60"])
            try equal.wait(for: "ready")
            let outcome = try batch(workshop, .contained, ["-n", "2", "-p", "\(equal.pid)"]).finish()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let rows = try Report.frames(outcome.output).flatMap(\.rows)
            #expect(rows.contains { $0.symbol == "alpha" }, "\(rows.prefix(5))")
        }

        @Test("a command has all that its caller has")
        func command() throws {
            let workshop = try Workshop()
            let outcome = try batch(
                workshop, .root, ["-o", "/dev/null", "--", "/bin/sh", "-c", "grep -e Cap -e NoNew /proc/self/status"]
            ).finish()
            let direct = try run("/bin/sh", ["-c", "grep -e Cap -e NoNew /proc/self/status"])
            #expect(outcome.status == 0)
            #expect(outcome.output == direct.output)
        }

        @Test(
            "a file with rights samples others for a plain user, whichever way they were given",
            arguments: [false, true])
        func file(effective: Bool) throws {
            let workshop = try Workshop()
            try give(given, to: workshop.path("perftop"), effective: effective)
            let pid = try #require(workshop.pids[Workshop.rootWork])
            let perftop = try batch(workshop, .plain, ["-p", "\(pid)"])
            try perftop.wait(for: "alpha")
            expectRest(perftop.pid, permitted: given, "of the file")
            kill(perftop.pid, SIGINT)
            let rows = try Report.frames(perftop.finish().output).flatMap(\.rows)
            #expect(rows.contains { $0.symbol == "alpha" && $0.process == Workshop.rootWork })
        }

        @Test("through a file with rights nobody asks for names of what he could not see himself")
        func symbols() throws {
            let workshop = try Workshop()
            let pid = try #require(workshop.pids[Workshop.rootWork])
            let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
            let line = try #require(
                maps.split(separator: "\n").first { $0.contains(" r-xp ") && $0.hasSuffix(Workshop.rootWork) })
            let address = "0x" + line.prefix { $0 != "-" }
            func ask() throws -> String {
                try run(
                    "/usr/bin/env",
                    User.plain.prefix + [workshop.path("perftop"), "--symbols", address, "-p", "\(pid)"]
                )
                .output
            }
            let without = try ask()
            #expect(!without.contains(Workshop.rootWork))
            try give(given, to: workshop.path("perftop"))
            #expect(try ask() == without)
        }

        @Test("set-user-ID is refused in a line")
        func setUserID() throws {
            let workshop = try Workshop()
            try FileManager.default.setAttributes([.posixPermissions: 0o4755], ofItemAtPath: workshop.path("perftop"))
            let outcome = try run("/usr/bin/env", User.plain.prefix + [workshop.path("perftop"), "--batch", "-n", "1"])
            #expect(outcome.status == 1)
            #expect(outcome.errorLines.count == 1 && outcome.errors.contains("set-user-ID"), "\(outcome.errors)")
        }

        /// Everything that leads somewhere, led into a folder of the plain user's with a broken description of his terminal.
        private func hostileEnvironment(_ folder: URL) throws -> [String: String?] {
            for place in ["x", ".terminfo/x", "78", "perftop", ".config/perftop"] {
                let inner = folder.appendingPathComponent(place)
                try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
                // The magic number of a compiled description, and nothing that makes sense behind it (term(5)).
                let broken = [0x1a, 0x01] + [UInt8](repeating: 0xff, count: 4000)
                try Data(broken).write(to: inner.appendingPathComponent("xterm-256color"))
                try Data("delay = \"70ms\"\n".utf8).write(to: inner.appendingPathComponent("config.toml"))
            }
            _ = try run("/bin/chown", ["-R", "65534:65534", folder.path])
            var environment: [String: String?] = ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8"]
            for name in [
                "TERMINFO", "TERMINFO_DIRS", "TERMPATH", "HOME", "XDG_CONFIG_HOME", "LOCPATH", "NLSPATH", "GCONV_PATH",
                "TZDIR",
            ] { environment[name] = folder.path }
            environment["TERMCAP"] = folder.path + "/x/xterm-256color"
            environment["TZ"] = ":" + folder.path + "/x/xterm-256color"
            return environment
        }

        /// What strace sees of a screen that comes up and is left: the lines of calls that name files. A plain user has a file
        /// with rights.
        private func traced(_ workshop: Workshop, _ user: User, _ environment: [String: String?]) throws -> [String] {
            if user == .plain { try give(given, to: workshop.path("perftop")) }
            let trace = workshop.path("trace")
            let terminal = try Terminal()
            let who = user == .plain ? "-u nobody " : ""
            let child = try terminal.start(
                ["-p", "\(try #require(workshop.pids[Workshop.plainWork]))"], environment: environment,
                controlling: true,
                script: "exec strace -f \(who)-e trace=%file -o \(trace) \(workshop.path("perftop")) \"$@\"")
            terminal.expectShown("alpha")
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
            return try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n").map(String.init)
        }

        @Test(
            "paths of the caller's environment are not followed with rights that are not his",
            .needs(Machine.has("strace") ? nil : "strace is not installed"),
            arguments: [User.plain, .root])
        func environment(user: User) throws {
            let workshop = try Workshop()
            let folder = workshop.plainFolder
            let trace = try traced(workshop, user, hostileEnvironment(folder))
            // The caller's own configuration is read, with the caller's own rights: root's perftop has another caller.
            let followed = trace.filter { $0.contains(folder.path + "/") && !$0.contains("execve(") }.filter {
                !$0.contains("config.toml") || user == .root && $0.contains("open")
            }
            #expect(followed.isEmpty, "\(followed)")
        }

        @Test(
            "nor where a letter of the environment's is more than its sign",
            .needs(Machine.has("strace") ? nil : "strace is not installed"), arguments: [User.plain, .root])
        func combined(user: User) throws {
            let trace = try traced(
                Workshop(), user,
                // A sign and the mark behind it are one letter (Unicode), but not to the C library.
                [
                    "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TERMINFO": "\u{301}/evil",
                    "TERMINFO_DIRS": "/x:\u{301}/evil", "HOME": "/\u{301}evil", "TZ": "/\u{301}evil",
                ])
            // Who may have put it there is asked of its place (O_PATH).
            let followed = trace.filter {
                $0.contains("open") && $0.contains("evil") && !$0.contains("config.toml") && !$0.contains("O_PATH")
            }
            #expect(followed.isEmpty, "\(followed)")
        }

        @Test(
            "a terminal type that is a path, or a whole description, is unknown to a file with rights",
            arguments: ["../x/xterm-256color", "/tmp/x", ".", "hex:1a01ffff", String(repeating: "x", count: 5000)])
        func terminalType(type: String) throws {
            let workshop = try Workshop()
            try give(given, to: workshop.path("perftop"))
            let terminal = try Terminal()
            let words = User.plain.prefix.joined(separator: " ")
            let child = try terminal.start(
                ["-a"], environment: ["TERM": type], script: "exec \(words) \(workshop.path("perftop")) \"$@\"")
            terminal.finish(child)
            #expect(child.status == 1)
            let said = terminal.text(from: 0)
            #expect(said.contains("is unknown; set TERM or use --batch") && said.utf8.count < 200, "\(said)")
        }

        @Test("a program that the caller names is not run where we crash", arguments: [User.plain, .root])
        func crash(user: User) throws {
            let workshop = try Workshop()
            if user == .plain { try give(given, to: workshop.path("perftop")) }
            let (program, trace) = (
                workshop.plainFolder.appendingPathComponent("program"), workshop.path("plain/trace")
            )
            try Data("#!/bin/sh\necho was here >\(trace)\n".utf8).write(to: program)
            _ = try run("/bin/sh", ["-c", "chown 65534:65534 $0; chmod 755 $0", program.path])
            let perftop = try Running(
                "/usr/bin/env", user.prefix + [workshop.path("perftop"), "--batch", "-d", "0.3"],
                environment: ["SWIFT_BACKTRACE": "enable=yes,interactive=no,swift-backtrace=\(program.path)"])
            try perftop.wait(for: "frame 2")
            kill(perftop.pid, SIGSEGV)
            #expect(perftop.finish().status == 128 + SIGSEGV)
            #expect(!FileManager.default.fileExists(atPath: trace))
        }
    }
}
