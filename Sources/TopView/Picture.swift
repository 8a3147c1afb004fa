internal import SampleEngine

/// What a piece of text means; the terminal back end chooses colors and attributes, never the view.
///
/// Nothing is said by a role alone: each one goes with a word, a letter or a place of its own.
public enum Role: UInt8, Sendable, CaseIterable {
    case plain, quiet, title, live, paused, warning
    case tab, chosenTab, header, sortedHeader
    case application, library, kernel, jit, unknown
    case match
    case selected
    case key, keyText, prompt, message, heading
}

/// A run of text in one role, and how many cells it takes.
public struct TextRun: Sendable, Equatable {
    /// What is shown; never a control character.
    public let text: String
    /// Cells the text takes.
    public let cells: Int
    /// What the text means.
    public let role: Role
    /// What a click on it is for; nil where it is for nothing.
    var target: Target?
}

/// What the pointer can hit.
enum Target: Sendable, Equatable {
    /// Does what a key does: a tab, a word of the bottom bar.
    case action(Action)
    /// A row of the table.
    case row(RowKey)
    /// A row of the table of rings.
    case ring(RingID)
    /// A column's title, by its place among those that can be sorted by.
    case sort(Int)
    /// An entry of a menu.
    case choice(Menu.Purpose, Int)
}

/// What the mouse did.
public struct Pointer: Sendable, Equatable {
    /// A press of the first button, or a notch of the wheel.
    public enum Event: Sendable { case press, wheelUp, wheelDown }

    public let event: Event
    /// Counted from 0 at the top left, in cells.
    public let line: Int
    public let column: Int

    /// At a cell of the screen, counted from 0.
    public init(_ event: Event, line: Int, column: Int) {
        self.event = event
        self.line = line
        self.column = column
    }
}

/// One line of the screen; its runs together take exactly the width of the picture.
public struct Line: Sendable, Equatable {
    /// From left to right.
    public internal(set) var runs: [TextRun] = []

    /// The text without roles.
    public var text: String { runs.reduce(into: "") { $0 += $1.text } }
    /// Cells of all runs.
    public var cells: Int { runs.reduce(0) { $0 + $1.cells } }

    /// What stands at a cell, counted from 0.
    func target(at column: Int) -> Target? {
        var end = 0
        for run in runs {
            end += run.cells
            if column < end { return run.target }
        }
        return nil
    }
}

/// Everything the terminal shows at one moment.
public struct Picture: Sendable, Equatable {
    /// Where the hardware cursor goes: screen readers and magnifiers follow it.
    public struct Cursor: Sendable, Equatable {
        /// Counted from 0 at the top.
        public let line: Int
        /// Cells from the left edge.
        public let column: Int
        /// Shown while text is typed, hidden elsewhere.
        public let visible: Bool
    }

    /// Cells of each line.
    public let columns: Int
    /// From top to bottom.
    public let lines: [Line]
    /// Nil where no place is of special interest.
    public let cursor: Cursor?
}

/// Builds one line of a fixed width: whatever is added, the result has exactly that many cells.
struct LineBuilder {
    let width: Int
    private(set) var line = Line()
    private(set) var used = 0
    /// What a click on the text that is added from now on is for.
    var target: Target?

    init(width: Int) { self.width = max(width, 0) }

    var room: Int { width - used }

    /// Adds text as it is, cut at the right edge of the line.
    mutating func add(_ text: String, _ role: Role = .plain) {
        guard room > 0 else { return }
        let (kept, cells) = TextWidth.head(of: text, cells: room)
        append(kept, cells, role)
    }

    /// Adds blanks.
    mutating func skip(_ count: Int, _ role: Role = .plain) {
        let count = min(max(count, 0), room)
        if count > 0 { append(String(repeating: " ", count: count), count, role) }
    }

    /// The line, filled up with blanks to its width.
    mutating func finish(_ role: Role = .plain) -> Line {
        skip(room, role)
        return line
    }

    private mutating func append(_ text: String, _ cells: Int, _ role: Role) {
        guard cells > 0 else { return }
        used += cells
        if let last = line.runs.last, last.role == role, last.target == target {
            line.runs[line.runs.count - 1] = TextRun(
                text: last.text + text, cells: last.cells + cells, role: role, target: target)
        } else {
            line.runs.append(TextRun(text: text, cells: cells, role: role, target: target))
        }
    }
}
