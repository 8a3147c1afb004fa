internal import SampleEngine

extension TopModel {
    /// The table of samples, however they are grouped: its header and as many rows as there is room for.
    mutating func tableBody(_ columns: Int, rows count: Int) -> Body {
        let siblings = self.siblings
        let specs = visibleColumns.map {
            (id: $0, spec: $0.spec(screenWidth: columns, siblings: siblings))
        }
        // The name is the last to give way, and has more of a wide screen.
        let placed = Layout.place(specs, in: columns, flexibleMinimum: max(20, columns * 3 / 8))
        shownColumns = placed.map(\.spec.title)
        let rising = ordering.inverted == ordering.column.isNumber
        var body = Body(lines: [
            headerLine(placed, ordering.column, rising: rising, among: sortable, columns)
        ])
        if let reason = emptyReason {
            body.lines += reasonLines(reason, columns, rows: count)
            return body
        }
        cursor.show(rows: count, of: rows.count)
        for index in cursor.top..<(cursor.top + count) {
            guard index < rows.count else {
                body.lines.append(plainLine("", columns, .plain))
                continue
            }
            if index == cursor.index { body.cursor = body.lines.count }
            body.lines.append(rowLine(index, placed, columns))
        }
        return body
    }

    private func rowLine(_ index: Int, _ placed: [PlacedColumn<Column>], _ width: Int) -> Line {
        let row = rows[index]
        let selected = index == cursor.index
        var builder = LineBuilder(width: width)
        builder.target = .row(row.key)
        // A match is marked by a sign as well, for terminals that show no color.
        let found = isFound(row)
        let isPinned = isPinned(row)
        let sign = selected ? glyphs.cursor : isPinned ? glyphs.pin : " "
        let second = found ? "*" : selected && isPinned ? glyphs.pin : " "
        builder.add(sign + second, selected ? .selected : .plain)
        for column in placed {
            let isMatch = found && column.id == .function
            let role: Role =
                selected ? .selected : isMatch ? .match : column.id == .function ? Self.role(of: row) : .plain
            let text = cell(column.id, of: row, width: column.width)
            switch column.id {
            case .function: builder.add(fitter.scrolled(text, by: nameOffset, to: column.width), role)
            case .module: builder.add(fitter.fit(text, to: column.width, .middle), role)
            default: builder.add(fitter.fit(text, to: column.width, rightAligned: column.spec.right), role)
            }
            builder.skip(1, selected ? .selected : .plain)
        }
        return builder.finish(selected ? .selected : .plain)
    }

    /// One colored run per row: each change of color is a dozen bytes on the line, and the letter says it anyway.
    private static func role(of row: Row) -> Role {
        switch row.kind {
        case .user: row.isOfLibrary ? .library : .application
        case .kernel, .guest: .kernel
        case .jit: .jit
        case .unknown, .mixed: .unknown
        }
    }

    private func cell(_ column: Column, of row: Row, width: Int) -> String {
        switch column {
        case .change: change(of: row)
        case .trend: bars(trend(of: row).suffix(width))
        case .selfPercent: Numbers.fixed(row.selfPercent, 2)
        case .samples: row.selfSamples < 100_000_000 ? String(row.selfSamples) : Numbers.short(Double(row.selfSamples))
        case .kind: Self.letter(of: row)
        case .count1, .count2, .count3:
            column.sibling.map { $0 < row.counts.count ? Numbers.short(Double(row.counts[$0])) : "" } ?? ""
        case .pid: row.key.pid.map { String($0) } ?? row.name(insteadOf: .pid, in: grouping)
        case .thread: row.key.thread.map { String($0) } ?? row.name(insteadOf: .thread, in: grouping)
        case .cpu: row.key.cpu.map { String($0) } ?? ""
        case .user: row.key.user.map { String($0) } ?? row.name(insteadOf: .user, in: grouping)
        case .process: row.process
        case .module: row.module
        case .function: row.shortFunction
        }
    }

    /// `+3.21`, `-0.40`; a row that was not there before is `new`.
    private func change(of row: Row) -> String {
        guard let before = baselineShares?.value[row.key] else { return "new" }
        let change = row.selfPercent - before
        return (change < -0.005 ? "-" : change > 0.005 ? "+" : "") + Numbers.fixed(abs(change), 2)
    }

    /// Each row by its own highest: the numbers tell how large it is, the bars how it came about.
    func bars(_ shares: ArraySlice<Double?>) -> String {
        let highest = shares.reduce(0) { max($0, $1 ?? 0) }
        return shares.reduce(into: "") { text, share in
            guard let share else { return text += " " }
            text += glyphs.levels[highest > 0 ? Int((share / highest * 7).rounded()) : 0]
        }
    }

    /// The letter that says what a color may say as well.
    static func letter(of row: Row) -> String {
        switch row.kind {
        case .user: row.isOfLibrary ? "l" : " "
        case .kernel: "k"
        case .guest: "g"
        case .jit: "j"
        case .unknown, .mixed: "?"
        }
    }

    /// Why there is no row, nil where there are some.
    private var emptyReason: String? {
        guard let profile else { return "starting: the first samples have not been read yet" }
        if samples == 0 || rowsInside == 0 && levels.isEmpty { return noSamplesReason(profile) }
        if rowsInside == 0 {
            return "no samples \(breadcrumb) in the last \(Numbers.seconds(profile.seconds)); Esc goes back"
        }
        guard rows.isEmpty else { return nil }
        let hidden = rowsInside
        let which = hidden == 1 ? "the only row" : "all \(Numbers.grouped(hidden)) rows"
        return "filter \"\(filter.text)\" hides \(which); Esc clears it"
    }

    private func noSamplesReason(_ profile: Profile) -> String {
        if profile.slices.isEmpty, timeline.reset != nil { return "counting anew: no samples yet" }
        let target = profile.session.target
        if profile.state == .exited { return "no samples: \(target) has exited" }
        let verdict = RingVerdict(profile)
        if !verdict.isFine { return "no samples: \(verdict.sentence)" }
        // Asleep is what a target is that no event has seen; one event alone may just not occur.
        let isAsleep = profile.slices.allSatisfy { $0.cells.isEmpty }
        let isProcess = target.hasPrefix("pid") || target.hasPrefix("thread") || target.hasPrefix("tid")
        if isAsleep && isProcess {
            return "waiting for samples: \(target) " + (target.contains(",") ? "are asleep" : "is asleep")
        }
        let event = event < profile.session.events.count ? profile.session.events[event].name : "event"
        return "waiting for samples: no \(event) on \(target) in the last \(Numbers.seconds(profile.seconds))"
    }

    // MARK: Detail strip

    func detailLineCount(of lines: Int) -> Int {
        guard showsDetail else { return 1 }
        return max(min(8, lines / 3), 1)
    }

    /// All that is known of the chosen row: one line, or several when asked for.
    func rowDetail(_ columns: Int, _ count: Int) -> [Line] {
        guard cursor.index < rows.count, emptyReason == nil else { return blank(columns, count) }
        let row = rows[cursor.index]
        let name = name(of: row)
        let pins = listing.pinned.isEmpty ? "" : "  \(glyphs.pin) \(listing.pinned.count) pinned"
        let place = "row \(Numbers.grouped(cursor.index + 1)) of \(Numbers.grouped(rows.count))\(pins)"
        let path = row.modulePath.isEmpty ? row.module : row.modulePath
        if count == 1 {
            let short = row.buildID.isEmpty ? "" : "build-id \(row.buildID.prefix(8))\(glyphs.ellipsis)"
            return [stripLine(name, [path == name ? "" : path, short, Self.naming(of: row)], place, columns)]
        }
        var facts = [row.process, "\(Numbers.fixed(row.selfPercent, 2))%"]
        facts.append("\(Numbers.grouped(row.selfSamples)) of \(Numbers.grouped(samples)) samples")
        facts += zip(siblings, row.counts).map { "\($0) \(Numbers.grouped($1))" }
        facts.append(Self.word(for: row))
        if let course = course(of: row) { facts.append(course) }
        var lines = [stripLine("", [], place, columns)]
        lines += wrapped(name, columns, .heading, indent: 2)
        lines += wrapped(facts.filter { !$0.isEmpty }.joined(separator: "  "), columns, .plain, indent: 2)
        let naming = Self.naming(of: row)
        let by = row.nameSource == .none ? "" : "named by "
        lines += wrapped("in \(path)" + (naming.isEmpty ? "" : ", \(by)\(naming)"), columns, .plain, indent: 2)
        if !row.buildID.isEmpty { lines += wrapped("build-id \(row.buildID)", columns, .plain, indent: 2) }
        if let raw = row.rawFunction, raw != row.function {
            lines += wrapped("symbol \(raw)", columns, .quiet, indent: 2)
        }
        return Array((lines + blank(columns, count)).prefix(count))
    }

    /// `rose 0.9% to 5.9% in 80s, at most 7.2%`; nil where there is too little to say.
    private func course(of row: Row) -> String? {
        let known = trend(of: row).compactMap { $0 }
        guard known.count > 1, let first = known.first, let last = known.last else { return nil }
        let seconds = Numbers.seconds(Double(known.count) * Double(Self.trendSteps.nanoseconds) / 1e9)
        let word = abs(last - first) < 0.05 ? "steady" : last > first ? "rose" : "fell"
        let ends = "\(Numbers.fixed(first, 1))% to \(Numbers.fixed(last, 1))%"
        return "\(word) \(ends) in \(seconds), at most \(Numbers.fixed(known.max() ?? 0, 1))%"
    }

    /// Where the row's name was found; empty where it has none, and where rows are not functions.
    private static func naming(of row: Row) -> String {
        if row.nameSource != .none { return row.nameSource.explanation }
        return row.kind == .jit && row.function.hasPrefix("[") ? "no map tells its name" : ""
    }

    private static func word(for row: Row) -> String {
        switch row.kind {
        case .user: row.isOfLibrary ? "code of a shared library" : "user code"
        case .kernel: "kernel"
        case .guest: "guest of a virtual machine"
        case .jit: "code made at run time"
        case .unknown: "kind of code unknown"
        case .mixed: "several kinds of code"
        }
    }

    func blank(_ columns: Int, _ count: Int) -> [Line] {
        Array(repeating: plainLine("", columns, .plain), count: count)
    }

    /// `─ name  facts ─────── place ─`: the name gives way last.
    func stripLine(_ name: String, _ facts: [String], _ place: String, _ columns: Int) -> Line {
        var builder = LineBuilder(width: columns)
        builder.add(glyphs.rule + (name.isEmpty ? glyphs.rule : " "), .quiet)
        let ending = columns >= 50 ? " \(place) " + glyphs.rule : ""
        let room = columns - 2 - TextWidth.cells(of: ending)
        var text = fitter.cut(name, to: room, .middle)
        builder.add(text, .heading)
        var used = TextWidth.cells(of: text)
        for fact in facts where !fact.isEmpty && room - used > 12 {
            text = (used > 0 ? "  " : "") + fitter.cut(fact, to: room - used - 2, .middle)
            builder.add(text, .plain)
            used += TextWidth.cells(of: text)
        }
        if room > used {
            let rules = max(room - used - (used > 0 ? 1 : 0), 0)
            builder.skip(used > 0 ? 1 : 0)
            builder.add(String(repeating: glyphs.rule, count: rules), .quiet)
        }
        builder.add(ending, .quiet)
        return builder.finish()
    }
}

extension Row {
    /// Whether the module's name is that of a shared library: `libc.so.6`, `_json.cpython-311-x86_64-linux-gnu.so`.
    var isOfLibrary: Bool { kind == .user && (module.hasSuffix(".so") || module.contains(".so.")) }
}
