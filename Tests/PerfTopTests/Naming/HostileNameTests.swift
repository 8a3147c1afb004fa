import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Names that were chosen to do harm, through the whole program.
    @Suite("names: hostile", .needsPerf, .needsCompiler)
    struct HostileNames {
        /// Sets a title, reverses, ends the line, and turns the reading direction.
        private static let harm = "a\u{1b}]0;b\u{7}\u{1b}[7m\nc\u{202e}d"

        @Test("control characters in names of processes, files, functions and maps are shown, never sent")
        func escapes() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            // The function's name is as long as "old_a", whose place in the file it takes.
            let program = try Program.oldTwofold.copy(to: folder, as: "p\u{1b}[7mq\nr")
            let url = URL(fileURLWithPath: program.path)
            var bytes = try Data(contentsOf: url)
            let name = Data("old_a\0".utf8)
            while let place = bytes.range(of: name) { bytes.replaceSubrange(place, with: Data("o\u{1b}[7m\0".utf8)) }
            try bytes.write(to: url)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
            let running = try program.start(["60", "name", "x\u{1b}[7m\ny"], until: "ready")
            let made = try Program.jit.start(["unnamed", "20"], until: "ready")
            let map = "/tmp/perf-\(made.pid).map"
            try "0 7fffffffffff \(Self.harm.replacingOccurrences(of: "\n", with: ""))\n"
                .write(toFile: map, atomically: false, encoding: .utf8)
            defer { try? FileManager.default.removeItem(atPath: map) }
            for format in ["text", "csv", "json"] {
                let outcome = try perftop(["-p", "\(running.pid),\(made.pid)", "-n", "1", "--format", format])
                #expect(outcome.status == 0)
                let bad = outcome.output.unicodeScalars.filter {
                    $0.value < 0x20 && $0 != "\n" || (0x7f...0x9f).contains($0.value) || $0.value == 0x202e
                }
                #expect(bad.isEmpty, "\(format): \(outcome.output.debugDescription.prefix(2000))")
                let escape = format == "json" ? "o\\\\x1b[7m" : "o\\x1b[7m"
                #expect(outcome.output.contains(escape), "the function is there: \(outcome.output.prefix(1000))")
                #expect(outcome.output.contains("x1b]0;b"), "the map's name is there: \(outcome.output.prefix(1000))")
            }
        }

        @Test("maps that are not to be trusted are not read, and nothing waits for them", .needs(whyNoUsers), .slow)
        func untrustedMaps() throws {
            let made = try Program.jit.start(["unnamed", "60"], until: "ready")
            let map = "/tmp/perf-\(made.pid).map"
            let line = "echo 0 7fffffffffff stolen"
            let traps = [
                ("FIFO", "mkfifo $1"),
                ("symbolic link", "\(line) >$1.secret; ln -s $1.secret $1"),
                ("foreign owner", "\(line) >$1; chown 65534:65534 $1"),
                ("writable by all", "\(line) >$1; chmod 666 $1"),
                ("two names", "\(line) >$1; ln $1 $1.other"),
                ("1 TiB of nothing", "\(line) >$1; truncate -s 1T $1"),
            ]
            let clear = "rm -f $1 $1.secret $1.other"
            defer { _ = try? shell(clear, [map]) }
            for (what, make) in traps {
                try #require(shell("\(clear); \(make)", [map]).status == 0, "\(what)")
                let outcome = try perftop(["-p", "\(made.pid)", "-n", "1", "--format", "json"], within: 60)
                let frame = try #require(try Report.frames(outcome.output).first, "\(what): \(outcome.errors)")
                #expect(!frame.rows.contains { $0.symbol == "stolen" }, "\(what)")
                #expect(frame.userPercent { $0.symbol.hasPrefix("[jit 0x") } > 90, "\(what): \(frame.rows.prefix(3))")
                // Who asks is told why.
                let row = try #require(frame.rows.first { $0.symbol.hasPrefix("[jit 0x") }?.symbol)
                let address = row.dropFirst(5).dropLast()
                let explained = try perftop(["--symbols", String(address), "-p", "\(made.pid)"])
                #expect(explained.output.contains("perf map /"), "\(what): \(explained.output)")
            }
            made.stop()
        }

        @Test("a program that is cut short, or is endless nothing, gives no name and no wait")
        func brokenFiles() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let library = try Program.mappedFirst.copy(to: folder, as: "library.so")
            let running = try Program.loader.start(["plain", library.path, "mapped_first"], until: "ready")
            // The mapped code stays in memory; the tables behind it are cut off, or the file is a terabyte of nothing.
            for (size, name) in [(1 << 40, "mapped_first"), (5000, "[unknown]")] as [(off_t, String)] {
                #expect(unsafe truncate(library.path, size) == 0)
                let frame = try sample(["-p", "\(running.pid)", "-n", "1"], within: 60)[0]
                #expect(
                    frame.userPercent { $0.symbol == name && $0.module == "library.so" } > 90, "\(frame.rows.prefix(3))"
                )
            }
            running.stop()
        }
    }
}
