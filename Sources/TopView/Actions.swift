/// Everything a user can ask for.
public enum Action: String, CaseIterable, Sendable, Hashable {
    case quit, leave, back, help, redraw
    case up, down, pageUp, pageDown, halfPageUp, halfPageDown, first, last
    case nameLeft, nameRight, nameStart, nameEnd, drill
    case sortMenu, sortLeft, sortRight, invert, group, columns
    case pin, unpin, follow
    case filter, search, searchNext, searchPrevious, searchSame, freeze, nextEvent
    case earlier, later, reach, reset
    case codeSide, threadRows, meters, mouse, export, delay
    case functions, flame, tree, callers, processes, modules, threads, cpus, rings, nextView, previousView
    case accept, toggle, yes, no
    case textStart, textEnd, textLeft, textRight, eraseLeft, eraseRight, eraseWord, eraseAll, eraseToEnd
    case earlierText, laterText
}

/// Where a key is pressed: the same key may mean something else while a menu is open.
public enum KeyContext: String, CaseIterable, Sendable, Hashable { case table, menu, help, prompt, question }

/// One line of the table that drives dispatch, the help screen, the bottom bar and the manual.
public struct Binding: Sendable {
    /// Heading of the help screen under which a binding stands.
    public enum Section: String, CaseIterable, Sendable {
        case general = "General"
        case moving = "Moving"
        case rows = "Rows"
        case time = "Time"
        case views = "Views"
        case typing = "While typing"
    }

    /// What is done.
    public let action: Action
    /// Where help lists it.
    public let section: Section
    /// Where its keys work.
    public let contexts: Set<KeyContext>
    /// The first one is shown in the bottom bar.
    public let keys: [Key]
    /// One line, shown by the help screen.
    public let help: String
    /// The word in the bottom bar; nil keeps the action out of it.
    public let label: String?
    /// The word while the same key does the other half of its work: `Resume`.
    public let otherLabel: String?
    /// When space is short, higher ranks leave the bottom bar first.
    public let rank: Int
}

extension Binding {
    private static let lists: Set<KeyContext> = [.table, .menu, .help]

    private static func make(
        _ action: Action, _ section: Section, _ contexts: Set<KeyContext>, _ keys: [Key], _ help: String,
        bar label: String? = nil, or otherLabel: String? = nil, rank: Int = 0
    ) -> Binding {
        Binding(
            action: action, section: section, contexts: contexts, keys: keys, help: help, label: label,
            otherLabel: otherLabel, rank: rank)
    }

    /// Every binding there is, in the order of the help screen and the bottom bar.
    ///
    /// Rules: no lower-case key whose shifted twin loses data; what destroys data is a capital; every function key
    /// has a plain twin, because terminals and window managers take function keys for themselves.
    public static let all: [Binding] = [
        make(.help, .general, [.table], ["?", .function(1)], "this help", bar: "Help", rank: 0),
        make(
            .filter, .rows, [.table], ["\\", "&", .function(4)],
            "show only what this describes: name, !name, /regex/, module:libc, pid:7, self>1", bar: "Filter", rank: 2),
        make(
            .search, .rows, [.table], ["/", .function(3)],
            "go to the first row with this text, hiding none", bar: "Search", rank: 3),
        make(.searchNext, .rows, [.table], ["n"], "next match"),
        make(.searchPrevious, .rows, [.table], ["N"], "previous match"),
        make(.searchSame, .rows, [.table], ["#"], "next row with the same function"),
        make(.sortMenu, .rows, [.table], ["s", .function(6)], "choose the column to sort by", bar: "Sort", rank: 3),
        make(.sortLeft, .rows, [.table], ["<"], "sort by the column to the left"),
        make(.sortRight, .rows, [.table], [">"], "sort by the column to the right"),
        make(.invert, .rows, [.table], ["I"], "turn the order round", bar: "Invert", rank: 8),
        make(
            .freeze, .time, [.table], [" ", "Z"], "freeze the picture (sampling goes on); again: go on", bar: "Freeze",
            or: "Resume", rank: 4),
        make(
            .earlier, .time, [.table], ["["], "step back, up to two minutes; sampling goes on", bar: "Earlier", rank: 3),
        make(.later, .time, [.table], ["]"], "step on again", bar: "Later", rank: 3),
        make(.reach, .time, [.table], ["z"], "look at the window, at all since the reset, at all with the past fading"),
        make(.delay, .time, [.table], ["d"], "time between two pictures"),
        make(.reset, .time, [.table], ["R"], "count anew; column CHANGE compares with what was shown before"),
        make(
            .drill, .rows, [.table], [.enter],
            "on a group: its functions alone, Esc comes back; on a function: all that is known of it", bar: "Drill",
            or: "More", rank: 4),
        make(
            .group, .rows, [.table], ["b", .function(8)], "choose what makes a row, in any combination", bar: "Group",
            rank: 7),
        make(.columns, .rows, [.table], ["c"], "choose the columns"),
        make(.pin, .rows, [.table], ["p"], "pin the row on top, whatever the order; again: let it go"),
        make(.unpin, .rows, [.table], ["U"], "let all pinned rows go"),
        make(
            .follow, .rows, [.table], ["F"],
            "the cursor stays with its row, also on the first line; again: no longer"),
        make(
            .nextEvent, .rows, [.table], ["e"], "show the next event, when several are sampled", bar: "Event", rank: 0),
        make(.codeSide, .rows, [.table], ["K"], "without the kernel, the kernel alone, both"),
        make(.threadRows, .rows, [.table], ["T"], "a row for each thread; again: threads together"),
        make(
            .export, .general, [.table], ["w"], "write the table to a file: .csv, .json, else text", bar: "Write",
            rank: 9),
        make(.meters, .general, [.table], ["m"], "hide the CPU bar and the history; again: show them"),
        make(
            .mouse, .general, [.table], ["M"],
            "leave the mouse to the terminal, which then selects text; again: take it"),
        make(.nameLeft, .rows, [.table], ["{", .left], "long names: towards their start"),
        make(.nameRight, .rows, [.table], ["}", .right], "long names: towards their end"),
        make(.nameStart, .rows, [.table], [.control("a")], "long names: to their start"),
        make(.nameEnd, .rows, [.table], [.control("e")], "long names: to their end"),
        make(.functions, .views, [.table], ["1"], "functions"),
        make(.flame, .views, [.table], ["2"], "flame graph"),
        make(.tree, .views, [.table], ["3"], "call tree"),
        make(.callers, .views, [.table], ["4"], "callers and callees of one function"),
        make(.processes, .views, [.table], ["5"], "processes"),
        make(.modules, .views, [.table], ["6"], "modules"),
        make(.threads, .views, [.table], ["7"], "threads"),
        make(.cpus, .views, [.table], ["8"], "CPUs"),
        make(.rings, .views, [.table], ["9"], "ring buffers: fill, rates, what was lost"),
        make(.nextView, .views, [.table], [.tab], "next view", bar: "View", rank: 6),
        make(.previousView, .views, [.table], [.backTab], "previous view"),
        make(.up, .moving, lists, [.up, "k"], "one row up"),
        make(.down, .moving, lists, [.down, "j"], "one row down"),
        make(.pageUp, .moving, lists, [.pageUp, .control("b")], "one page up"),
        make(.pageDown, .moving, lists, [.pageDown, .control("f")], "one page down"),
        make(.halfPageUp, .moving, lists, [.control("u")], "half a page up"),
        make(.halfPageDown, .moving, lists, [.control("d")], "half a page down"),
        make(.first, .moving, lists, [.home, "g"], "first row; the cursor then stays on top"),
        make(.last, .moving, lists, [.end, "G"], "last row"),
        make(.accept, .typing, [.menu, .prompt], [.enter], "take what was typed or chosen", bar: "OK", rank: 0),
        make(
            .toggle, .typing, [.menu], [" "], "in a menu: put in or leave out, and see it at once", bar: "Choose",
            rank: 2),
        make(.yes, .typing, [.question], ["y"], "yes, where something is asked", bar: "Yes", rank: 0),
        make(.no, .typing, [.question], ["n"], "no", bar: "No", rank: 0),
        make(
            .back, .general, Set(KeyContext.allCases), [.escape],
            "back one level: menu, detail, search, filter, drill; never leaves perftop", bar: "Back", rank: 1),
        make(
            .quit, .general, lists, ["q", .function(10)], "close what is open, else leave", bar: "Quit", rank: 1),
        make(.leave, .general, Set(KeyContext.allCases), [.control("c")], "leave at once"),
        make(.redraw, .general, Set(KeyContext.allCases), [.control("l")], "draw the whole screen again"),
        make(.textStart, .typing, [.prompt], [.control("a"), .home], "to the start of the text"),
        make(.textEnd, .typing, [.prompt], [.control("e"), .end], "to the end of the text"),
        make(.textLeft, .typing, [.prompt], [.left, .control("b")], "one character left"),
        make(.textRight, .typing, [.prompt], [.right, .control("f")], "one character right"),
        make(.eraseLeft, .typing, [.prompt], [.backspace, .control("h")], "erase the character on the left"),
        make(.eraseRight, .typing, [.prompt], [.delete, .control("d")], "erase the character on the right"),
        make(.eraseWord, .typing, [.prompt], [.control("w")], "erase the word on the left"),
        make(.eraseAll, .typing, [.prompt], [.control("u")], "erase everything", bar: "Erase", rank: 2),
        make(.eraseToEnd, .typing, [.prompt], [.control("k")], "erase to the end"),
        make(.earlierText, .typing, [.prompt], [.up, .control("p")], "the text typed before"),
        make(.laterText, .typing, [.prompt], [.down, .control("n")], "the text typed after"),
    ]

    /// What a key does in a context, nil where it does nothing.
    public static func action(for key: Key, in context: KeyContext) -> Action? {
        actions[context]?[key]
    }

    private static let actions: [KeyContext: [Key: Action]] = {
        var table: [KeyContext: [Key: Action]] = [:]
        for binding in all {
            for context in binding.contexts {
                for key in binding.keys { table[context, default: [:]][key] = binding.action }
            }
        }
        return table
    }()
}

extension Key: ExpressibleByUnicodeScalarLiteral {
    /// A plain character: `"q"`.
    public init(unicodeScalarLiteral scalar: Unicode.Scalar) { self = .character(scalar) }
}
