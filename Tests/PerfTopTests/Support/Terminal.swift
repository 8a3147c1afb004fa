import Foundation
import Glibc
import Testing

/// A pseudo terminal: what a program writes to it, byte by byte, and how it leaves its settings.
final class Terminal {
    /// All that has been written to it and taken so far.
    private(set) var output: [UInt8] = []
    private let master: FileHandle
    private let slave: FileHandle

    init(columns: UInt16 = 120, lines: UInt16 = 40) throws {
        var (mine, theirs): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        // Programs that are made to crash leave no core files behind.
        var core = rlimit()
        _ = unsafe getrlimit(Int32(RLIMIT_CORE.rawValue), &core)
        core.rlim_cur = 0
        _ = unsafe setrlimit(Int32(RLIMIT_CORE.rawValue), &core)
        try #require(unsafe openpty(&mine, &theirs, nil, nil, &size) == 0, "no pseudo terminal")
        // Reading what has been written must never wait for more.
        _ = fcntl(mine, F_SETFL, O_NONBLOCK)
        for descriptor in [mine, theirs] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        master = FileHandle(fileDescriptor: mine, closeOnDealloc: true)
        slave = FileHandle(fileDescriptor: theirs, closeOnDealloc: true)
    }

    /// All settings, as `stty -g` prints them.
    func settings() throws -> String {
        let file = try Scratch.folder().appendingPathComponent("settings")
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
        try Data().write(to: file)
        let output = try FileHandle(forWritingTo: file)
        let stty = try Child(
            Machine.path(of: "stty") ?? "/bin/stty", ["-g"], environment: Running.environment([:]),
            input: slave.fileDescriptor, output: output.fileDescriptor, errors: output.fileDescriptor)
        _ = waitUntil(within: 30) { !stty.isRunning }
        return try String(contentsOf: file, encoding: .utf8)
    }

    /// Starts perftop with all three streams on this terminal.
    ///
    /// - Parameters:
    ///   - controlling: the terminal also becomes its controlling one, whose hang-up is a signal.
    ///   - script: a shell's script that runs `$0` with `$@`.
    func start(
        _ arguments: [String], environment changes: [String: String?] = [:], controlling: Bool = false,
        script: String? = nil
    ) throws -> Child {
        let number = slave.fileDescriptor
        let name = unsafe ttyname(number).map { unsafe String(cString: $0) }
        let words = (script.map { ["/bin/sh", "-c", $0] } ?? []) + [Machine.binary] + arguments
        return try Child(
            words[0], Array(words.dropFirst()), environment: Running.environment(changes), input: number,
            output: number, errors: number, controlling: controlling ? name : nil)
    }

    /// Runs perftop to its end.
    func perftop(
        _ arguments: [String], environment changes: [String: String?], within seconds: Double = 30
    ) throws -> (status: Int32, output: String) {
        let child = try start(arguments, environment: changes)
        finish(child, within: seconds)
        return (child.status ?? -1, text(from: 0).replacingOccurrences(of: "\r\n", with: "\n"))
    }

    /// Takes what is written until the program has ended; one that does not is killed and is a failure.
    func finish(_ child: Child, within seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation) {
        let ended = waitUntil(within: seconds) {
            drain()
            return !child.isRunning
        }
        if !ended {
            Issue.record("still running after \(seconds) s", sourceLocation: sourceLocation)
            child.stop()
        }
        drain()
    }

    /// What has been written since there were `place` bytes.
    func text(from place: Int) -> String { String(decoding: output[place...], as: UTF8.self) }

    /// Takes what is written until `text` is in it, looking from byte `place` on.
    func expect(
        _ text: String, from place: Int = 0, within seconds: Double = 30,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = waitUntil(within: seconds) {
            drain()
            return self.text(from: place).contains(text)
        }
        #expect(found, "no \(text) in \(self.text(from: place))", sourceLocation: sourceLocation)
    }

    /// Takes what is written until `text` stands on the screen. A picture only has the cells that changed, "lpha" where
    /// "anon_pipe_write" gives way to "alpha": so the whole of it is asked for (^L), again each second.
    func expectShown(
        _ text: String, within seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var asked = Date()
        let found = waitUntil(within: seconds) {
            drain()
            if self.text(from: 0).contains(text) { return true }
            if Date().timeIntervalSince(asked) > 1, !output.isEmpty {
                asked = Date()
                type("\u{0c}")
            }
            return false
        }
        #expect(found, "no \(text) in \(self.text(from: 0))", sourceLocation: sourceLocation)
    }

    /// Presses keys.
    func type(_ text: String) { type(Array(text.utf8)) }

    /// The same of bytes that need not be text.
    func type(_ bytes: [UInt8]) {
        _ = unsafe write(master.fileDescriptor, bytes, bytes.count)
    }

    /// Gives it another size; the programs of a session that it controls get the signal.
    func resize(columns: Int, lines: Int) throws {
        let stty = try Child(
            Machine.path(of: "stty") ?? "/bin/stty", ["columns", "\(columns)", "rows", "\(lines)"],
            environment: Running.environment([:]), input: slave.fileDescriptor, output: slave.fileDescriptor,
            errors: slave.fileDescriptor)
        _ = waitUntil(within: 30) { !stty.isRunning }
    }

    /// The other end goes away, as when a connection is lost.
    func hangUp() throws { try master.close() }

    /// What has been written and was not taken yet.
    var bytesWaiting: Int {
        var count: Int32 = 0
        return unsafe ioctl(master.fileDescriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
    }

    /// What was typed and nobody has read yet.
    var bytesToRead: Int {
        var count: Int32 = 0
        return unsafe ioctl(slave.fileDescriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
    }

    /// Takes what has been written and is still on its way.
    func drain() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(master.fileDescriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            output += buffer[..<count]
        }
    }
}
