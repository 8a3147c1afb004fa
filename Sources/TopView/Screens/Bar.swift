internal import SampleEngine

extension TopModel {
    /// The last line: the prompt, a message, or the keys of this context.
    func bottomLine(_ columns: Int) -> (line: Line, cursor: Int?) {
        if let prompt { return promptLine(prompt, columns) }
        if let question {
            // The question stands first: however narrow the screen is, it is seen.
            let text = columns < 40 ? " y/n: write over " : " Write over it? y yes, n no:  "
            let room = columns - TextWidth.cells(of: text)
            return (plainLine(text + fitter.cut(displayText(question.path), to: room, .middle), columns, .message), nil)
        }
        if let message { return (plainLine(" " + message, columns, .message), nil) }
        return (keyLine(columns), nil)
    }

    private func promptLine(_ prompt: Prompt, _ columns: Int) -> (line: Line, cursor: Int?) {
        var builder = LineBuilder(width: columns)
        let isSearch = prompt.purpose == .search
        builder.add(prompt.purpose.title + ": ", .prompt)
        let found = isSearch ? search.isEmpty ? 0 : rows.count(where: isFound) : rows.count
        let of = isSearch ? rows.count : rowsInside
        let counts =
            prompt.purpose == .export || prompt.purpose == .delay
            ? "" : "  \(Numbers.grouped(found)) of \(Numbers.grouped(of)) rows"
        let keys =
            switch prompt.purpose {
            case .search: "  [Enter go] [Esc back]"
            case .filter: "  [Enter keep] [Esc back] [^U erase]"
            case .delay: "  [Enter take] [Esc back]  0.5, 250ms, 1s, 2m"
            case .export: "  [Enter write] [Esc back]  also .csv, .json"
            }
        let wrong = prompt.purpose != .filter ? nil : filterError.map { "  \($0.sentence)" }
        let typed = fitter.shown(prompt.text)
        let before = TextWidth.cells(of: fitter.shown(prompt.textBeforeCursor))
        let cells = TextWidth.cells(of: typed)
        var tail = wrong ?? (counts + keys)
        if builder.used + cells + TextWidth.cells(of: tail) >= columns { tail = wrong == nil ? counts : "" }
        if builder.used + cells + TextWidth.cells(of: tail) >= columns { tail = "" }
        // The part around the cursor is what has to be seen.
        let room = max(builder.room - 1, 1)
        let hidden = max(before - room, 0)
        let column = builder.used + before - hidden
        builder.add(TextWidth.head(of: TextWidth.dropping(cells: hidden, from: typed), cells: room).text, .prompt)
        builder.add(tail, wrong == nil ? .quiet : .warning)
        return (builder.finish(), column)
    }

    /// `? Help  \ Filter  s Sort …  q Quit`: those that fit, the least needed leave first.
    private func keyLine(_ columns: Int) -> Line {
        let context = context
        // What would only say that there is nothing to do is not offered.
        var idle: Set<Action> = profile?.session.events.count ?? 0 > 1 ? [] : [.nextEvent]
        if !isFrozen { idle.formUnion([.earlier, .later]) }
        if view == .rings { idle.formUnion([.filter, .search, .group]) }
        if menu?.purpose == .sort { idle.insert(.toggle) }
        var shown = Binding.all.filter {
            $0.label != nil && $0.contexts.contains(context) && !idle.contains($0.action)
        }
        func label(_ binding: Binding) -> String {
            let doesOther =
                switch binding.action {
                case .freeze: isFrozen
                case .drill: view == .rings || grouping.contains(.function)
                default: false
                }
            return (doesOther ? binding.otherLabel : binding.label) ?? ""
        }
        func width() -> Int {
            shown.reduce(1) { $0 + TextWidth.cells(of: ($1.keys.first?.name ?? "") + label($1)) + 3 } - 2
        }
        while width() > columns, let worst = shown.map(\.rank).max(),
            let index = shown.lastIndex(where: { $0.rank == worst })
        {
            shown.remove(at: index)
        }
        var builder = LineBuilder(width: columns)
        builder.skip(1)
        for binding in shown {
            builder.target = .action(binding.action)
            builder.add(binding.keys.first?.name ?? "", .key)
            builder.add(" " + label(binding), .keyText)
            builder.target = nil
            builder.skip(2)
        }
        return builder.finish()
    }
}
