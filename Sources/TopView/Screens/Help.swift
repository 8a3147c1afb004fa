extension TopModel {
    private enum HelpText {
        static let columns = [
            ("SELF%", "share of all samples of the event, by weight, before any filter"),
            ("K", "blank user code, k kernel, g guest, j made at run time, ? unknown"),
            ("[fn 0x…]", "a function known only by its place, its name was stripped"),
            ("[unknown]", "code of which nothing is known"),
        ]
    }

    private struct HelpLine {
        let keys: String
        let text: String
    }

    /// Generated from the table of bindings, so that it is never wrong.
    private static let helpLines: [HelpLine] = {
        var lines: [HelpLine] = []
        for section in Binding.Section.allCases {
            if !lines.isEmpty { lines.append(HelpLine(keys: "", text: "")) }
            lines.append(HelpLine(keys: section.rawValue, text: ""))
            for binding in Binding.all where binding.section == section {
                let keys = binding.keys.map(\.name).joined(separator: " ")
                lines.append(HelpLine(keys: "  " + keys, text: binding.help))
            }
        }
        lines.append(HelpLine(keys: "", text: ""))
        lines.append(HelpLine(keys: "The table", text: ""))
        for (name, text) in HelpText.columns { lines.append(HelpLine(keys: "  " + name, text: text)) }
        return lines
    }()

    var helpLineCount: Int { Self.helpLines.count }

    /// The keys, from the line the user has scrolled to.
    mutating func helpBody(_ columns: Int, lines count: Int) -> Body {
        pageRows = max(count - 1, 1)
        let all = Self.helpLines
        let top = max(min(helpTop ?? 0, all.count - pageRows), 0)
        helpTop = top
        let last = min(top + pageRows, all.count)
        let title = " Help: keys, lines \(top + 1) to \(last) of \(all.count)"
        var lines = [plainLine(title, columns, .header)]
        let keyWidth = columns < 50 ? 14 : 22
        for index in top..<(top + pageRows) {
            guard index < all.count else {
                lines.append(plainLine("", columns, .plain))
                continue
            }
            let line = all[index]
            var builder = LineBuilder(width: columns)
            let isTitle = line.text.isEmpty
            builder.add(
                isTitle ? fitter.shown(line.keys) : fitter.fit(line.keys, to: keyWidth), isTitle ? .heading : .key)
            builder.skip(1)
            builder.add(fitter.cut(line.text, to: builder.room))
            lines.append(builder.finish())
        }
        return Body(lines: lines, cursor: 0)
    }
}
