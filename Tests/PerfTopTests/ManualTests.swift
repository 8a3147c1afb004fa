import Foundation
import Testing
import TopView

extension EndToEnd {
    /// The manual page and the completions are made from what the program itself works with.
    @Suite("manual and completions")
    struct ManualTests {
        /// The options that the help shows: `-p`, `--pid`, ….
        private func options() throws -> Set<String> {
            let help = try perftop(["--help"]).output
            let pattern = #"(?m)^  (-.*?)(  .*)?$"#
            var names: Set<String> = []
            for match in try NSRegularExpression(pattern: pattern).matches(
                in: help, range: NSRange(help.startIndex..., in: help))
            {
                guard let range = Range(match.range(at: 1), in: help) else { continue }
                for name in help[range].split(whereSeparator: { " ,/".contains($0) }) where name.hasPrefix("-") {
                    names.insert(String(name))
                }
            }
            try #require(names.count > 40 && names.isSuperset(of: ["-p", "--pid", "--ascii", "--no-ascii", "--help"]))
            return names
        }

        /// The page as a reader sees it, without the signs of bold print.
        private func page() throws -> String {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("perftop.1")
            let source = try perftop(["--print-man"])
            #expect(source.status == 0 && source.errors.isEmpty)
            #expect(source.output.utf8.allSatisfy { $0 < 0x80 }, "every character is escaped")
            try Data(source.output.utf8).write(to: file)
            let shown = try run("/usr/bin/env", ["groff", "-man", "-Tutf8", "-ww", "-rLL=100n", "-P-cbou", file.path])
            #expect(shown.status == 0 && shown.errors.isEmpty, "\(shown.errors)")
            return shown.output
        }

        private static let needsGroff = Machine.has("groff") ? nil : "groff is not installed"

        @Test(
            "the page is fine with groff, and has every option, key, column, group, view and setting",
            .needs(needsGroff))
        func manual() throws {
            let page = try page()
            let lines = page.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            for option in try options() {
                let words = lines.filter { $0.hasPrefix("-") }.flatMap { $0.split { " ,/".contains($0) } }
                #expect(words.contains(Substring(option)), "\(option)")
            }
            for binding in Binding.all {
                let keys = binding.keys.map(\.name).joined(separator: "  ")
                #expect(lines.contains { $0 == keys || $0.hasPrefix(keys + " ") }, "\(keys)")
                // Where it is broken into lines, and how words are spaced, is groff's affair.
                let words = page.split { $0.isWhitespace }.joined(separator: " ")
                #expect(words.contains(binding.help), "\(binding.help)")
            }
            func expectItem(_ name: String) {
                #expect(lines.contains { $0 == name || $0.hasPrefix(name + " ") }, "\(name)")
            }
            for column in Column.allCases { expectItem(column.rawValue) }
            for view in View.allCases where view.isBuilt { expectItem(view.name) }
            let settings = try perftop(["--print-config"]).outputLines.filter {
                $0.hasPrefix("#") && !$0.hasPrefix("##")
            }
            #expect(settings.count > 10)
            for setting in settings {
                expectItem(String(setting.dropFirst().prefix { $0 != "=" }) + "=")
            }
            for section in ["NAME", "SYNOPSIS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"] {
                #expect(lines.contains(section))
            }
        }

        @Test("mandoc has nothing to complain of", .needs(Machine.has("mandoc") ? nil : "mandoc is not installed"))
        func lint() throws {
            let outcome = try shell(#""$0" --print-man | mandoc -Tlint -Wwarning"#, [])
            #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
        }

        @Test("an unknown shell is exit 2 with the choices")
        func unknownShell() throws {
            let outcome = try perftop(["--print-completions", "tcsh"])
            #expect(outcome.status == 2 && outcome.errorLines.count == 1)
            #expect(outcome.errors.contains("bash") && outcome.errors.contains("fish"))
        }

        /// Reads a script without running it.
        private func expectReadable(by name: String) throws {
            let outcome = try shell("\"$0\" --print-completions \(name) | \(name) -n /dev/stdin", [])
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        }

        @Test("the completions are what bash can read")
        func bashReads() throws { try expectReadable(by: "bash") }

        @Test("… and zsh", .needs(Machine.has("zsh") ? nil : "zsh is not installed"))
        func zshReads() throws { try expectReadable(by: "zsh") }

        @Test("… and fish", .needs(Machine.has("fish") ? nil : "fish is not installed"))
        func fishReads() throws { try expectReadable(by: "fish") }

        /// What bash offers for a line whose last word is being typed.
        private func offered(_ words: String...) throws -> [String] {
            let script = #"""
                source <("$0" --print-completions bash) || exit 1
                COMP_WORDS=(perftop "$@") COMP_CWORD=$#
                COMP_LINE="${COMP_WORDS[*]}" COMP_POINT=${#COMP_LINE}
                declaration=$(complete -p perftop)
                read -r function rest <<<"${declaration#* -F }"
                "$function" perftop "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
                printf '%s\n' "${COMPREPLY[@]}"
                """#
            let outcome = try shell(script, words)
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
            return outcome.outputLines
        }

        @Test("bash completes options and the values that are known")
        func bash() throws {
            #expect(Set(try offered("-")) == (try options()))
            #expect(try offered("--grou") == ["--group-by"])
            #expect(try offered("--format", "") == ["text", "json", "csv"])
            #expect(try offered("--view", "p") == ["processes"])
            #expect(try offered("--color", "a") == ["auto", "always"])
            #expect(try offered("--group-by", "mod") == ["module"])
            #expect(try offered("--columns", "tre") == ["trend"])
            #expect(try offered("-s", "tre").isEmpty, "no report can be sorted by it")
            #expect(try offered("-e", "cpu-cl") == ["cpu-clock"])
            #expect(try offered("--filter", "x").isEmpty)
            #expect(try offered("-o", "/etc/passw").contains("/etc/passwd"))
            #expect(try offered("-u", "roo").contains("root"))
            let own = "\(ProcessInfo.processInfo.processIdentifier)"
            #expect(try offered("-p", own).contains(own))
        }

        @Test("what completions offer beside options is there", arguments: ["help"])
        func offeredWord(word: String) throws {
            #expect(try offered("") == [word])
            #expect(try perftop([word]).output == perftop(["--help"]).output)
        }
    }
}
