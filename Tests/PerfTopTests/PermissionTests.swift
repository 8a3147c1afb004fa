import Foundation
import Testing

/// What is asked of perftop in a cell of the matrix.
enum Asked: String, CaseIterable {
    case own = "-p own"
    case another = "-p another's"
    case guarded = "-p own with more rights"
    case all = "-a"
    case nothing = "no target"
    case command = "-- COMMAND"
    case switches = "-e cs -p own"
    case kernelClock = "-e cpu-clock:k -p own"
    case tracepoint = "tracepoint, tracefs as it is"
    case opened = "tracepoint, tracefs opened to the group"
    case unmounted = "tracepoint, no tracefs"

    static let processes: [Asked] = [.own, .another, .guarded, .all, .nothing, .command]
    static let kernelEvents: [Asked] = [.switches, .kernelClock]

    var changesTracefs: Bool { [.tracepoint, .opened, .unmounted].contains(self) }
}

/// What must come of a cell.
enum Wanted {
    /// Exit 0 with samples of these processes and of no others of the workshop, and a note with each of the words.
    case works(of: [String], notes: [String] = [])
    /// Exit 1 and one line with each of the words.
    case refused([String])
}

/// The permission matrix: either it works and says what was given up, or one line names the reason and the remedy.
struct Matrix {
    struct Rule {
        let users: [User]
        let levels: ClosedRange<Int>
        let asked: [Asked]
        let wanted: Wanted

        init(_ users: [User], _ levels: ClosedRange<Int>, _ asked: [Asked], _ wanted: Wanted) {
            (self.users, self.levels, self.asked, self.wanted) = (users, levels, asked, wanted)
        }
    }

    private static let (mine, theirs, guarded) = (Workshop.plainWork, Workshop.rootWork, Workshop.guarded)
    private static let everybody = [mine, theirs, guarded]
    private static let any = -1...4
    private static let setcap = "sudo setcap cap_perfmon,cap_sys_ptrace,cap_syslog=p $P"
    private static func level(_ level: Int) -> String { "sudo sysctl kernel.perf_event_paranoid=\(level)" }

    /// The first that fits a cell holds.
    static let rules: [Rule] = [
        // user          paranoid  asked                what must come of it
        Rule([.root], any, [.unmounted], .refused(["tracefs is not mounted", "mount -t tracefs nodev /sys/"])),
        Rule([.root], any, [.another], .works(of: [mine])),
        Rule([.root], any, [.guarded], .works(of: [guarded])),
        Rule([.root], any, [.all, .nothing], .works(of: everybody)),
        Rule([.root], any, Asked.allCases, .works(of: [theirs])),

        Rule(
            [.perfmon, .plain], -1...1, [.unmounted], .refused(["sudo mount -t tracefs -o mode=750,gid=65534 nodev"])),
        Rule([.perfmon], any, [.unmounted], .refused(["sudo mount -t tracefs -o mode=750,gid=65534 nodev"])),
        Rule([.perfmon], any, [.tracepoint], .refused(["only root", "use sudo", "remount,mode=750,gid=65534 /sys/"])),
        Rule([.perfmon], any, [.another], .works(of: [theirs])),
        Rule([.perfmon], any, [.guarded], .works(of: [guarded])),
        Rule([.perfmon], any, [.all, .nothing], .works(of: everybody)),
        Rule([.perfmon], any, Asked.allCases, .works(of: [mine])),

        Rule([.plain], any, [.another], .refused(["it belongs to root", "use sudo", setcap])),
        Rule([.plain], any, [.guarded], .refused(["has more rights than you", "use sudo", setcap])),
        Rule([.plain], -1...0, [.all, .nothing], .works(of: everybody)),
        Rule([.plain], 1...4, [.all], .refused(["all CPUs", "use sudo", level(0), setcap])),
        Rule([.plain], 1...4, [.nothing], .works(of: [mine], notes: ["only your own processes", level(0)])),
        Rule([.plain], -1...1, [.tracepoint], .refused(["only root", "use sudo", "remount,mode=750,gid=65534 /sys/"])),
        Rule([.plain], -1...1, Asked.allCases, .works(of: [mine])),
        Rule([.plain], 2...4, [.own, .command], .works(of: [mine], notes: ["user side only", level(1)])),
        Rule([.plain], 2...4, Asked.kernelEvents + [.opened], .refused(["use sudo", level(1), setcap])),
        Rule([.plain], 2...4, [.tracepoint, .unmounted], .refused(["use sudo", level(1), "mode=750,gid=65534"])),

        Rule([.contained], 2...4, [.own], .refused(["has more rights than you", "--cap-add PERFMON"])),
        Rule([.contained], 2...4, [.all], .refused(["all CPUs", "--cap-add PERFMON", "on the host: " + level(0)])),
        Rule([.contained], 2...4, [.switches], .refused(["event 'cs'", "--cap-add PERFMON", "host: " + level(1)])),
        Rule([.contained, .rootless], 2...4, [.command], .works(of: [theirs], notes: ["user side only", level(1)])),
        Rule([.rootless], 2...4, [.all], .refused(["all CPUs", "does not count", "outside", level(0)])),
        Rule([.rootless], 2...4, [.another], .refused(["it belongs to nobody", "does not count", "outside"])),
    ]

    static func wanted(_ user: User, _ level: Int, _ asked: Asked) -> Wanted? {
        rules.first { $0.users.contains(user) && $0.levels.contains(level) && $0.asked.contains(asked) }?.wanted
    }

    let workshop: Workshop

    /// Runs a cell and compares; returns its line of the report.
    func check(_ user: User, _ level: Int, _ asked: Asked, denying number: String? = nil, _ given: Wanted? = nil) throws
        -> String
    {
        try begin(user, level, asked, denying: number, given)()
    }

    /// Starts a cell; what is returned waits for its end and compares.
    func begin(_ user: User, _ level: Int, _ asked: Asked, denying number: String? = nil, _ given: Wanted? = nil) throws
        -> () throws -> String
    {
        let wanted = try #require(given ?? Self.wanted(user, level, asked), "no rule for \(user) \(level) \(asked)")
        var words = user.prefix
        if let number { words += [workshop.path("deny"), number] }
        words += [workshop.path("perftop"), "--batch", "--format", "json", "-n", "1"]
        words = around(asked) + words + ["--group-by", "process,function"]
        func start(_ seconds: Double) throws -> Running {
            try Running("/usr/bin/env", words + ["-d", "\(seconds)"] + arguments(asked, user))
        }
        let first = try start(0.4)
        return {
            var outcome = first.finish(within: 60)
            // What a busy machine has hardly run, nothing can be said of.
            for seconds in [2.0, 8, 20] where try hasTooLittle(outcome, of: wanted, asked) {
                outcome = try start(seconds).finish(within: 60)
            }
            return try compare(outcome, with: wanted, user, level, asked, number)
        }
    }

    /// Whether a process that must be seen has too few samples to be sure that each of its functions has some.
    private func hasTooLittle(_ outcome: Outcome, of wanted: Wanted, _ asked: Asked) throws -> Bool {
        guard case .works(let processes, _) = wanted, outcome.status == 0 else { return false }
        let rows = try Report.frames(outcome.output).flatMap(\.rows)
        let enough = Asked.processes.contains(asked) ? 50 : 1
        return processes.contains { process in rows.filter { $0.process == process }.samples < enough }
    }

    private func compare(
        _ outcome: Outcome, with wanted: Wanted, _ user: User, _ level: Int, _ asked: Asked, _ number: String?
    ) throws -> String {
        let name = Comment(
            rawValue: "\(user.rawValue), paranoid \(level), \(asked.rawValue)\(number.map { ", " + $0 } ?? "")")
        let said = outcome.errorLines.filter { $0 != "ready" }
        switch wanted {
        case .refused(let reasons):
            #expect(outcome.status == 1, name)
            #expect(outcome.output.isEmpty, name)
            #expect(said.count == 1, "\(name): \(said)")
            for reason in reasons { #expect(outcome.errors.contains(reason), "\(name): \(said)") }
        case .works(let processes, let notes):
            #expect(outcome.status == 0, "\(name): \(said)")
            #expect(said.isEmpty, "\(name): \(said)")
            if let frame = try Report.frames(outcome.output).first {
                check(frame, processes, notes, asked, user, name)
                return "\(name): works; \(frame.notes.joined(separator: "; "))"
            }
        }
        return "\(name): exit \(outcome.status); \(said.joined(separator: " | "))"
    }

    /// What each working cell must show or explain.
    private func check(
        _ frame: Report, _ processes: [String], _ notes: [String], _ asked: Asked, _ user: User, _ name: Comment
    ) {
        let text = frame.notes.joined(separator: "; ")
        #expect(frame.samples > 0, name)
        for process in Self.everybody {
            let isSeen = frame.rows.contains { $0.process == process }
            #expect(isSeen == processes.contains(process), "\(name): \(process)")
        }
        // Nothing that root can do would give more.
        if user == .root { #expect(!text.contains("may not read"), "\(name): \(text)") }
        for note in notes { #expect(text.contains(note), "\(name): \(text)") }
        guard Asked.processes.contains(asked) else { return }
        for process in processes {
            let rows = frame.rows.filter { $0.process == process }
            let isNamed = rows.contains { $0.symbol == "alpha" }
            let isExplained = text.contains("processes that you may not read")
            #expect(isNamed || isExplained && process != Self.mine, "\(name): \(process) has no names; \(text)")
        }
        let kernel = frame.rows.filter { processes.contains($0.process ?? "") && $0.module == "[kernel]" }
        #expect(kernel.isEmpty == text.contains("user side only"), "\(name): \(text)")
        if !kernel.isEmpty, !kernel.contains(where: { $0.kind == "kernel" }) {
            #expect(text.contains("kernel functions have no names"), "\(name): \(text)")
        }
    }

    private func arguments(_ asked: Asked, _ user: User) -> [String] {
        let isRoot = ![.plain, .perfmon].contains(user)
        let (own, another) = isRoot ? (Self.theirs, Self.mine) : (Self.mine, Self.theirs)
        func target(_ name: String) -> [String] { ["-p", "\(workshop.pids[name] ?? 0)"] }
        switch asked {
        case .own: return target(own)
        case .another: return target(another)
        case .guarded: return target(Self.guarded)
        case .all: return ["-a"]
        case .nothing: return []
        case .command: return ["--", workshop.path(own), "60"]
        case .switches: return ["-e", "cs"] + target(own)
        case .kernelClock: return ["-e", "cpu-clock:k"] + target(own)
        case .tracepoint, .opened, .unmounted: return ["-e", "sched:sched_switch"] + target(own)
        }
    }

    /// A mount namespace with tracefs as the cell has it. Its options belong to all of its mounts: they are put back.
    private func around(_ asked: Asked) -> [String] {
        let place = "/sys/kernel/tracing"
        let mount = "mountpoint -q \(place) || mount -t tracefs nodev \(place); m=$(stat -c mode=%a,gid=%g \(place))"
        let script: String
        switch asked {
        case .tracepoint: script = #"\#(mount); mount -o remount,mode=700,gid=0 \#(place); "$@""#
        case .opened: script = #"\#(mount); mount -o remount,mode=750,gid=65534 \#(place); "$@""#
        case .unmounted: return shell(#"umount -l \#(place) /sys/kernel/debug 2>/dev/null; exec "$@""#)
        default: return []
        }
        return shell(script + "; s=$?; mount -o remount,$m \(place); exit $s")
    }

    private func shell(_ script: String) -> [String] { ["unshare", "--mount", "sh", "-c", script, "sh"] }
}

extension EndToEnd {
    /// Needs root, because it plays every user itself and sets `kernel.perf_event_paranoid`.
    @Suite("permissions", .needsCompiler, .needs(whyNoUsers))
    struct Permissions {
        private static let paranoid = "/proc/sys/kernel/perf_event_paranoid"
        private static let users: [User] = [.root, .perfmon, .plain]

        @Test("paranoid 2: every user and everything that can be asked")
        func standard() throws { try run(levels: [2]) }

        @Test("paranoid −1 to 4: every user and everything that can be asked", .slow)
        func all() throws { try run(levels: [-1, 0, 1, 3, 4]) }

        private func run(levels: [Int]) throws {
            let (matrix, setting) = (Matrix(workshop: try Workshop()), try KernelSetting(Self.paranoid))
            for level in levels {
                try setting.set(level)
                for user in Self.users {
                    // Two at once; those that change tracefs have it for themselves.
                    let alone = Asked.allCases.filter { $0.changesTracefs }
                    let others = Asked.allCases.filter { !$0.changesTracefs }
                    for start in stride(from: 0, to: others.count, by: 2) {
                        let begun = try others[start..<min(start + 2, others.count)].map {
                            try matrix.begin(user, level, $0)
                        }
                        for end in begun { print(try end()) }
                    }
                    for asked in alone { print(try matrix.check(user, level, asked)) }
                }
            }
            // A kernel on which these levels mean more than 2 is played by `distribution`.
            withExtendedLifetime(setting) {}
        }

        @Test("a container's filter: EPERM and ENOSYS name its flags", arguments: ["EPERM", "ENOSYS"])
        func filter(number: String) throws {
            let (matrix, setting) = (Matrix(workshop: try Workshop()), try KernelSetting(Self.paranoid))
            try setting.set(2)
            let wanted = Wanted.refused(["(\(number))", "--security-opt seccomp=unconfined --cap-add PERFMON"])
            for user in [User.root, .plain] {
                for asked in [Asked.own, .all, .nothing, .command, .switches] {
                    print(try matrix.check(user, 2, asked, denying: number, wanted))
                }
            }
        }

        @Test("kernels that permit a plain user nothing at 3 and 4, played by a filter that answers EACCES", .slow)
        func distribution() throws {
            let (matrix, setting) = (Matrix(workshop: try Workshop()), try KernelSetting(Self.paranoid))
            let needed = "sudo sysctl kernel.perf_event_paranoid="
            for level in [3, 4] {
                try setting.set(level)
                let asked: [(User, Asked, [String])] = [
                    (.plain, .own, ["(perf_event_paranoid is \(level))", "use sudo", needed + "2"]),
                    (.plain, .nothing, ["your processes", "use sudo", needed + "2"]),
                    (.plain, .command, ["use sudo", needed + "2"]),
                    (.plain, .another, ["(perf_event_paranoid is \(level))", "use sudo"]),
                    (.plain, .all, ["use sudo", needed + "0"]),
                    (.plain, .switches, ["use sudo", needed + "1"]),
                    (.perfmon, .own, ["CAP_PERFMON is not enough", "use sudo", needed + "2"]),
                    (.perfmon, .all, ["CAP_PERFMON is not enough", "use sudo", needed + "2"]),
                ]
                for (user, asked, words) in asked {
                    print(try matrix.check(user, level, asked, denying: "EACCES", .refused(words)))
                }
            }
        }

        @Test("hidden names of the kernel: the remedy is what really shows them", .slow)
        func kernelNames() throws {
            let (matrix, setting) = (Matrix(workshop: try Workshop()), try KernelSetting(Self.paranoid))
            let restriction = try KernelSetting("/proc/sys/kernel/kptr_restrict")
            let cells: [(User, level: Int, restriction: Int, note: String?)] = [
                (.root, 2, 1, nil),
                (.root, 2, 2, "names (kernel.kptr_restrict is 2): sudo sysctl kernel.kptr_restrict=1"),
                (.plain, 1, 0, nil), (.plain, 1, 1, "names (no CAP_SYSLOG): sudo, or sudo setcap"),
                (.plain, 1, 1, "or sudo sysctl kernel.kptr_restrict=0"),
                (.plain, 1, 2, "with sudo sysctl kernel.kptr_restrict=1"),
                (.perfmon, 2, 0, "names (no CAP_SYSLOG): sudo, or sudo setcap"),
            ]
            for (user, level, value, note) in cells {
                try setting.set(level)
                try restriction.set(value)
                let target = user == .root ? Workshop.rootWork : Workshop.plainWork
                let line = try matrix.check(user, level, .own, .works(of: [target], notes: note.map { [$0] } ?? []))
                #expect(line.contains("have no names") == (note != nil), "\(line)")
                print("kptr_restrict \(value), \(line)")
            }
        }

        @Test("root of a container, with and without a user namespace of its own")
        func containers() throws {
            let (matrix, setting) = (Matrix(workshop: try Workshop()), try KernelSetting(Self.paranoid))
            try setting.set(2)
            for asked in [Asked.own, .all, .switches, .command] { print(try matrix.check(.contained, 2, asked)) }
            for asked in [Asked.another, .all, .command] { print(try matrix.check(.rootless, 2, asked)) }
        }
    }
}
