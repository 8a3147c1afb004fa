/// What the terminal can show; fixed for a session.
public struct Capabilities: Sendable, Equatable {
    /// How many colors there are; the view itself works with none.
    public enum Colors: Int, Sendable, Comparable {
        case mono, eight, sixteen, many
        /// Fewer colors come first.
        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// Names may hold any character; otherwise each cell that is not ASCII becomes `?`.
    public var unicode: Bool
    /// Arrows, bullets and rules are drawn as such; otherwise by their ASCII twins.
    public var decoration: Bool
    /// How many colors the theme may use.
    public var colors: Colors

    /// Decoration needs Unicode; without a word about it the two go together.
    public init(unicode: Bool, decoration: Bool? = nil, colors: Colors) {
        self.unicode = unicode
        self.decoration = unicode && (decoration ?? true)
        self.colors = colors
    }
}

/// The signs the screen is drawn with, each one cell wide.
struct Glyphs: Sendable {
    let cursor, falling, rising, live, paused, ellipsis, dot, rule, barFull, barEmpty, up, down, into, pin: String
    /// From nothing to the most.
    let levels: [String]

    init(_ capabilities: Capabilities) {
        let drawn = capabilities.decoration
        cursor = drawn ? "▶" : ">"
        falling = drawn ? "▽" : "v"
        rising = drawn ? "△" : "^"
        live = drawn ? "● " : ""
        paused = "|| "
        ellipsis = drawn ? "…" : "~"
        dot = drawn ? "·" : "-"
        rule = drawn ? "─" : "-"
        barFull = drawn ? "█" : "#"
        barEmpty = drawn ? "░" : "."
        up = drawn ? "↑" : "Up"
        down = drawn ? "↓" : "Down"
        into = drawn ? "▸" : ">"
        pin = drawn ? "◆" : "+"
        levels = (drawn ? "▁▂▃▄▅▆▇█" : " .:-=+*#").map { String($0) }
    }

    /// Every sign the decorated screen uses, for a back end to try before it promises them.
    static let drawn: [Unicode.Scalar] = [
        "▶", "▽", "△", "●", "…", "·", "─", "█", "░", "↑", "↓", "▸", "◆", "▁", "▂", "▃", "▄", "▅", "▆", "▇",
    ]
}

extension Capabilities {
    /// The scalars of the decorated screen; a terminal that does not show each in one cell gets the ASCII twins.
    public static var decorationScalars: [Unicode.Scalar] { Glyphs.drawn }
}

/// Puts foreign text into a given number of cells.
struct Fitter: Sendable {
    enum Cut: Sendable { case end, middle }
    let unicode: Bool
    let ellipsis: String

    init(_ capabilities: Capabilities) {
        unicode = capabilities.unicode
        ellipsis = Glyphs(capabilities).ellipsis
    }

    /// The text as this terminal can show it.
    func shown(_ text: String) -> String { unicode ? text : TextWidth.ascii(text) }

    /// The text in at most `width` cells, with an ellipsis where something was cut.
    func cut(_ text: String, to width: Int, _ cut: Cut = .end) -> String {
        let text = shown(text)
        if TextWidth.cells(of: text) <= width { return text }
        guard width > 1 else { return width == 1 ? ellipsis : "" }
        if cut == .end || width < 8 { return TextWidth.head(of: text, cells: width - 1).text + ellipsis }
        // The end of a name tells siblings apart as often as its start does.
        let tail = TextWidth.tail(of: text, cells: (width - 1) / 2)
        return TextWidth.head(of: text, cells: width - 1 - tail.cells).text + ellipsis + tail.text
    }

    /// The text in exactly `width` cells.
    func fit(_ text: String, to width: Int, _ cut: Cut = .end, rightAligned: Bool = false) -> String {
        let text = self.cut(text, to: width, cut)
        let blanks = String(repeating: " ", count: max(width - TextWidth.cells(of: text), 0))
        return rightAligned ? blanks + text : text + blanks
    }

    /// The part of a name from a cell on, marked on its left side, in exactly `width` cells.
    func scrolled(_ text: String, by offset: Int, to width: Int) -> String {
        let text = shown(text)
        let excess = TextWidth.cells(of: text) - width
        guard offset > 0, excess > 0, width > 1 else { return fit(text, to: width, .middle) }
        let rest = TextWidth.dropping(cells: min(offset, excess) + 1, from: text)
        return fit(ellipsis + rest, to: width)
    }
}
