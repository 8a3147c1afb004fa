/// A key as the terminal reports it, free of any terminal library.
public enum Key: Hashable, Sendable {
    case character(Unicode.Scalar)
    /// Ctrl with a letter, given in lower case: `.control("u")`.
    case control(Unicode.Scalar)
    case function(Int)
    case up, down, left, right, pageUp, pageDown, home, end, insert, delete, backspace, enter, tab, backTab, escape

    /// The name shown in help: `PgUp`, `^F`, `F1`, `Space`.
    public var name: String {
        switch self {
        case .character(" "): "Space"
        case .character(let scalar): String(Character(scalar))
        case .control(let scalar): "^" + String(Character(scalar)).uppercased()
        case .function(let number): "F\(number)"
        case .up: "Up"
        case .down: "Down"
        case .left: "Left"
        case .right: "Right"
        case .pageUp: "PgUp"
        case .pageDown: "PgDn"
        case .home: "Home"
        case .end: "End"
        case .insert: "Ins"
        case .delete: "Del"
        case .backspace: "Backspace"
        case .enter: "Enter"
        case .tab: "Tab"
        case .backTab: "Shift-Tab"
        case .escape: "Esc"
        }
    }
}
