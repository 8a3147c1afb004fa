internal import SampleEngine

/// One line of text being typed, with the keys readline has.
struct Prompt: Sendable {
    /// What the text is for.
    enum Purpose: Sendable { case filter, search, export, delay }

    let purpose: Purpose
    private(set) var characters: [Unicode.Scalar]
    private(set) var position: Int
    private let history: [String]
    /// Place in the history; its count means the text being typed.
    private var recalled: Int
    private var draft: String

    init(_ purpose: Purpose, text: String, history: [String]) {
        self.purpose = purpose
        characters = Array(text.unicodeScalars)
        position = characters.count
        self.history = history
        recalled = history.count
        draft = text
    }

    var text: String { Self.string(characters[...]) }
    /// The text on the left of the cursor.
    var textBeforeCursor: String { Self.string(characters[..<position]) }

    /// Types one character.
    mutating func insert(_ scalar: Unicode.Scalar) {
        // A filter longer than any name only slows the drawing of it.
        guard characters.count < 256 else { return }
        // What a name cannot hold cannot be looked for, and must not reach the terminal.
        let typed = String(Character(scalar))
        guard displayText(typed) == typed else { return }
        characters.insert(scalar, at: position)
        position += 1
    }

    /// Edits; other actions leave the text alone.
    mutating func edit(_ action: Action) {
        switch action {
        case .textStart: position = 0
        case .textEnd: position = characters.count
        case .textLeft: position = max(position - 1, 0)
        case .textRight: position = min(position + 1, characters.count)
        case .eraseLeft where position > 0:
            position -= 1
            characters.remove(at: position)
        case .eraseRight where position < characters.count: characters.remove(at: position)
        case .eraseWord: eraseWord()
        case .eraseAll: replace("")
        case .eraseToEnd: characters.removeSubrange(position...)
        case .earlierText: recall(recalled - 1)
        case .laterText: recall(recalled + 1)
        default: break
        }
    }

    private mutating func eraseWord() {
        var start = position
        while start > 0, characters[start - 1] == " " { start -= 1 }
        while start > 0, characters[start - 1] != " " { start -= 1 }
        characters.removeSubrange(start..<position)
        position = start
    }

    private mutating func recall(_ place: Int) {
        guard place >= 0, place <= history.count else { return }
        if recalled == history.count { draft = text }
        recalled = place
        replace(place == history.count ? draft : history[place])
    }

    private mutating func replace(_ text: String) {
        characters = Array(text.unicodeScalars)
        position = characters.count
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}

extension Prompt.Purpose {
    var title: String {
        switch self {
        case .filter: "Filter"
        case .search: "Search"
        case .export: "Write to"
        case .delay: "A picture every"
        }
    }
}
