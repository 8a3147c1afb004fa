import Foundation
import SampleEngineTestSupport
import Testing

extension EndToEnd {
    /// What `RandomWalkTests` does to the model, done to the whole program: keys as a terminal sends them, sizes as one
    /// takes them, while samples come in.
    @Suite("random keys and sizes in tmux", .needsPerf, .needsCompiler, .needsTmux)
    final class RandomKeys {
        /// `PERFTOP_SEED` goes another way.
        private let seed = Machine.environment["PERFTOP_SEED"].flatMap { UInt64($0) } ?? 1
        private var random: SeededRandom
        private let burn: Running
        private let mixed: Running
        private let tmux: Tmux
        private var size = (columns: 120, lines: 40)
        private var trail: [String] = []
        private var bursts = 0

        init() throws {
            random = SeededRandom(seed)
            burn = try Program.burn.start()
            mixed = try Program.mixed.start()
            tmux = try Tmux(["-p", "\(burn.pid),\(mixed.pid)", "-d", "0.2"])
        }

        @Test("a minute of them: alive and right all the while, and the terminal as it was in the end", .slow)
        func minute() throws {
            try wait("the table") { Screen.isRow($0, "alpha") }
            let end = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < end { try burst() }
            print("random keys: seed \(seed), \(bursts) bursts and sizes")
            try tmux.resize(columns: 120, lines: 40)
            size = (120, 40)
            try settle()
            // A picture that stands still goes on again; one that is live must not be frozen.
            if try isFrozen(tmux.screen()) { try tmux.press("Space") }
            try wait("a live table with a chosen row") { screen in
                screen.contains("LIVE") && screen.contains("q Quit")
                    && screen.split(separator: "\n").contains { $0.hasPrefix("▶") }
            }
            try tmux.press("q")
            try wait("the end") { $0.contains("status=0\n") && $0.contains("settings=same") }
            #expect(try !tmux.isAlternate())
            let last = try tmux.screen()
            for word in ["Fatal", "rash", "panic"] { #expect(!last.contains(word), "\(last)") }
        }

        // MARK: One after the other

        /// Some keys, another size, and the way back to where the next ones begin.
        private func burst() throws {
            bursts += 1
            trail = []
            if random.below(3) == 0 { try typeIntoPrompt() }
            let keys = (0..<1 + random.below(12)).map { _ in anyKey() }
            trail += keys
            try tmux.press(keys)
            size =
                random.below(4) == 0
                ? (10 + random.below(15), 2 + random.below(8)) : (10 + random.below(191), 2 + random.below(59))
            try tmux.resize(columns: size.columns, lines: size.lines)
            try settle()
        }

        /// The prompt is sure to open here, so that any text may be typed, even the key that would leave.
        private func typeIntoPrompt() throws {
            let scalars = Array("q10! |/:>\"(\\解é\u{301}a_".unicodeScalars)
            let text = (0..<1 + random.below(12)).map { _ in String(scalars[random.below(scalars.count)]) }.joined()
            let opening = random.below(2) == 0 ? "\\" : "/"
            trail += ["1", opening, text]
            try tmux.type("1" + opening)
            try tmux.type(text)
            try tmux.press(random.below(3) == 0 ? "Escape" : "Enter")
        }

        /// Closes everything; on the way help shows that keys arrive and that the picture has the size of the screen.
        private func settle() throws {
            // Twelve keys open no more than that; the last one finds nothing to close, and says so.
            try tmux.press(Array(repeating: "Escape", count: 24))
            guard size.columns >= 20, size.lines >= 4 else {
                try wait("too small") { words($0).contains("\(size.columns)×\(size.lines) too") }
                return
            }
            try wait("nothing is open any more") { $0.contains("nothing is open") }
            try tmux.type("?")
            try wait("help of this size") { $0.contains("Help: keys") && fits($0) }
            try tmux.press("Escape")
            try wait("the table of this size") { !$0.contains("Help: keys") && fits($0) }
        }

        /// The first line ends at the right edge and the last one stands at the bottom.
        private func fits(_ screen: String) -> Bool {
            guard size.lines >= 6 else { return true }
            let lines = screen.split(separator: "\n", omittingEmptySubsequences: false).prefix(size.lines)
            guard lines.count == size.lines, let first = lines.first, let last = lines.last else { return false }
            // One cell is kept free behind the last word.
            return (size.columns - 1...size.columns).contains(first.unicodeScalars.count)
                && (last.contains("q Quit") || last.contains("Esc Back"))
        }

        private func words(_ screen: String) -> String {
            screen.split { $0.isWhitespace }.joined(separator: " ")
        }

        private func isFrozen(_ screen: String) -> Bool { screen.contains("PAUSED") || screen.contains("HISTORY") }

        /// The first thing that does not come ends the walk: what would follow says nothing more.
        private func wait(_ what: String, _ condition: (String) throws -> Bool) throws {
            var last = ""
            let held = try waitUntil(within: 30) {
                last = try tmux.screen()
                return try condition(last)
            }
            let place = "seed \(seed), burst \(bursts), \(size.columns)×\(size.lines)"
            try #require(held, "\(what): \(place), keys \(trail.joined(separator: " ")). The screen:\n\(last)")
        }

        // MARK: Any key

        /// By tmux's names. None that leaves or suspends, none that the terminal keeps for itself (^S, ^Q, ^V), and no
        /// key that could write a file.
        private static let keys: [String] = {
            let named = [
                "Up", "Down", "Left", "Right", "PPage", "NPage", "Home", "End", "IC", "DC", "BSpace", "Enter", "Tab",
                "BTab", "Escape", "Space",
            ]
            let control = "abdefghklnoprtuxy".map { "C-\($0)" }
            let characters = (33...125).compactMap { Unicode.Scalar($0) }.map { String(Character($0)) }
                .filter { !["q", "w", ";"].contains($0) }
            return named + named + control + (1...9).map { "F\($0)" } + characters + ["解", "é", "ש", "🚀"]
        }()

        private func anyKey() -> String { Self.keys[random.below(Self.keys.count)] }
    }
}
