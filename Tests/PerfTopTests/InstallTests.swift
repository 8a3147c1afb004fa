import Foundation
import Testing

extension EndToEnd {
    /// `scripts/install` and `scripts/uninstall`: five files come and go, and nothing else.
    @Suite("installing")
    struct InstallTests {
        /// A folder whose name has a blank, as everything here.
        private final class Place {
            let folder: URL
            init() throws {
                folder = try Scratch.folder().appendingPathComponent("a place")
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }

            deinit { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }

            var path: String { folder.path }

            /// Everything below it that is no folder.
            var files: Set<String> {
                let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
                return Set(all.filter { (try? attributes($0)[.type] as? FileAttributeType) != .typeDirectory })
            }

            var isEmpty: Bool { (try? FileManager.default.contentsOfDirectory(atPath: path).isEmpty) ?? false }

            func attributes(_ file: String) throws -> [FileAttributeKey: Any] {
                try FileManager.default.attributesOfItem(atPath: path + "/" + file)
            }
        }

        private static let files = [
            "bin/perftop", "share/man/man1/perftop.1", "share/bash-completion/completions/perftop",
            "share/zsh/site-functions/_perftop", "share/fish/vendor_completions.d/perftop.fish",
        ]

        private func script(
            _ name: String, _ arguments: [String] = [], prefix: String? = nil, destination: String? = nil
        ) throws -> Outcome {
            let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent("scripts")
            return try run(
                scripts.appendingPathComponent(name).path, arguments,
                environment: ["PREFIX": prefix, "DESTDIR": destination])
        }

        private func install(prefix: String? = nil, destination: String? = nil) throws -> Outcome {
            try script("install", ["--binary", Machine.binary], prefix: prefix, destination: destination)
        }

        @Test("the program, its page and its completions are installed, told in a line each, and work")
        func installed() throws {
            let place = try Place()
            let top = "opt/with blank"
            let outcome = try install(prefix: "/" + top, destination: place.path + "/")
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
            #expect(outcome.outputLines == Self.files.map { "installed \(place.path)/\(top)/\($0)" })
            #expect(place.files == Set(Self.files.map { "\(top)/\($0)" }))
            for file in Self.files {
                let mode = try place.attributes("\(top)/\(file)")[.posixPermissions] as? Int
                #expect(mode == (file.hasPrefix("bin/") ? 0o755 : 0o644), "\(file)")
            }
            let program = "\(place.path)/\(top)/bin/perftop"
            #expect(try run(program, ["--version"]).output == perftop(["--version"]).output)

            let again = try install(prefix: "/" + top, destination: place.path)
            #expect(again.status == 0 && place.files.count == Self.files.count, "over itself")

            let removed = try script("uninstall", prefix: "/" + top, destination: place.path + "/")
            #expect(removed.status == 0 && removed.errors.isEmpty, "\(removed.errors)")
            #expect(removed.outputLines == Self.files.map { "removed \(place.path)/\(top)/\($0)" })
            #expect(place.isEmpty)
        }

        @Test("man finds the page", .needs(Machine.has("man") ? nil : "man is not installed"))
        func man() throws {
            let place = try Place()
            #expect(try install(prefix: place.path).status == 0)
            let shown = try run(
                "/usr/bin/env", ["man", "--warnings", "perftop"],
                environment: ["MANPATH": place.path + "/share/man", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"])
            #expect(shown.status == 0 && shown.errors.isEmpty, "\(shown.errors)")
            #expect(shown.output.contains("--print-config"))
        }

        @Test("what others have put there stays, and uninstalling twice says so")
        func others() throws {
            let place = try Place()
            #expect(try install(prefix: place.path).status == 0)
            let other = place.folder.appendingPathComponent("share/man/man1/other.1")
            try Data().write(to: other)
            #expect(try script("uninstall", prefix: place.path).status == 0)
            #expect(place.files == ["share/man/man1/other.1"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == ["share"])
            let again = try script("uninstall", prefix: place.path)
            #expect(again.status == 0 && again.errors.contains("nothing of perftop"))
        }

        @Test("a place that cannot be written is one line, before anything is built or written")
        func unwritable() throws {
            let place = try Place()
            try Data().write(to: place.folder.appendingPathComponent("file"))
            let outcome = try script("install", prefix: place.path + "/file/inside")
            #expect(outcome.status == 1 && outcome.output.isEmpty && outcome.errorLines.count == 1)
            #expect(outcome.errors.contains("\(place.path)/file cannot be written"))
            #expect(outcome.errors.contains("PREFIX=$HOME/.local"))
        }

        @Test("help, and what makes no sense", arguments: ["install", "uninstall"])
        func usage(name: String) throws {
            let help = try script(name, ["--help"])
            #expect(help.status == 0 && help.output.contains("PREFIX") && help.output.contains("DESTDIR"))
            #expect(try script(name, ["--nonsense"]).status == 2)
            let relative = try script(name, prefix: "here")
            #expect(relative.status == 1 && relative.errorLines.count == 1)
        }
    }
}
