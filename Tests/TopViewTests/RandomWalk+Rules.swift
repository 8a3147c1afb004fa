import SampleEngine
import SampleEngineTestSupport

@testable import TopView

/// What holds wherever a walk has led to; each says what is wrong, or nil.
extension RandomWalk {
    // MARK: The picture

    mutating func wrongInPicture() -> String? {
        let (columns, lines) = size
        let picture = model.draw(columns: columns, lines: lines)
        if picture.lines.count != lines { return "\(picture.lines.count) lines" }
        for line in picture.lines {
            if let wrong = Self.wrong(inLine: line, of: columns, unicode: unicode) { return wrong }
        }
        guard let cursor = picture.cursor else { return nil }
        guard (0..<lines).contains(cursor.line), (0..<columns).contains(cursor.column) else {
            return "the cursor is at \(cursor)"
        }
        if cursor.visible, model.context != .prompt { return "a cursor for typing without a prompt" }
        return nil
    }

    /// By the text that the terminal gets, not by what the line says of itself.
    private static func wrong(inLine line: Line, of columns: Int, unicode: Bool) -> String? {
        let text = line.text
        let cells = TextWidth.cells(of: text)
        if cells != columns || line.cells != columns { return "\(cells) cells, said to be \(line.cells): \(text)" }
        for run in line.runs where TextWidth.cells(of: run.text) != run.cells { return "\(run)" }
        for scalar in text.unicodeScalars where !isHarmless(scalar) {
            return "U+\(String(scalar.value, radix: 16)) reaches the terminal: \(text)"
        }
        if !unicode, text.utf8.contains(where: { $0 >= 0x80 }) { return "not ASCII: \(text)" }
        return nil
    }

    /// Neither a control character nor one that turns the direction of the line round, or breaks it.
    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: false
        default: !(0x202a...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value)
        }
    }

    // MARK: The model

    func wrongInModel() -> String? {
        wrongInContext() ?? wrongInCursors() ?? wrongInTotals()
    }

    /// At most one thing has the keys, and it is whole.
    private func wrongInContext() -> String? {
        let open = [model.prompt != nil, model.menu != nil, model.helpTop != nil]
        if open.count(where: { $0 }) > 1 { return "prompt, menu and help: \(open)" }
        let expected: KeyContext = open[0] ? .prompt : open[1] ? .menu : open[2] ? .help : .table
        if model.context != expected { return "\(model.context) where \(expected) is open" }
        if let prompt = model.prompt, !(0...prompt.characters.count).contains(prompt.position) {
            return "the prompt's cursor is at \(prompt.position) of \(prompt.characters.count)"
        }
        if let menu = model.menu {
            let isWhole =
                menu.titles.indices.contains(menu.index) && menu.isOn?.count ?? menu.titles.count == menu.titles.count
            if !isWhole { return "a menu of \(menu.titles.count) at \(menu.index)" }
        }
        if let top = model.helpTop, top < 0 { return "help at line \(top)" }
        if !model.view.isBuilt { return "a view that is not there" }
        return nil
    }

    private func wrongInCursors() -> String? {
        for (view, listing) in model.listings where listing.cursor.index < 0 || listing.cursor.top < 0 {
            return "the cursor of \(view) is at \(listing.cursor.index), top \(listing.cursor.top)"
        }
        if model.view != .rings, !(0..<max(model.rows.count, 1)).contains(model.cursor.index) {
            return "row \(model.cursor.index) of \(model.rows.count) is chosen"
        }
        if !(0..<max(model.rings.count, 1)).contains(model.ringCursor.index) {
            return "ring \(model.ringCursor.index) of \(model.rings.count) is chosen"
        }
        if model.event < 0 || model.event >= max(model.profile?.session.events.count ?? 0, 1) {
            return "event \(model.event)"
        }
        return nil
    }

    /// No sample is lost by grouping, sorting, pinning: all rows together are what was sampled.
    private func wrongInTotals() -> String? {
        // Where the past fades each row is rounded for itself; a filter and a row that was entered leave some out.
        guard model.view != .rings, model.timeline.reach != .decay else { return nil }
        let listed = model.listedSamples
        let isWhole = model.filter.isEmpty && model.levels.isEmpty
        if isWhole ? listed != model.samples : listed > model.samples {
            return "rows of \(listed) samples in a table of \(model.samples)"
        }
        let inside = model.levels.isEmpty ? 100.0 : 100.000_001
        if !(0...inside).contains(model.percentInside) { return "\(model.percentInside) percent are inside" }
        return nil
    }

    /// Esc closes one thing at a time and in the end shows the plain table, whatever was open.
    func wrongWayBack() -> String? {
        var model = model
        for _ in 0..<(model.levels.count + 8) {
            let effect = model.press(.escape)
            if effect != .redraw { return "\(effect) after Esc" }
        }
        let isPlain =
            model.context == .table && model.levels.isEmpty && model.filter.isEmpty && model.search.isEmpty
            && !model.showsDetail && model.nameOffset == 0
        if !isPlain {
            return "Esc leads to \(model.context), \(model.levels.count) levels deep, \"\(model.filter.text)\""
        }
        return model.message == "nothing is open; q leaves perftop"
            ? nil : "at the end Esc says \(model.message ?? "nothing")"
    }
}
