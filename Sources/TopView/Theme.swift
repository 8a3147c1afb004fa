/// How one role looks on a terminal.
public struct Look: Hashable, Sendable {
    /// Numbers of the terminal's palette; nil is the terminal's own color.
    public var foreground: Int16?
    public var background: Int16?
    public var bold = false
    public var reverse = false
    public var underline = false

    init(
        _ foreground: Int16? = nil, on background: Int16? = nil, bold: Bool = false, reverse: Bool = false,
        underline: Bool = false
    ) {
        self.foreground = foreground
        self.background = background
        self.bold = bold
        self.reverse = reverse
        self.underline = underline
    }
}

/// Which looks roles have: `--theme`.
public enum Theme: String, CaseIterable, Sendable {
    /// As the terminal says of its background; colors that are readable on any where it says nothing.
    case auto
    case dark, light
    /// White on black, and nothing dim.
    case contrast
    /// Attributes alone.
    case mono

    /// The look of a role with so many colors.
    ///
    /// Text stays on the terminal's own background wherever it can. Kinds of code keep apart in the eyes of people who
    /// see two of three primaries: each set was searched for the largest distance of its nearest two under
    /// simulated protanopia, deuteranopia and tritanopia (dark 29, light 25, any 19 in CIE Lab), at a contrast of at
    /// least 7, 4.5 and 3.5 to the background. No role is told by its color alone.
    public func look(of role: Role, _ colors: Capabilities.Colors) -> Look {
        if self == .mono || colors == .mono { return Self.mono(role) }
        switch self {
        case .contrast: return Self.contrast(role, colors)
        default: return colors == .many ? many(role) : basic(role, grey: colors == .sixteen ? 8 : nil)
        }
    }

    /// The theme that `auto` stands for.
    ///
    /// - Parameter colorFGBG: what terminals tell of themselves in the variable `COLORFGBG`: `15;0`, `0;default;15`,
    ///   the last number being the background (rxvt(1), konsole).
    public func resolved(colorFGBG: String?) -> Theme {
        guard self == .auto, let last = colorFGBG?.split(separator: ";").last, let number = Int(last) else {
            return self
        }
        switch number {
        case 7, 9...15: return .light
        case 0...8: return .dark
        default: return .auto
        }
    }

    private static func mono(_ role: Role) -> Look {
        switch role {
        case .plain, .tab, .application, .library, .kernel, .jit, .prompt, .keyText, .quiet, .unknown: Look()
        case .title, .live, .heading, .key, .message, .match: Look(bold: true)
        case .paused, .warning, .chosenTab, .selected: Look(reverse: true)
        case .header: Look(underline: true)
        case .sortedHeader: Look(bold: true, underline: true)
        }
    }

    private static func contrast(_ role: Role, _ colors: Capabilities.Colors) -> Look {
        let (white, black, yellow): (Int16, Int16, Int16) =
            colors == .many ? (231, 16, 226) : colors == .sixteen ? (15, 0, 11) : (7, 0, 3)
        return switch role {
        case .plain, .tab, .application, .prompt, .keyText, .quiet, .unknown, .library: Look(white, on: black)
        case .kernel, .jit, .title, .live, .heading, .key, .message: Look(white, on: black, bold: true)
        case .match: Look(yellow, on: black, bold: true)
        case .header: Look(white, on: black, underline: true)
        case .sortedHeader: Look(yellow, on: black, bold: true, underline: true)
        case .chosenTab, .selected: Look(black, on: white, bold: true)
        case .paused, .warning: Look(black, on: yellow, bold: true)
        }
    }

    /// Eight colors of which nobody knows the exact shade: never blue on an unknown or dark background.
    private func basic(_ role: Role, grey: Int16?) -> Look {
        let (black, red, green, yellow, blue, magenta, cyan): (Int16, Int16, Int16, Int16, Int16, Int16, Int16) =
            (0, 1, 2, 3, 4, 5, 6)
        return switch role {
        case .plain, .tab, .prompt, .keyText, .application: Look()
        case .quiet, .unknown: self == .light ? Look() : Look(grey)
        case .title, .heading, .key, .message: Look(bold: true)
        case .live: self == .light ? Look(bold: true) : Look(green, bold: true)
        case .paused: Look(bold: true, reverse: true)
        case .warning: Look(black, on: yellow)
        case .chosenTab: Look(reverse: true)
        case .header: Look(underline: true)
        case .sortedHeader: Look(bold: true, underline: true)
        case .library: self == .dark ? Look(cyan) : self == .light ? Look(blue) : Look()
        case .kernel: Look(red)
        case .jit: Look(magenta)
        case .match: self == .light ? Look(bold: true, underline: true) : Look(yellow, bold: true)
        case .selected: Look(black, on: cyan)
        }
    }

    /// Of the 256 colors only the cube and the greys: their shades are the same on every terminal.
    private func many(_ role: Role) -> Look {
        switch role {
        case .plain, .tab, .prompt, .keyText: Look()
        case .title, .heading, .key, .message: Look(bold: true)
        case .paused: Look(bold: true, reverse: true)
        case .warning: Look(16, on: 214)
        case .chosenTab: Look(reverse: true)
        case .header: Look(16, on: 250)
        case .sortedHeader: Look(16, on: 250, bold: true)
        case .selected: Look(16, on: 117)
        // Where the background is not known the program's own code has the terminal's own color.
        case .application: self == .auto ? Look() : Look(self == .dark ? 214 : 130)
        case .library: Look(shade(dark: 117, light: 27, any: 33))
        case .kernel: Look(shade(dark: 203, light: 88, any: 197))
        case .jit: Look(shade(dark: 194, light: 23, any: 29))
        case .quiet, .unknown: Look(shade(dark: 247, light: 241, any: 244))
        case .live: Look(shade(dark: 77, light: 22, any: 29), bold: true)
        case .match: Look(shade(dark: 226, light: 54, any: 97), bold: true)
        }
    }

    private func shade(dark: Int16, light: Int16, any: Int16) -> Int16 {
        self == .dark ? dark : self == .light ? light : any
    }
}
