import Foundation
import Testing

extension EndToEnd {
    @Suite("formats and files", .needsPerf, .needsCompiler)
    struct Output {
        private let burn: Running

        init() throws { burn = try Program.burn.start() }

        private func batch(_ more: String...) -> [String] {
            ["-p", "\(burn.pid)", "--batch", "-n", "1", "-d", "1"] + more
        }

        @Test("csv has a header, and every line as many fields")
        func csv() throws {
            let outcome = try perftop(batch("--format", "csv"))
            #expect(outcome.status == 0, "\(outcome.errors)")
            let lines = outcome.outputLines.map(fields)
            let header = try #require(lines.first)
            for name in ["symbol", "module", "process", "self_percent"] { #expect(header.contains(name), "\(header)") }
            #expect(header.suffix(4) == ["counts", "health", "counted", "notes"])
            #expect(lines.dropFirst().allSatisfy { $0.suffix(3).first?.isEmpty == false }, "health is a sentence")
            #expect(lines.allSatisfy { $0.count == header.count })
            let (symbol, percent) = (header.firstIndex(of: "symbol"), header.firstIndex(of: "self_percent"))
            let alpha = try #require(lines.first { $0[symbol ?? 0] == "alpha" })
            #expect(abs((Double(alpha[percent ?? 0]) ?? 0) - 75) <= 4)
        }

        @Test("text is a table with one header per frame")
        func text() throws {
            let outcome = try perftop(batch("--format", "text"))
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(!outcome.output.contains("\u{1b}"))
            let line = try #require(outcome.outputLines.first { $0.contains("alpha") })
            let words = line.split(separator: " ")
            #expect(words.contains { abs((Double($0.filter { $0 != "%" }) ?? 0) - 75) <= 4 }, "\(line)")
            #expect(words.contains("burn"))
        }

        @Test("without --batch, a standard output that is no terminal means batch text")
        func noTerminal() throws {
            let outcome = try perftop(["-p", "\(burn.pid)", "-n", "1", "-d", "0.5"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("alpha"))
            #expect(!outcome.output.contains("\u{1b}"))
        }

        @Test("-o writes to the file and nowhere else")
        func file() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let place = folder.appendingPathComponent("frames.json").path
            let outcome = try perftop(batch("-d", "0.2", "--format", "json", "-o", place))
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.isEmpty)
            #expect(try Report.frames(String(contentsOfFile: place, encoding: .utf8)).count == 1)
        }

        @Test("a program, its thread and its file that call themselves as our rows do are told from them")
        func mistakable() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let path = folder.appendingPathComponent("[kernel]").path
            try FileManager.default.copyItem(atPath: Program.burn.path, toPath: path)
            let program = try Running(path)
            let outcome = try run(
                Machine.binary, ["--batch", "-p", "\(program.pid)", "-n", "1", "-d", "0.5", "--format", "json"])
            let rows = try Report.frames(outcome.output).flatMap(\.rows).filter { $0.symbol == "alpha" }
            #expect(!rows.isEmpty && rows.allSatisfy { $0.process == #"\[kernel]"# && $0.module == #"\[kernel]"# })
        }

        /// The file may have 20 blocks of 512 bytes, the program no signal.
        @Test(
            "a limit on the size of files is one line and exit 1, and whole frames", arguments: ["json", "csv", "text"])
        func fileSizeLimit(format: String) throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("report").path
            for script in [#"ulimit -f 20; exec "$0" "$@" -o \#(file)"#, #"ulimit -f 20; exec "$0" "$@" >\#(file)"#] {
                let outcome = try run(
                    "/bin/sh",
                    [
                        "-c", script, Machine.binary, "--batch", "-p", "\(burn.pid)", "-d", "0.02", "--format", format,
                        "-n", "500",
                    ])
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("file too large") && outcome.errors.split(separator: "\n").count == 1)
                let report = try String(contentsOfFile: file, encoding: .utf8)
                #expect(!report.isEmpty && report.utf8.count <= 20 * 512)
                switch format {
                case "json": #expect(try Report.frames(report).count > 0 && report.hasSuffix("}\n"))
                case "csv":
                    let lines = report.split(separator: "\n").map {
                        $0.split(separator: ",", omittingEmptySubsequences: false)
                    }
                    #expect(Set(lines.map(\.count)).count == 1 && report.hasSuffix("\n"))
                default: #expect(report.hasSuffix("\n\n"))
                }
            }
        }

        @Test(
            "too little memory for it is one line at the start, and exit 1", arguments: ["-v", "-d"], [60, 120, 180])
        func memoryLimit(option: String, megabytes: Int) throws {
            let script = #"ulimit \#(option) \#(megabytes * 1024); exec "$0" "$@""#
            let outcome = try run(
                "/bin/sh", ["-c", script, Machine.binary, "--batch", "-p", "\(burn.pid)", "-n", "1", "-d", "0.1"])
            #expect(outcome.status == 1 && outcome.output.isEmpty)
            #expect(
                outcome.errors.hasPrefix("perftop: ulimit \(option) \(megabytes * 1024): perftop needs"),
                "\(outcome.errors)")
            #expect(outcome.errors.split(separator: "\n").count == 1)
        }

        @Test("what is a little more than that is enough", arguments: ["-v", "-d"])
        func enoughMemory(option: String) throws {
            let script = #"ulimit \#(option) 400000; exec "$0" "$@""#
            let outcome = try run(
                "/bin/sh", ["-c", script, Machine.binary, "--batch", "-p", "\(burn.pid)", "-n", "2", "-d", "0.2"])
            #expect(outcome.status == 0 && outcome.output.contains("alpha"), "\(outcome.errors)")
        }

        @Test("a full disk is one line and exit 1", arguments: ["json", "csv", "text"])
        func fullDisk(format: String) throws {
            for script in [#""$0" "$@" -o /dev/full"#, #""$0" "$@" >/dev/full"#] {
                let outcome = try shell(script, batch("-d", "0.2", "--format", format))
                #expect(outcome.status == 1, "\(script)")
                #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
            }
        }

        @Test(
            "a file system that fills up: what is in the file are whole frames", .needs(whyNoFileSystem),
            arguments: [
                ("json", "-o frames"), ("json", ">frames"), ("json", ">>frames"), ("csv", "-o frames"),
                ("text", "-o frames"),
            ])
        func fillingUp(format: String, target: String) throws {
            // In a mount namespace of its own: nobody else sees it, and it goes with the shell.
            let script = """
                mount -t tmpfs -o size=8k tmpfs "$1" && cd "$1" && shift || exit 99
                "$0" "$@" \(target)
                status=$?
                cat frames
                exit $status
                """
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try run(
                Machine.path(of: "unshare") ?? "unshare",
                ["--mount", "/bin/sh", "-c", script, Machine.binary, folder.path]
                    + ["-p", "\(burn.pid)", "--batch", "-d", "0.1", "--format", format])
            #expect(outcome.status == 1, "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.lowercased().contains("no space left"), "\(outcome.errors)")
            #expect(outcome.output.utf8.count > 4096, "\(outcome.output.utf8.count) bytes")
            #expect(outcome.output.hasSuffix("\n"))
            switch format {
            case "json": #expect(try Report.frames(outcome.output).count > 1)
            case "csv": #expect(Set(outcome.outputLines.map { fields($0).count }).count == 1)
            default:
                // Every table ends with its rows; a cut one would end in its header or inside a number.
                let last = try #require(outcome.outputLines.last)
                #expect(last.split(separator: " ").count >= 5, "\(last)")
            }
        }

        @Test("closed standard descriptors are no other file's: a report to none of them is one line, exit 1")
        func closedDescriptors() throws {
            let closed = try shell(#""$0" "$@" >&-"#, batch("-d", "0.2"), within: 30)
            #expect(closed.status == 1 && closed.errorLines.count == 1, "\(closed.errors)")
            let file = try Scratch.folder().appendingPathComponent("frames")
            let none = try shell(
                #""$0" "$@" <&- >&- 2>&-"#, batch("-d", "0.2", "--format", "json", "-o", file.path), within: 30)
            #expect(none.status == 0)
            #expect(try Report.frames(String(contentsOf: file, encoding: .utf8)).count == 1)
        }

        @Test("a file that cannot be made is one line that names it")
        func noFolder() throws {
            let outcome = try perftop(batch("-o", "/nonexistent/frames.json"))
            #expect(outcome.status == 1)
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errors.contains("/nonexistent/frames.json"))
        }

        @Test("a closed pipe ends quietly")
        func closedPipe() throws {
            let script = #"set -o pipefail; "$0" "$@" | head -n 1"#
            let arguments = ["-p", "\(burn.pid)", "--batch", "-d", "0.2", "--format", "json"]
            let outcome = try shell(script, arguments, within: 30)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.errors.isEmpty)
            #expect(outcome.outputLines.count == 1)
        }

        @Test("a pipe that has lost its reader is noticed however far the next frame is", arguments: [false, true])
        func lostReader(command: Bool) throws {
            var ends: [Int32] = [0, 0]
            try #require(unsafe pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            let target = command ? ["--", Program.burn.path] : ["-p", "\(burn.pid)"]
            let top = try Running(
                Machine.binary, ["--batch", "-d", "3600", "--format", "csv", "-o", "/dev/fd/3"] + target,
                descriptors: [ends[1]])
            close(ends[1])
            // The names of the columns: it samples from now on.
            var waiting: Int32 = 0
            let isThere = waitUntil(within: 60) { unsafe ioctl(ends[0], UInt(FIONREAD), &waiting) == 0 && waiting > 0 }
            close(ends[0])
            #expect(isThere, "\(top.errors)")
            #expect(top.finish(within: 60).status == 0, "\(top.errors)")
        }

        @Test("a terminal that takes nothing does not keep a report from ending", arguments: [SIGINT, SIGTERM])
        func stuckTerminal(signal: Int32) throws {
            let terminal = try Terminal()
            let child = try terminal.start(["-p", "\(burn.pid)", "--batch", "-d", "0.01"])
            #expect(waitUntilFull { terminal.bytesWaiting })
            kill(child.pid, signal)
            #expect(waitUntil(within: 60) { !child.isRunning })
            #expect(child.status == 128 + signal)
        }

        @Test("asked to end while its reader is slow, it writes whole frames", arguments: [SIGINT, SIGTERM])
        func slowReader(signal: Int32) throws {
            var ends: [Int32] = [0, 0]
            try #require(unsafe pipe(&ends) == 0)
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            let (reader, writer) = (ends[0], ends[1])
            defer { close(reader) }
            // F_SETPIPE_SZ (fcntl(2)): as small as can be.
            _ = fcntl(writer, 1031, 4096)
            let top = try Running(
                Machine.binary,
                ["-p", "\(burn.pid)", "--batch", "-d", "0.05", "--format", "json", "-o", "/dev/fd/3"],
                descriptors: [writer])
            close(writer)
            // In the midst of a frame, or behind one: a small one may be all that finds room.
            var waiting: Int32 = 0
            #expect(waitUntilFull { unsafe ioctl(reader, UInt(FIONREAD), &waiting) == 0 ? Int(waiting) : 0 })
            kill(top.pid, signal)
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 4096)
            func readOn() {
                while true {
                    let count = unsafe read(reader, &piece, piece.count)
                    if count <= 0 { return }
                    bytes += piece[..<count]
                }
            }
            let ended = waitUntil(within: 30) {
                readOn()
                return !top.isRunning
            }
            readOn()
            #expect(ended)
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.hasSuffix("\n") && text.utf8.count > waiting)
            let frames = try Report.frames(text)
            #expect(frames.map(\.frame) == Array(1...frames.count))
        }

        /// The fields of a CSV line, quoted ones unquoted.
        private func fields(_ line: String) -> [String] {
            var all = [""]
            var quoted = false
            for character in line where character != "\r" {
                switch character {
                case "\"": quoted.toggle()
                case "," where !quoted: all.append("")
                default: all[all.count - 1].append(character)
                }
            }
            return all
        }
    }
}

/// Why no file system can be made to run full here, or nil.
private let whyNoFileSystem: String? = {
    if geteuid() != 0 { return "a file system of its own needs root" }
    guard let unshare = Machine.path(of: "unshare") else { return "unshare is not installed" }
    let tried = try? run(unshare, ["--mount", "/bin/sh", "-c", "mount -t tmpfs -o size=32k tmpfs /mnt"])
    return tried?.status == 0 ? nil : "no file system can be mounted here: \(tried?.errors ?? "")"
}()
