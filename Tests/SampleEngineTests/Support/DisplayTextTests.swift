import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("displayText: nothing foreign reaches the terminal raw")
struct DisplayTextTests {
    /// Scalars that move the cursor, reorder a line or cannot be seen.
    static let harmful: [ClosedRange<UInt32>] = [
        0...0x1f, 0x7f...0x9f, 0xad...0xad, 0x61c...0x61c, 0x180e...0x180e, 0x200b...0x200f, 0x2028...0x202e,
        0x2060...0x206f, 0xfeff...0xfeff, 0xfff9...0xfffb, 0xe0000...0xe007f,
    ]

    static func isHarmful(_ text: String) -> Bool {
        text.unicodeScalars.contains { scalar in harmful.contains { $0.contains(scalar.value) } }
    }

    @Test(
        "Printable ASCII, accents, wide characters and emoji stay as they are",
        arguments: ["plain", " ~", "étoile", "解析", "🚀", "a\\b"])
    func harmlessStays(text: String) { #expect(displayText(text) == text) }

    @Test("Every control, bidirectional, zero-width and separator character becomes an escape", arguments: harmful)
    func harmfulIsEscaped(range: ClosedRange<UInt32>) {
        for value in range {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let shown = displayText("a\(Character(scalar))b")
            #expect(!Self.isHarmful(shown))
            #expect(shown.hasPrefix("a\\") && shown.hasSuffix("b") && shown.utf8.allSatisfy { $0 < 0x7f })
        }
    }

    @Test(
        "Escapes say what was there",
        arguments: [
            ("\u{1b}[2J", "\\x1b[2J"), ("\n", "\\x0a"), ("\u{7f}", "\\x7f"), ("\u{9b}", "\\x9b"),
            ("\u{202e}", "\\u{202e}"), ("\u{200b}", "\\u{200b}"), ("\u{e0041}", "\\u{e0041}"),
        ])
    func spelling(raw: String, shown: String) { #expect(displayText(raw) == shown) }

    @Test(
        "A mark needs a character to stand on: alone it would be drawn into what stands to the left",
        arguments: [
            ("\u{301}", "\\u{301}"), ("\u{301}\u{20dd}x", "\\u{301}\\u{20dd}x"), ("e\u{301}", "e\u{301}"),
            ("e\u{301}\u{301}", "e\u{301}\u{301}"), ("\n\u{301}", "\\x0a\\u{301}"), ("\u{1161}", "\\u{1161}"),
            ("\u{1100}\u{1161}", "\u{1100}\u{1161}"), ("\u{600}", "\\u{600}"),
        ])
    func marks(raw: String, shown: String) {
        #expect(Array(displayText(raw).utf8) == Array(shown.utf8))
        #expect(Array(displayText(shown).utf8) == Array(shown.utf8))
    }

    @Test(
        "A name of others that looks like one of ours is told from it",
        arguments: [
            ("[kernel]", "\\[kernel]"), ("[", "\\["), ("a[b]", "a[b]"), ("", ""), ("\u{301}[x]", "\\u{301}[x]"),
        ])
    func foreignNames(raw: String, shown: String) { #expect(foreignName(raw.utf8) == shown) }

    @Test("A symbol that calls itself as ours do is told from them; its raw name is exact")
    func foreignSymbol() {
        let symbol = Symbol(rawName: Array("[unknown]".utf8), in: Module(name: "m"), kind: .user, source: .symbolTable)
        #expect(symbol.name == "\\[unknown]" && symbol.rawName == "[unknown]")
    }

    @Test(
        "Bytes that are no UTF-8 are shown one by one",
        arguments: [
            ([0x80], "\\x80"), ([0xff, 0xfe], "\\xff\\xfe"), ([0xc0, 0x80], "\\xc0\\x80"),
            ([0xe0, 0x80, 0x80], "\\xe0\\x80\\x80"), ([0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"),
            ([0xf0, 0x80, 0x80, 0x80], "\\xf0\\x80\\x80\\x80"), ([0xf4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"),
            ([0xe2, 0x82], "\\xe2\\x82"), ([0xe2, 0x82, 0x41], "\\xe2\\x82A"), ([0xf0, 0x9f, 0x9a], "\\xf0\\x9f\\x9a"),
            ([0xe2, 0xe2, 0x82, 0xac], "\\xe2€"), ([0xc3, 0xc3, 0xa9], "\\xc3é"),
        ] as [([UInt8], String)])
    func invalid(bytes: [UInt8], shown: String) { #expect(displayText(bytes) == shown) }

    @Test("Any bytes give harmless text; once harmless, it stays", arguments: 0..<50)
    func anyBytes(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        for _ in 0..<20 {
            // Lead and continuation bytes more often than chance has them.
            let bytes = random.bytes(40).map { $0 & 3 == 0 ? [0xe2, 0x80, 0xae, 0xc2, 0x9b][Int($0) % 5] : $0 }
            let shown = displayText(bytes)
            #expect(!Self.isHarmful(shown))
            #expect(displayText(shown) == shown)
        }
    }

    @Test("Valid text without anything harmful comes back the same, however it is cut", arguments: 0..<20)
    func validText(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        var text = ""
        for _ in 0..<50 {
            let value = UInt32(random.below(0x11_0000))
            guard let scalar = Unicode.Scalar(value) else { continue }
            // What shows nothing could hide in a name, and is made visible too.
            if Self.isHarmful(String(scalar)) || scalar.properties.isDefaultIgnorableCodePoint { continue }
            text.unicodeScalars.append(scalar)
        }
        #expect(Array(displayText(text).utf8) == Array(text.utf8))
    }

    @Test("A longer text ends in … within the limit", arguments: [0, 1, 5, 64, 4096])
    func limit(limit: Int) {
        for unit in ["a", "é", "🚀", "\u{1b}", "\u{202e}"] {
            let long = String(repeating: unit, count: 5000)
            let shown = displayText(long, limit: limit)
            #expect(shown.hasSuffix("…"))
            #expect(shown.utf8.count <= limit + "…".utf8.count)
        }
        let exact = String(repeating: "a", count: limit)
        #expect(displayText(exact, limit: limit) == exact)
    }
}

@Suite("closest: what was probably meant")
struct ClosestTests {
    private static let words = ["cycles", "cpu-clock", "task-clock", "instructions", "page-faults", "cs"]

    @Test(
        "A slip of the finger finds its word first",
        arguments: [
            ("cycels", "cycles"), ("cpuclock", "cpu-clock"), ("instrutions", "instructions"),
            ("pagefaults", "page-faults"), ("clock", "cpu-clock"),
        ])
    func slips(typed: String, meant: String) {
        #expect(closest(to: typed, among: Self.words).first == meant)
    }

    @Test("What is like nothing offers nothing", arguments: ["xyzzyplugh", "qqqqqqqqqqqqqqqq"])
    func nothing(typed: String) { #expect(closest(to: typed, among: Self.words).isEmpty) }

    @Test("At most so many, best first, in a fixed order")
    func most() {
        let near = closest(to: "aaa", among: ["aab", "aac", "aad", "aaaa", "aaa"], most: 2)
        #expect(near == ["aaa", "aab"])
        #expect(closest(to: "aaa", among: ["aad", "aac", "aab"]) == ["aab", "aac", "aad"])
    }
}
