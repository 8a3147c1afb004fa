extension TopModel {
    /// Words on the screen and in filters, with what they mean: for the help and the manual.
    public static let legend = [
        ("SELF%", "share of all samples of the event, by weight, before any filter"),
        ("TREND", "5 seconds a bar, the newest on the right; each row by its own highest"),
        ("CHANGE", "SELF% against what was shown when R was pressed"),
        ("order held", "rows keep their places for 5 s after the cursor was moved; g lets them go"),
        ("filter", "name: in function, module or process; capitals count once there is one"),
        ("  a b, a|b, !a", "both; either; not. \"a b\" as it stands; /^a.*z$/ a regular expression"),
        ("  module:a", "also function: process: pid: tid: cpu: user:, and kind: user kernel jit guest unknown"),
        ("  self>1", "also total and samples, with > >= < <=: of the rows that are left"),
        ("order", "rows closer than chance keep their places; a new sort is exact"),
        ("K", "blank the program itself, l shared library, k kernel, g guest, j made at run time, ? unknown"),
        ("[fn 0x…]", "a function known only by its place: its name was stripped"),
        ("[names being read]", "not known yet: a file is being read; it is named a moment later"),
        ("[unknown]", "code of which nothing is known"),
        ("[other tasks]", "what a group's other events counted on this CPU while tasks changed: nobody can tell whose"),
        ("shares ±", "how far chance may have moved SELF%, 19 times in 20"),
        ("mouse", "a row, a title to sort by, a tab, a word of the last line; with Shift the terminal selects text"),
        ("LOST", "samples the kernel could not deliver: the ring was full"),
    ]

    /// Generated from the table of bindings, so that it is never wrong; long explanations go on below themselves.
    private func helpLines(_ columns: Int) -> [Line] {
        var lines: [Line] = []
        func add(title: String) {
            if !lines.isEmpty { lines.append(plainLine("", columns, .plain)) }
            lines.append(plainLine(title, columns, .heading))
        }
        let keyWidth = columns < 50 ? 14 : 22
        func add(_ keys: String, _ text: String) {
            for (index, piece) in wrapped(text, columns - keyWidth - 1, .plain).enumerated() {
                var builder = LineBuilder(width: columns)
                builder.add(fitter.fit(index == 0 ? "  " + keys : "", to: keyWidth), .key)
                builder.skip(1)
                builder.add(piece.text)
                lines.append(builder.finish())
            }
        }
        for section in Binding.Section.allCases {
            add(title: section.rawValue)
            for binding in Binding.all where binding.section == section {
                add(binding.keys.map(\.name).joined(separator: " "), binding.help)
            }
        }
        add(title: "On the screen")
        for (name, text) in Self.legend { add(name, text) }
        return lines
    }

    /// The keys, from the line the user has scrolled to.
    mutating func helpBody(_ columns: Int, lines count: Int) -> Body {
        pageRows = max(count - 1, 1)
        let all = helpLines(columns)
        helpLineCount = all.count
        let top = max(min(helpTop ?? 0, all.count - pageRows), 0)
        helpTop = top
        let last = min(top + pageRows, all.count)
        let title = " Help: keys, lines \(top + 1) to \(last) of \(all.count)"
        var lines = [plainLine(title, columns, .header)] + all[top..<last]
        while lines.count < count { lines.append(plainLine("", columns, .plain)) }
        return Body(lines: lines, cursor: 0)
    }
}
