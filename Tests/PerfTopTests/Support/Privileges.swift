import Foundation
import Glibc
import Testing

/// Who runs perftop. Root turns into the others; nobody's processes belong to the plain user too.
enum User: String, CaseIterable {
    case root
    case perfmon = "CAP_PERFMON"
    case plain
    /// Root of a container: without the capabilities that perf asks for.
    case contained = "root without CAP_PERFMON"
    /// Root of a user namespace, as in a rootless container: all capabilities, and none that counts.
    case rootless = "root of a user namespace"

    /// The words in front of a command that make it run as this user.
    var prefix: [String] {
        let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        switch self {
        case .root: return []
        case .perfmon: return nobody + ["--inh-caps", "+perfmon", "--ambient-caps", "+perfmon"]
        case .plain: return nobody
        case .contained: return ["setpriv", "--bounding-set", "-perfmon,-sys_admin,-syslog,-sys_ptrace"]
        case .rootless: return ["unshare", "--user", "--map-root-user"]
        }
    }
}

/// A setting of the kernel that a test changes. It is put back when this goes, and by a process of its own that outlives
/// the test: also where the test is killed.
final class KernelSetting {
    private let path: String
    private let guardian: Child
    private let alive = Pipe()

    init(_ path: String) throws {
        self.path = path
        let before = try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        for end in [alive.fileHandleForReading, alive.fileHandleForWriting] {
            _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        let script = "trap '' INT TERM HUP; read end; echo \(before) >\(path)"
        guardian = try Child(
            "/bin/sh", ["-c", script], environment: [:], input: alive.fileHandleForReading.fileDescriptor, output: 1,
            errors: 2)
    }

    deinit {
        try? alive.fileHandleForWriting.close()
        if !waitUntil(within: 10, { !guardian.isRunning }) { Issue.record("\(path) was not put back") }
    }

    func set(_ value: Int) throws {
        try "\(value)\n".write(toFile: path, atomically: false, encoding: .utf8)
    }
}

/// perftop and programs to look at in a folder that every user can reach, with targets running: one of root, one of the
/// plain user, and one of the plain user's that has more rights than that.
final class Workshop {
    let folder: URL
    private var running: [Running] = []
    private(set) var pids: [String: Int32] = [:]

    /// Copies of one program: the name tells whose process it is.
    static let (rootWork, plainWork, guarded) = ("rootwork", "plainwork", "guarded")

    init() throws {
        folder = try Scratch.folder()
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        try copy(Machine.binary, "perftop")
        try copy(Program.deny.path, "deny")
        for (name, user) in [(Self.rootWork, User.root), (Self.plainWork, .plain), (Self.guarded, .perfmon)] {
            try copy(Program.mixed.path, name)
            let work = try Running("/usr/bin/env", user.prefix + [path(name)])
            running.append(work)
            pids[name] = work.pid
            let ready = waitUntil(within: 10) { work.output.contains("ready") }
            try #require(ready, "\(name) did not start: \(work.errors)")
        }
    }

    deinit {
        running = []
        try? FileManager.default.removeItem(at: folder)
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func copy(_ source: String, _ name: String) throws {
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: source).resolvingSymlinksInPath(), to: URL(fileURLWithPath: path(name)))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path(name))
    }
}

/// Why one process cannot play all users here, or nil.
let whyNoUsers: String? = {
    if geteuid() != 0 { return "changing users needs root" }
    for tool in ["setpriv", "unshare"] where !Machine.has(tool) { return "\(tool) is not installed" }
    let paranoid = "/proc/sys/kernel/perf_event_paranoid"
    if !FileManager.default.isWritableFile(atPath: paranoid) { return "kernel.perf_event_paranoid cannot be set here" }
    for user in [User.perfmon, .plain] {
        let outcome = try? run("/usr/bin/env", user.prefix + ["true"])
        if outcome?.status != 0 { return "cannot run as \(user.rawValue): \(outcome?.errors ?? "")" }
    }
    return nil
}()
