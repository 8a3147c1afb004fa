import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// A file of defaults: the command line wins, what is wrong is said at its line, and nobody else can have written it.
    @Suite("configuration")
    struct ConfigurationTests {
        private let home: Home

        init() throws { home = try Home() }

        /// A folder with a configuration file; removed at the end.
        private final class Home {
            let folder: URL
            var file: String { folder.appendingPathComponent("perftop/config.toml").path }
            /// What makes perftop find it.
            var environment: [String: String?] { ["XDG_CONFIG_HOME": folder.path] }

            init() throws {
                folder = try Scratch.folder()
                let place = folder.appendingPathComponent("perftop")
                try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            }

            deinit { try? FileManager.default.removeItem(at: folder) }

            func write(_ text: String) throws {
                try Data(text.utf8).write(to: URL(fileURLWithPath: file))
                unsafe chmod(file, 0o644)
            }
        }

        private func expectUsage(
            _ outcome: Outcome, naming words: String..., sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(outcome.status == 2, sourceLocation: sourceLocation)
            #expect(outcome.output.isEmpty, sourceLocation: sourceLocation)
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
            for word in words {
                #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation)
            }
        }

        // MARK: What a file does

        @Test("options that the file gives hold, and the command line wins over each", .needsPerf, .needsCompiler)
        func defaults() throws {
            let burn = try Program.burn.start()
            try home.write("freq = 499\nformat = \"json\"\nlimit = 1\ndelay = 0.3\nevent = \"cpu-clock:u\"\n")
            func frame(_ arguments: [String]) throws -> Report {
                let outcome = try perftop(
                    ["-p", "\(burn.pid)", "--batch", "-n", "1"] + arguments, environment: home.environment)
                #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
                return try #require(Report.frames(outcome.output).first)
            }
            let plain = try frame([])
            #expect(plain.frequencyHz == 499 && plain.rows.count == 1 && plain.event == "cpu-clock:u")
            #expect(plain.intervalS < 0.9)
            let asked = try frame(["-F", "199", "--limit", "2", "-d", "1", "-e", "task-clock"])
            #expect(asked.frequencyHz == 199 && asked.rows.count == 2 && asked.event == "task-clock")
            #expect(asked.intervalS > 0.9)
            #expect(try frame(["-c", "1000000"]).frequencyHz == nil, "a period is another way to say how often")
            let text = try perftop(
                ["-p", "\(burn.pid)", "-n", "1", "--format", "text"], environment: home.environment)
            #expect(text.output.hasPrefix("# perftop frame"))
        }

        @Test("what is on in the file can be put off", .needsPerf, .needsCompiler)
        func flags() throws {
            let burn = try Program.burn.start()
            try home.write("overwrite = true\n")
            for (option, mode) in [([], "overwrite"), (["--no-overwrite"], "reliable")] {
                let arguments = ["-p", "\(burn.pid)", "-n", "1", "-d", "0.2", "--format", "json"] + option
                let frame = try Report.frames(perftop(arguments, environment: home.environment).output)[0]
                #expect(frame.rings.filter { $0.purpose == "samples" }.allSatisfy { $0.mode == mode })
            }
        }

        @Test("~/.config is where it is without XDG_CONFIG_HOME, or with a relative one", arguments: [nil, "", "here"])
        func place(variable: String?) throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let place = folder.appendingPathComponent(".config/perftop")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try Data("nonsense".utf8).write(to: place.appendingPathComponent("config.toml"))
            let outcome = try perftop(
                ["--batch"], environment: ["XDG_CONFIG_HOME": variable, "HOME": folder.path])
            expectUsage(outcome, naming: "\(folder.path)/.config/perftop/config.toml:1:")
        }

        @Test(
            "a format in the file does not ask for a report: the screen comes", .needsPerf, .needsTmux, .needsCompiler)
        func formatOnScreen() throws {
            let burn = try Program.burn.start()
            try home.write("format = \"json\"\nview = \"processes\"\ncolumns = [\"self\", \"pid\"]\ncolour = 1\n")
            let tmux = try Tmux(["-p", "\(burn.pid)"], environment: ["XDG_CONFIG_HOME": home.folder.path])
            try tmux.expect("the view, the columns and the warning of the file") { screen in
                screen.contains("[5 Processes]") && screen.contains("SELF%") && screen.contains("\(burn.pid)")
                    && !screen.contains("SAMPLES") && screen.contains("unknown key colour; the closest is color")
            }
            try tmux.type("q")
        }

        @Test("without a file, with --no-config, and before help nothing is read")
        func nothingToRead() throws {
            try home.write("this is no TOML")
            for arguments in [["--no-config", "-p", "abc"], ["--help"], ["--version"], ["-s", "help"]] {
                let outcome = try perftop(arguments, environment: home.environment)
                #expect(outcome.status == (arguments.contains("abc") ? 2 : 0))
                #expect(!outcome.errors.contains("TOML"))
            }
            let absent = try perftop(["-p", "abc"], environment: ["XDG_CONFIG_HOME": "/nonexistent"])
            expectUsage(absent, naming: "-p abc")
        }

        @Test("--print-config is a file that can be used: without its first signs # every line is TOML", .needsPerf)
        func printed() throws {
            let outcome = try perftop(["--print-config"])
            #expect(outcome.status == 0 && outcome.errors.isEmpty)
            let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
            try home.write(
                lines.map { $0.hasPrefix("#") ? String($0.dropFirst()) : String($0) }.joined(separator: "\n"))
            let used = try perftop(
                ["-n", "1", "-d", "0.1", "--", "true"], environment: home.environment)
            #expect(used.status == 0 && used.errors.isEmpty, "\(used.errors)")
            let help = try perftop(["--help"]).output
            let keys = lines.filter { $0.hasPrefix("#") && !$0.hasPrefix("##") }.map {
                $0.dropFirst().prefix { $0 != " " }
            }
            #expect(keys.count > 10)
            for key in keys { #expect(help.contains("--\(key)"), "\(key) is no option") }
        }

        // MARK: What is wrong with one

        @Test("unknown keys are warned of, each with its line and the closest key, and the session starts", .needsPerf)
        func unknownKeys() throws {
            try home.write("sort = \"self\"\n\ncolour = \"never\"\n\"dela\\u001by\" = 1\n[table]\nfreq = 1\n[pid]\n")
            let outcome = try perftop(["-n", "1", "-d", "0.1", "--", "true"], environment: home.environment)
            #expect(outcome.status == 0 && outcome.output.hasPrefix("# perftop frame"))
            #expect(
                outcome.errorLines == [
                    "perftop: \(home.file):3: unknown key colour; the closest is color",
                    "perftop: \(home.file):4: unknown key dela\\x1by; the closest is delay",
                    "perftop: \(home.file):5: unknown key table",
                    "perftop: \(home.file):7: pid is given on the command line alone",
                ])
        }

        @Test("of very many unknown keys the first are named and the rest is counted", .needsPerf)
        func manyUnknownKeys() throws {
            try home.write((1...1000).map { "nonsense\($0) = 0\n" }.joined())
            let outcome = try perftop(["-n", "1", "-d", "0.1", "--", "true"], environment: home.environment)
            #expect(outcome.errorLines.count == 11)
            #expect(outcome.errorLines.last == "perftop: \(home.file): 990 more unknown keys")
        }

        @Test(
            "a value that the option does not take is exit 2: file, line, key, why, and --no-config",
            arguments: [
                ("\ndelay = \"soon\"", ":2: delay = \"soon\": not a time"),
                ("delay = true", ":1: delay = true: takes a string or a number"),
                ("freq = -5", ":1: freq = -5: not a number of samples"),
                ("freq = [1]", ":1: freq = [1]: takes a string or a number"),
                ("view = \"tree\"", ":1: view = \"tree\": this view is not built yet"),
                ("sort = \"help\"", ":1: sort = \"help\": no such sort key"),
                ("columns = []", ":1: columns = []: no such column"),
                ("columns = [\"self\", 1]", ":1: columns = [\"self\", 1]: takes a string or an array of strings"),
                ("limit = 0", ":1: limit = 0: must be at least 1"),
                ("limit = 1.5", ":1: limit = 1.5: takes an integer"),
                ("mmap-pages = 9223372036854775807", ":1: mmap-pages"),
                ("ascii = \"yes\"", ":1: ascii = \"yes\": takes true or false"),
                ("ascii = 1979-05-27", ":1: ascii = a date: takes true or false"),
                ("filter = \"/a(/\"", ":1: filter = \"/a(/\""),
                ("[color]\nx = 1", ":1: color = a table: takes a string"),
                ("format = \"po\\u001bem\"", ":1: format = \"po\\x1bem\": no such format"),
            ])
        func wrongValue(text: String, message: String) throws {
            try home.write(text)
            let outcome = try perftop(["--batch", "-n", "1"], environment: home.environment)
            expectUsage(outcome, naming: home.file + message, "--no-config")
            #expect(!outcome.errors.contains("\u{1b}"))
        }

        @Test(
            "what is no TOML is exit 2 with line and column",
            arguments: [
                ("delay = \"1s\"\nview = ", ":2:"), ("a = 1\na = 2\n", ":2:"), ("\u{1b}]0;x\u{7}", ":1:1"),
                ("a = " + String(repeating: "[", count: 20_000), ":1:"), ("\0", ":1:1"), ("[?", ":1:2"),
                ("a.?", ":1:3"),
            ])
        func noTOML(text: String, place: String) throws {
            try home.write(text)
            let outcome = try perftop(["--batch", "-n", "1"], environment: home.environment)
            expectUsage(outcome, naming: home.file + place, "not TOML", "--no-config")
            #expect(!outcome.errors.contains("\u{1b}"))
        }

        @Test("a file that --config names has to be there and in order")
        func named() throws {
            expectUsage(try perftop(["--config", "/no/such/file"]), naming: "--config /no/such/file: no such file")
            expectUsage(try perftop(["--config", "/"]), naming: "--config /: it is no regular file")
            try home.write("limit = 0")
            expectUsage(try perftop(["--config", home.file]), naming: "\(home.file):1: limit")
            expectUsage(try perftop(["--config", home.file, "--no-config"]), naming: "--config and --no-config")
        }

        // MARK: Whom it comes from

        /// The warning with which perftop goes on without the file.
        private func warning(sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
            let outcome = try perftop(
                ["-n", "1", "-d", "0.1", "--", "true"], environment: home.environment, within: 30)
            #expect(outcome.status == 0, sourceLocation: sourceLocation)
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
            return outcome.errors
        }

        @Test("what is no file of 64 KiB at the most is left out with a warning; nothing hangs", .needsPerf)
        func noFile() throws {
            try #require(unsafe mkfifo(home.file, 0o600) == 0)
            #expect(try warning().contains("it is no regular file"))
            unsafe unlink(home.file)
            unsafe mkdir(home.file, 0o700)
            #expect(try warning().contains("it is no regular file"))
            unsafe rmdir(home.file)
            try #require(unsafe symlink("/dev/zero", home.file) == 0)
            #expect(try warning().contains("it is no regular file"))
            unsafe unlink(home.file)
            try home.write(String(repeating: "#", count: 65_537))
            #expect(try warning().contains("it is larger than 64 KiB"))
        }

        @Test("what others can have written is left out with a warning", .needsPerf)
        func writable() throws {
            try home.write("limit = 0")
            unsafe chmod(home.file, 0o646)
            #expect(try warning().contains("everybody can write to it"))
        }

        @Test(
            "a file of another user, or of a group with others in it, is left out", .needsPerf,
            .needs(geteuid() == 0 ? nil : "only root can give files away"))
        func foreign() throws {
            try home.write("limit = 0")
            unsafe chown(home.file, 65_534, 0)
            #expect(try warning().contains("it belongs to user 65534, neither to you nor to root"))
            unsafe chown(home.file, 0, 65_534)
            unsafe chmod(home.file, 0o664)
            #expect(try warning().contains("its group can write to it"))
        }

        @Test("a link is followed, and a group of one's own may write: both are usual")
        func usual() throws {
            try home.write("limit = 0")
            unsafe chmod(home.file, 0o664)
            let place = home.folder.appendingPathComponent("elsewhere").path
            try FileManager.default.moveItem(atPath: home.file, toPath: place)
            try #require(unsafe symlink(place, home.file) == 0)
            let outcome = try perftop(["--batch"], environment: home.environment)
            let group = unsafe getgrgid(getegid()).map { unsafe String(cString: $0.pointee.gr_name) }
            let user = unsafe getpwuid(geteuid()).map { unsafe String(cString: $0.pointee.pw_name) }
            // Elsewhere it is a warning: the file has a group with others in it.
            let isPrivate = group != nil && group == user
            if isPrivate { expectUsage(outcome, naming: "\(home.file):1: limit") }
        }

        // MARK: --columns

        @Test("--columns help lists what there is; an unknown one is exit 2 with the choices")
        func columns() throws {
            let outcome = try perftop(["--columns", "help"])
            #expect(outcome.status == 0)
            for word in ["self ", "trend ", "change ", "function "] { #expect(outcome.output.contains(word)) }
            for wrong in ["", "self,,pid", "self,nonsense"] {
                expectUsage(try perftop(["--columns", wrong]), naming: "--columns", "no such column", "trend")
            }
        }
    }
}
