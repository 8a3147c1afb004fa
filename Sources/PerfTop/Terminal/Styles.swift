internal import CNcurses
internal import TopView

/// A theme as curses has it: attributes and a color pair for each role.
struct Styles {
    /// Curses attributes and a color pair number.
    struct Style {
        var attributes: attr_t = 0
        var pair: Int32 = 0
    }

    private var styles: [Style]

    /// Defines the color pairs; curses has to be open.
    init(_ theme: Theme, _ colors: Capabilities.Colors) {
        styles = Array(repeating: Style(), count: Role.allCases.count)
        var pairs: [[Int16]: Int32] = [:]
        for role in Role.allCases {
            let look = theme.look(of: role, colors)
            var style = Style()
            if look.bold { style.attributes |= pt_bold }
            if look.reverse { style.attributes |= pt_reverse }
            if look.underline { style.attributes |= pt_underline }
            if look.foreground != nil || look.background != nil {
                // -1 is the terminal's own (default_colors(3x)).
                let shades = [look.foreground ?? -1, look.background ?? -1]
                let pair = pairs[shades] ?? Int32(pairs.count + 1)
                if pairs[shades] == nil, init_pair(Int16(pair), shades[0], shades[1]) == OK { pairs[shades] = pair }
                style.pair = pairs[shades] ?? 0
            }
            styles[Int(role.rawValue)] = style
        }
    }

    subscript(role: Role) -> Style { styles[Int(role.rawValue)] }
}
