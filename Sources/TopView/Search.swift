internal import SampleEngine

/// Finding rows without hiding the others: less's `/ n N #`.
extension TopModel {
    /// Whether a row holds what is searched for.
    func isFound(_ row: Row) -> Bool {
        !search.isEmpty && [row.function, row.module, row.process].contains(where: search.isFound)
    }

    /// Opens the prompt; typing moves the cursor to the first match from where it stands now.
    mutating func beginSearch() {
        guard view != .rings else { return say("there is nothing to search in this view") }
        searchStart = cursor.index
        searchBefore = search
        prompt = Prompt(.search, text: "", history: searchHistory)
    }

    mutating func performInSearchPrompt(_ action: Action) {
        switch action {
        case .accept:
            let typed = prompt?.text ?? ""
            prompt = nil
            // An empty text searches for the last one again, as in less.
            if typed.isEmpty { search = searchBefore } else { remember(typed) }
            if typed.isEmpty, !search.isEmpty { findNext(1) } else { tellMatches() }
        case .back:
            prompt = nil
            search = searchBefore
            moveCursor(to: searchStart)
        default:
            prompt?.edit(action)
            applySearch()
        }
    }

    mutating func applySearch() {
        guard let prompt, prompt.text != search.source else { return }
        search = NamePattern(text: prompt.text)
        moveCursor(to: nextMatch(from: searchStart, step: 1, includingStart: true) ?? searchStart)
    }

    /// Goes to the next match in a direction, round the ends.
    mutating func findNext(_ step: Int) {
        guard !search.isEmpty else { return say("nothing is searched for yet: / begins") }
        if let place = nextMatch(from: cursor.index, step: step, includingStart: false) { moveCursor(to: place) }
        tellMatches()
    }

    /// Searches for the function under the cursor.
    mutating func searchSame() {
        guard view != .rings, cursor.index < rows.count else { return }
        let row = rows[cursor.index]
        let name = row.function.isEmpty ? row.process.isEmpty ? row.module : row.process : row.function
        search = NamePattern(text: name)
        remember(name)
        findNext(1)
    }

    private mutating func remember(_ text: String) {
        if searchHistory.last != text { searchHistory = searchHistory.suffix(49) + [text] }
    }

    private func nextMatch(from start: Int, step: Int, includingStart: Bool) -> Int? {
        let count = rows.count
        guard count > 0, !search.isEmpty else { return nil }
        for distance in (includingStart ? 0 : 1)...count {
            let place = ((start + step * distance) % count + count) % count
            if isFound(rows[place]) { return place }
        }
        return nil
    }

    private mutating func moveCursor(to place: Int) { cursor.move(to: place, in: rows.lazy.map(\.key)) }

    private mutating func tellMatches() {
        let places = rows.indices.filter { isFound(rows[$0]) }
        guard !search.isEmpty else { return }
        guard let current = places.firstIndex(of: cursor.index) else {
            let hint = filter.isEmpty ? "" : " (the filter hides some rows)"
            return say("no row has \"\(search.source)\"\(hint)")
        }
        say("match \(current + 1) of \(places.count), n next, N previous, Esc ends: \(search.source)")
    }
}
