import Foundation
import Testing

extension EndToEnd {
    /// From a wall of cells down to less than anybody can use, in each kind of terminal.
    @Suite("sizes of the terminal", .needsPerf, .needsCompiler, .needsTmux)
    struct Sizes {
        private let burn: Running

        init() throws { burn = try Program.burn.start() }

        struct Kind: CustomTestStringConvertible {
            let locale: String
            let term: String
            var environment: [String: String] = [:]

            var isMono: Bool { term == "vt100" || environment["NO_COLOR"] != nil }
            var testDescription: String { "\(locale), \(term)\(environment["NO_COLOR"] == nil ? "" : ", NO_COLOR")" }

            static let all = ["C.UTF-8", "C"].flatMap { locale in
                [
                    Kind(locale: locale, term: "screen-256color"), Kind(locale: locale, term: "vt100"),
                    Kind(locale: locale, term: "screen-256color", environment: ["NO_COLOR": "1"]),
                ]
            }
        }

        struct Size: CustomTestStringConvertible {
            let columns: Int
            let lines: Int

            init(_ columns: Int, _ lines: Int) { (self.columns, self.lines) = (columns, lines) }

            var isEnough: Bool { columns >= 20 && lines >= 4 }
            var testDescription: String { "\(columns)×\(lines)" }

            /// Every one smaller than the one before, so that nothing of the former picture passes for a new one.
            static let all = [
                Size(300, 100), Size(120, 40), Size(80, 24), Size(60, 15), Size(40, 10), Size(20, 4), Size(10, 3),
            ]
        }

        private func open(_ kind: Kind, _ size: Size) throws -> Tmux {
            try Tmux(
                ["-p", "\(burn.pid)"], columns: size.columns, lines: size.lines, locale: kind.locale, term: kind.term,
                environment: kind.environment)
        }

        /// The picture has been drawn for this size: its first line is at the top and its last one at the bottom.
        private func fits(_ screen: String, _ size: Size) -> Bool {
            guard size.isEnough else {
                let words = screen.split { $0.isWhitespace }.joined(separator: " ")
                return words.contains("too small") && !Screen.isRow(screen, "alpha")
            }
            let lines = screen.split(separator: "\n", omittingEmptySubsequences: false).prefix(size.lines)
            guard lines.count == size.lines, Screen.isRow(screen, "alpha") else { return false }
            return size.lines < 6 ? lines[0].contains("SELF%") : lines[size.lines - 1].contains("q Quit")
        }

        private func expectFit(_ tmux: Tmux, _ kind: Kind, _ size: Size) throws {
            try tmux.expect("\(kind.testDescription): a picture for \(size.testDescription)") { fits($0, size) }
            if kind.locale == "C" { #expect(try tmux.screen().utf8.allSatisfy { $0 < 128 }) }
            if size.isEnough { #expect(try Screen.hasColors(tmux.coloredScreen()) == !kind.isMono) }
        }

        private func expectQuit(_ tmux: Tmux) throws {
            try tmux.type("q")
            // There must be room for the words that the shell says.
            try tmux.resize(columns: 80, lines: 24)
            try tmux.expect("the end") { $0.contains("status=0\n") && $0.contains("settings=same") }
        }

        @Test("smaller and smaller, and back", arguments: Kind.all)
        func walk(kind: Kind) throws {
            let tmux = try open(kind, Size.all[0])
            for size in Size.all {
                try tmux.resize(columns: size.columns, lines: size.lines)
                try expectFit(tmux, kind, size)
            }
            try tmux.resize(columns: 120, lines: 40)
            try expectFit(tmux, kind, Size(120, 40))
            try tmux.resize(columns: 10, lines: 3)
            try expectFit(tmux, kind, Size(10, 3))
            try expectQuit(tmux)
        }

        @Test("opened in each size, q leaves", .slow, arguments: Kind.all, Size.all)
        func quit(kind: Kind, size: Size) throws {
            let tmux = try open(kind, size)
            try expectFit(tmux, kind, size)
            try expectQuit(tmux)
        }

        /// Fifty sizes, the same ones in each run.
        private var storm: [Size] {
            var state: UInt64 = 7
            func next(_ limit: UInt64) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % limit) + 1
            }
            return (0..<50).map { _ in Size(next(250), next(80)) }
        }

        @Test("a storm of sizes while data comes in: the last picture is right")
        func stormOnScreen() throws {
            let kind = Kind.all[0]
            let tmux = try open(kind, Size(120, 40))
            try expectFit(tmux, kind, Size(120, 40))
            for size in storm { try tmux.resize(columns: size.columns, lines: size.lines) }
            try tmux.resize(columns: 100, lines: 30)
            try expectFit(tmux, kind, Size(100, 30))
            // Of fifty samples a share is what chance makes of it.
            try tmux.expect("samples enough for shares") { Screen.samples($0) ?? 0 >= 1000 }
            let screen = try tmux.screen()
            let alpha = try #require(Screen.percent(screen, "alpha"), "\(screen)")
            let beta = try #require(Screen.percent(screen, "beta"), "\(screen)")
            #expect(abs(alpha - 75) < 5 && abs(beta - 25) < 5, "\(screen)")
            try expectQuit(tmux)
        }

        @Test("a storm of sizes without the pauses that an emulator makes")
        func stormOnTerminal() throws {
            let terminal = try Terminal()
            let child = try terminal.start(
                ["-p", "\(burn.pid)", "-d", "0.1"], environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8"],
                controlling: true)
            terminal.expectShown("alpha")
            for size in storm {
                try terminal.resize(columns: size.columns, lines: size.lines)
                terminal.drain()
            }
            try terminal.resize(columns: 120, lines: 40)
            let place = terminal.output.count
            // Ctrl-L: every cell anew.
            terminal.type("\u{c}")
            terminal.expect("alpha", from: place)
            terminal.expect("Quit", from: place)
            #expect(child.isRunning)
            terminal.type("q")
            terminal.finish(child)
            #expect(child.status == 0)
            #expect(TerminalModes(terminal.output).leftovers == [])
        }
    }
}
