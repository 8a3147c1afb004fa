internal import SampleEngine

extension TopModel {
    /// What stands between the tab line and the bottom bar.
    struct Body {
        var lines: [Line]
        /// Line of the chosen row inside `lines`.
        var cursor: Int?
    }

    /// The whole screen for a size; each line has exactly `columns` cells.
    ///
    /// It changes the model only in what follows from the size: the window of rows and the length of a page.
    public mutating func draw(columns: Int, lines: Int) -> Picture {
        let columns = max(columns, 1)
        let lines = max(lines, 1)
        guard columns >= Layout.smallest.columns, lines >= Layout.smallest.lines else {
            return tooSmall(columns, lines)
        }
        let notes = noteLine
        let layout = Layout(
            lines: lines, hasNotes: !notes.isEmpty, hasHistory: showsMeters, detail: detailLineCount(of: lines))
        var drawn: [Line] = []
        if layout.status > 0 { drawn.append(statusLine(columns)) }
        if layout.health > 0 { drawn.append(healthLine(columns)) }
        if layout.history > 0 { drawn.append(historyLine(columns)) }
        if layout.notes > 0 { drawn.append(plainLine(" " + notes, columns, .quiet)) }
        if layout.tabs > 0 { drawn.append(tabLine(columns)) }
        let body = body(columns, rows: layout.rows, detail: layout.detail)
        let bodyTop = drawn.count
        drawn += body.lines
        var cursor = body.cursor.map { Picture.Cursor(line: bodyTop + $0, column: 0, visible: false) }
        if layout.bar > 0 || prompt != nil || question != nil || message != nil {
            // On the smallest screens what is typed or said takes the last row of the table.
            if layout.bar == 0 { drawn.removeLast() }
            let bar = bottomLine(columns)
            if let column = bar.cursor {
                cursor = Picture.Cursor(line: drawn.count, column: min(column, columns - 1), visible: true)
            }
            drawn.append(bar.line)
        }
        drawnLines = drawn
        return Picture(columns: columns, lines: drawn, cursor: cursor)
    }

    private mutating func body(_ columns: Int, rows: Int, detail: Int) -> Body {
        if helpTop != nil { return helpBody(columns, lines: rows + detail + 1) }
        pageRows = rows
        let menuWidth = menu == nil ? 0 : columns < 50 ? columns : menu?.isOn == nil ? 16 : 18
        let width = columns - menuWidth
        var body = Body(lines: [], cursor: nil)
        if width > 0 {
            body = view == .rings ? ringsBody(width, rows: rows) : tableBody(width, rows: rows)
        }
        if menuWidth > 0 { body = putMenu(beside: body, menuWidth, lines: rows + 1) }
        if detail > 0 { body.lines += view == .rings ? ringDetail(columns, detail) : rowDetail(columns, detail) }
        return body
    }

    private func putMenu(beside body: Body, _ width: Int, lines: Int) -> Body {
        guard let menu else { return body }
        let rows = max(lines - 1, 1)
        let top = max(min(menu.index - rows / 2, menu.titles.count - rows), 0)
        var drawn: [Line] = []
        for index in 0..<lines {
            var builder = LineBuilder(width: width)
            let item = top + index - 1
            if index == 0 {
                builder.add(" " + menu.heading, .heading)
                drawn.append(builder.finish(.heading))
            } else if item < menu.titles.count {
                let role: Role = item == menu.index ? .selected : .plain
                builder.target = .choice(menu.purpose, item)
                builder.add(item == menu.index ? glyphs.cursor + " " : "  ", role)
                if let isOn = menu.isOn { builder.add(isOn[item] ? "[x] " : "[ ] ", role) }
                // Some are names of events, which are as foreign as any.
                builder.add(fitter.shown(menu.titles[item]), role)
                drawn.append(builder.finish(role))
            } else {
                drawn.append(builder.finish())
            }
            if index < body.lines.count { drawn[index].runs += body.lines[index].runs }
        }
        return Body(lines: drawn, cursor: menu.index - top + 1)
    }

    private func tooSmall(_ columns: Int, _ lines: Int) -> Picture {
        let times = fitter.unicode ? "×" : "x"
        let smallest = Layout.smallest
        let text = "perftop: \(columns)\(times)\(lines) too small (need \(smallest.columns)\(times)\(smallest.lines))"
        var drawn = wrapped(text, columns, .plain).prefix(lines)
        while drawn.count < lines { drawn.append(plainLine("", columns, .plain)) }
        return Picture(columns: columns, lines: Array(drawn), cursor: nil)
    }

    // MARK: Pieces every screen uses

    /// One line of text in one role, with an ellipsis where it is too long.
    func plainLine(_ text: String, _ columns: Int, _ role: Role) -> Line {
        var builder = LineBuilder(width: columns)
        builder.add(fitter.cut(text, to: columns), role)
        return builder.finish(role)
    }

    /// Text over as many lines as it needs, broken at blanks where there are some.
    func wrapped(_ text: String, _ columns: Int, _ role: Role, indent: Int = 0) -> [Line] {
        let width = max(columns - indent, 1)
        var rest = fitter.shown(text)
        var lines: [Line] = []
        while !rest.isEmpty && lines.count < 100 {
            var piece = TextWidth.head(of: rest, cells: width).text
            if piece.isEmpty { break }
            let whole = piece.unicodeScalars.count == rest.unicodeScalars.count
            if !whole, let blank = piece.unicodeScalars.lastIndex(of: " "), blank > piece.startIndex {
                piece = String(piece.unicodeScalars[...blank])
            }
            rest = String(rest.unicodeScalars.dropFirst(piece.unicodeScalars.count))
            var builder = LineBuilder(width: columns)
            builder.skip(indent)
            builder.add(piece, role)
            lines.append(builder.finish(role))
        }
        return lines
    }

    /// A table header with the sign of the order in the gap behind the sorted column.
    ///
    /// - Parameter sortable: the columns that a click sorts by.
    func headerLine<ID: Equatable>(
        _ columns: [PlacedColumn<ID>], _ sorted: ID, rising: Bool, among sortable: [ID], _ width: Int
    ) -> Line {
        var builder = LineBuilder(width: width)
        builder.skip(Layout.margin, .header)
        let sign = rising ? glyphs.rising : glyphs.falling
        for column in columns {
            let isSorted = column.id == sorted
            let role: Role = isSorted ? .sortedHeader : .header
            builder.target = sortable.firstIndex(of: column.id).map { .sort($0) }
            if column.spec.right {
                builder.add(fitter.fit(column.spec.title, to: column.width, rightAligned: true), role)
                builder.add(isSorted ? sign : " ", role)
            } else {
                let title = fitter.shown(column.spec.title) + (isSorted ? sign : "")
                let cells = TextWidth.cells(of: title)
                builder.add(cells > column.width ? title : fitter.fit(title, to: column.width), role)
                builder.skip(column.width + 1 - max(cells, column.width), .header)
            }
        }
        return builder.finish(.header)
    }

    /// The reason why a table has no rows, in the place of its rows.
    func reasonLines(_ reason: String, _ columns: Int, rows: Int) -> [Line] {
        var lines = wrapped(reason, columns, .message, indent: 2)
        if rows > lines.count + 2 { lines.insert(plainLine("", columns, .plain), at: 0) }
        lines = Array(lines.prefix(rows))
        while lines.count < rows { lines.append(plainLine("", columns, .plain)) }
        return lines
    }
}
