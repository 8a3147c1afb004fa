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
        let nobody = ["setpriv", "--reuid", "\(Self.nobody)", "--regid", "\(Self.nobody)", "--clear-groups"]
        switch self {
        case .root: return []
        case .perfmon: return nobody + ["--inh-caps", "+perfmon", "--ambient-caps", "+perfmon"]
        case .plain: return nobody
        case .contained: return ["setpriv", "--bounding-set", "-perfmon,-sys_admin,-syslog,-sys_ptrace"]
        case .rootless: return ["unshare", "--user", "--map-root-user"]
        }
    }

    private static let nobody: UInt32 = 65534

    /// Makes a folder that belongs to the plain user.
    static func makeFolder(_ place: URL) throws {
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
        guard unsafe chown(place.path, nobody, nobody) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EPERM) }
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
            errors: 2, outlives: true)
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
    /// The plain user's own: here his programs write.
    let plainFolder: URL
    private var running: [Running] = []
    private(set) var pids: [String: Int32] = [:]

    /// Copies of one program: the name tells whose process it is.
    static let (rootWork, plainWork, guarded) = ("rootwork", "plainwork", "guarded")

    init() throws {
        folder = try Scratch.folder()
        plainFolder = folder.appendingPathComponent("plain")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        try User.makeFolder(plainFolder)
        try copy(Machine.binary, "perftop")
        try copy(Program.deny.path, "deny")
        for (name, user) in [(Self.rootWork, User.root), (Self.plainWork, .plain), (Self.guarded, .perfmon)] {
            try copy(Program.mixed.path, name)
            let work = try Running("/usr/bin/env", user.prefix + [path(name)])
            running.append(work)
            pids[name] = work.pid
            try work.wait(for: "ready")
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
    return whyNoWorkshop()
}()

/// Why the plain user cannot run a program that stands in a workshop and says a word, or nil. Whether there is room for
/// more, his programs find out themselves: see `Running.wait`.
private func whyNoWorkshop() -> String? {
    do {
        let folder = try Scratch.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = folder.appendingPathComponent("program")
        try Data("#!/bin/sh\necho ready\n".utf8).write(to: program)
        for place in [folder, program] {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place.path)
        }
        let outcome = try run("/usr/bin/env", User.plain.prefix + [program.path])
        if outcome.output == "ready\n" { return nil }
        return "a plain user's program cannot run in \(folder.path), or has no room for a word: \(outcome.errors)"
    } catch { return "no program for a plain user can be written: \(error)" }
}
