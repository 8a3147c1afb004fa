import Foundation
import Glibc
import Testing

/// A pseudo terminal with nobody at the keyboard: what a program writes to it and how it leaves its settings.
final class Terminal {
    private let master: FileHandle
    private let slave: FileHandle

    init() throws {
        var (mine, theirs): (Int32, Int32) = (-1, -1)
        var size = winsize(ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0)
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
        _ = waitUntil(within: 5) { !stty.isRunning }
        return try String(contentsOf: file, encoding: .utf8)
    }

    /// Runs perftop with all three streams on this terminal.
    func perftop(
        _ arguments: [String], environment changes: [String: String?], within seconds: Double = 15
    ) throws -> (status: Int32, output: String) {
        let number = slave.fileDescriptor
        let child = try Child(
            Machine.binary, arguments, environment: Running.environment(changes), input: number, output: number,
            errors: number)
        var output: [UInt8] = []
        let ended = waitUntil(within: seconds) {
            read(into: &output)
            return !child.isRunning
        }
        if !ended {
            Issue.record("still running after \(seconds) s: \(arguments)")
            child.stop()
        }
        read(into: &output)
        let text = String(decoding: output, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
        return (child.status ?? -1, text)
    }

    private func read(into output: inout [UInt8]) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(master.fileDescriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            output += buffer[..<count]
        }
    }
}
