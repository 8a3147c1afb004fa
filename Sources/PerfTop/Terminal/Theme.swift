internal import CNcurses
internal import TopView

/// Attributes and colors of each role, for as many colors as the terminal has.
///
/// Text stays on the terminal's own background wherever it can; no dark blue, no pair of red and green, and no role
/// that only its color would tell apart.
struct Theme {
    /// Curses attributes and a color pair number.
    struct Style {
        var attributes: attr_t = 0
        var pair: Int32 = 0
    }

    private var styles: [Style]

    /// Defines the color pairs; curses has to be open.
    init(_ colors: Capabilities.Colors) {
        styles = Array(repeating: Style(), count: Role.allCases.count)
        var pairs: [Look: Int32] = [:]
        for role in Role.allCases {
            var look = Self.look(of: role, colors)
            var style = Style(attributes: look.attributes)
            look.attributes = 0
            if look.foreground >= 0 || look.background >= 0 {
                let pair = pairs[look] ?? Int32(pairs.count + 1)
                if pairs[look] == nil, init_pair(Int16(pair), look.foreground, look.background) == OK {
                    pairs[look] = pair
                }
                style.pair = pairs[look] ?? 0
            }
            styles[Int(role.rawValue)] = style
        }
    }

    subscript(role: Role) -> Style { styles[Int(role.rawValue)] }

    private struct Look: Hashable {
        var foreground: Int16 = -1
        var background: Int16 = -1
        var attributes: attr_t = 0
    }

    private static func look(of role: Role, _ colors: Capabilities.Colors) -> Look {
        switch colors {
        case .mono: mono(role)
        case .eight: basic(role, grey: nil)
        case .sixteen: basic(role, grey: 8)
        case .many: many(role)
        }
    }

    private static func mono(_ role: Role) -> Look {
        switch role {
        case .plain, .tab, .kernel, .jit, .prompt, .keyText: Look()
        case .quiet, .unknown: Look()
        case .title, .live, .heading, .key, .message, .match: Look(attributes: pt_bold)
        case .paused, .warning, .chosenTab, .selected: Look(attributes: pt_reverse)
        case .header: Look(attributes: pt_underline)
        case .sortedHeader: Look(attributes: pt_underline | pt_bold)
        }
    }

    private static func basic(_ role: Role, grey: Int16?) -> Look {
        let black = Int16(COLOR_BLACK)
        let cyan = Int16(COLOR_CYAN)
        return switch role {
        case .plain, .tab, .prompt, .keyText: Look()
        case .quiet, .unknown: grey.map { Look(foreground: $0) } ?? Look()
        case .title, .heading, .key, .message: Look(attributes: pt_bold)
        case .live: Look(foreground: Int16(COLOR_GREEN), attributes: pt_bold)
        case .paused: Look(attributes: pt_reverse | pt_bold)
        case .warning: Look(foreground: black, background: Int16(COLOR_YELLOW))
        case .chosenTab: Look(attributes: pt_reverse)
        case .header: Look(attributes: pt_underline)
        case .sortedHeader: Look(attributes: pt_underline | pt_bold)
        case .kernel: Look(foreground: Int16(COLOR_RED))
        case .match: Look(foreground: Int16(COLOR_YELLOW), attributes: pt_bold)
        case .jit: Look(foreground: cyan)
        case .selected: Look(foreground: black, background: cyan)
        }
    }

    private static func many(_ role: Role) -> Look {
        switch role {
        case .plain, .tab, .prompt: Look()
        case .quiet, .unknown: Look(foreground: 244)
        case .keyText: Look()
        case .title, .heading, .key, .message: Look(attributes: pt_bold)
        case .live: Look(foreground: 34, attributes: pt_bold)
        case .paused: Look(attributes: pt_reverse | pt_bold)
        case .warning: Look(foreground: 16, background: 214)
        case .chosenTab: Look(attributes: pt_reverse)
        case .header: Look(foreground: 16, background: 250)
        case .sortedHeader: Look(foreground: 16, background: 250, attributes: pt_bold)
        case .kernel: Look(foreground: 167)
        case .match: Look(foreground: 172, attributes: pt_bold)
        case .jit: Look(foreground: 37)
        case .selected: Look(foreground: 16, background: 117)
        }
    }
}
