internal import SampleEngine

extension TopModel {
    /// Line 1: what is sampled, whether the picture moves, when it was taken.
    func statusLine(_ columns: Int) -> Line {
        let role: Role = isFrozen ? .paused : .title
        let clock = profile.map { Numbers.clock(nanoseconds: $0.wallClock, utcOffset: utcOffset) } ?? ""
        // From the least to the most important: they leave in this order.
        var facts: [(text: String, role: Role)] = []
        if isFrozen {
            let still = profile?.state == .exited ? "" : ", still sampling"
            facts =
                timeline.isPast
                ? [(glyphs.paused + "HISTORY", role), ("at \(clock)\(still)", role)]
                : [(glyphs.paused + "PAUSED", role), ("since \(clock)\(still)", role)]
            if columns >= 100 { facts.append((reachText, role)) }
        } else {
            let exited = profile?.state == .exited
            let live = (text: profile == nil ? "STARTING" : glyphs.live + "LIVE", role: Role.live)
            let late = pictureAge.map { (text: "picture \($0)s old", role: Role.warning) }
            facts = [exited ? ("exited", .warning) : late ?? live]
            if profile != nil, columns >= 60 { facts.append((reachText, role)) }
            if isHeld { facts.append(("order held", .heading)) }
            if !clock.isEmpty { facts.append((clock, role)) }
        }
        let gap = columns >= 100 ? 3 : 2
        let left = " perftop  " + subject
        func width() -> Int { facts.reduce(0) { $0 + TextWidth.cells(of: $1.text) + gap } }
        // The target is worth more than the clock, but only as far as it can be read.
        while facts.count > 1, TextWidth.cells(of: left) + width() > columns, columns - width() < 40 {
            facts.removeLast()
        }
        var builder = LineBuilder(width: columns)
        builder.add(fitter.fit(left, to: max(columns - width() - 1, 0)), role)
        for fact in facts {
            builder.skip(min(gap, max(builder.room - TextWidth.cells(of: fact.text), 0)), role)
            builder.add(fact.text, fact.role)
        }
        return builder.finish(role)
    }

    /// `pid 1234 · cycles @ 999 Hz`
    private var subject: String {
        guard let session = profile?.session else { return "" }
        var text = session.target
        guard event < session.events.count else { return text }
        let shown = session.events[event]
        text += " \(glyphs.dot) \(shown.name)"
        if let frequency = profile?.frequency(of: shown) { text += " @ \(Numbers.grouped(frequency)) Hz" }
        if let period = profile?.period(of: event) { text += " every \(Numbers.grouped(period))" }
        if session.events.count > 1 { text += " [\(event + 1)/\(session.events.count)]" }
        return text
    }

    /// Line 2: what the machine does, whether anything is missing, and what this program costs.
    func healthLine(_ columns: Int) -> Line {
        guard let profile else { return plainLine(" rings not read yet", columns, .plain) }
        let verdict = RingVerdict(profile)
        // On a narrow screen the word gives way to the bar.
        let rate = Numbers.grouped(UInt64(min(sampleRate.rounded(), 1e12)))
        var facts = [verdict.sentence, rate + (columns < 100 ? "/s" : " samples/s")]
        if verdict.isFine { facts.append("lost 0") }
        if let uncertainty { facts.append(uncertainty) }
        let memory = Numbers.bytes(Double(profile.residentKilobytes) * 1024)
        if !profile.slices.isEmpty { facts.append("self \(Numbers.fixed(profile.ownCPUPercent, 1))% \(memory)") }
        // What went wrong is never shortened for the sake of a number beside it.
        let dot = " \(glyphs.dot) "
        while facts.count > 1, TextWidth.cells(of: facts.joined(separator: dot)) >= columns { facts.removeLast() }
        let text = facts.joined(separator: dot)
        let meter =
            !showsMeters
            ? nil
            : loads.load(at: profile.wallClock).flatMap {
                self.meter($0, room: columns - 4 - TextWidth.cells(of: text))
            }
        return plainLine(" " + (meter.map { $0 + "  " } ?? "") + text, columns, verdict.isFine ? .plain : .warning)
    }

    /// `CPU [|||||||####*     41.2%] user 31 kernel 8 irq 2`, or as much of it as there is room for.
    private func meter(_ load: MachineLoad, room: Int) -> String? {
        let parts = [load.user, load.kernel, load.interrupts].map { Numbers.fixed($0, 0) }
        let choices = [
            (" user \(parts[0]) kernel \(parts[1]) irq \(parts[2])", 20),
            (" u\(parts[0]) k\(parts[1]) i\(parts[2])", 12),
            ("", 12),
        ]
        for (words, cells) in choices {
            let text = "CPU \(load.bar(cells: cells))\(words)"
            if text.utf8.count <= room { return text }
        }
        return nil
    }

    /// Samples a second over the last two minutes, with the scale: `History ▁▂▅█▃  peak 2,104 samples/s 35s ago`.
    func historyLine(_ columns: Int) -> Line {
        guard let trends = trends?.value else { return plainLine("", columns, .plain) }
        let seconds = Double(Self.trendSteps.nanoseconds) / 1e9
        // A step of which nothing is kept is left blank: it is not known to be nothing.
        var known = zip(trends.samples, trends.totals).map { $1 == 0 ? nil : Double($0) / seconds as Double? }
        // Sampling began in the midst of the first one: what it would have been nobody knows.
        if let first = known.firstIndex(where: { $0 != nil }), first > 0 { known[first] = nil }
        let peak = known.indices.max { known[$0] ?? -1 < known[$1] ?? -1 }
        guard let peak, let most = known[peak] else {
            return plainLine(" History  its first bar comes within \(Numbers.seconds(2 * seconds))", columns, .quiet)
        }
        let ago = Numbers.seconds(Double(known.count - peak) * seconds)
        let scale = "peak \(Numbers.grouped(UInt64(min(most, 1e12)))) samples/s \(ago) ago"
        let text = " History  \(bars(known[...]))  \(scale), a bar is \(Numbers.seconds(seconds))"
        return plainLine(text, columns, .quiet)
    }

    /// All that has to be said, in one line.
    var noteLine: String { notes.joined(separator: " \(glyphs.dot) ") }

    /// Where the table stands: what was entered, what makes a row, what is hidden.
    private var tableState: String {
        var parts: [String] = []
        if let backlog = profile?.backlog, !isFrozen {
            parts.append(
                "names being read: \(Numbers.grouped(backlog.spaces)) to go, \(backlog.next)\(glyphs.ellipsis)")
        }
        if !levels.isEmpty { parts.append("\(breadcrumb) \(Numbers.fixed(percentInside, 1))%") }
        if view != .rings, grouping != view.grouping, levels.isEmpty || !grouping.contains(.function) {
            parts.append("by " + Self.groupKeys.filter(grouping.contains).map(\.rawValue).joined(separator: "+"))
        }
        if !filter.isEmpty { parts.append("filter: \(filter.text)") }
        return parts.joined(separator: "  ")
    }

    /// The views with their keys, and the state of the table; where both find no room, tabs give way first.
    func tabLine(_ columns: Int) -> Line {
        let state = tableState
        let stateWidth = state.isEmpty ? 0 : TextWidth.cells(of: fitter.shown(state)) + 2
        func name(_ view: View, _ short: Bool) -> String {
            "\(view.rawValue) \(short ? view.shortTitle : view.title)"
        }
        let built = View.allCases.filter(\.isBuilt)
        let choices = [(View.allCases, false), (View.allCases, true), (built, true), ([view], false)]
        let fitting = choices.first { views, short in
            views.reduce(3) { $0 + TextWidth.cells(of: name($1, short)) + 1 } + stateWidth <= columns
        }
        let (views, short) = fitting ?? choices[columns < 50 || !state.isEmpty ? 3 : 2]
        var builder = LineBuilder(width: columns)
        builder.skip(1)
        for view in views {
            builder.target = .action(view.action)
            if view == self.view {
                builder.add("[\(name(view, short))]", .chosenTab)
            } else {
                builder.add(name(view, short), view.isBuilt ? .tab : .quiet)
            }
            builder.target = nil
            builder.skip(1)
        }
        if !state.isEmpty, builder.room > 6 {
            let text = fitter.cut(state, to: builder.room - 2, .middle)
            builder.skip(builder.room - TextWidth.cells(of: text) - 1)
            builder.add(text, .heading)
        }
        return builder.finish()
    }
}
