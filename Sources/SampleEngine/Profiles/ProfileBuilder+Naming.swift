extension ProfileBuilder {
    /// A report whose time is over: what it counted stays, and its names may still come.
    struct ClosedReport {
        var slices: [Slice]
        let state: Profile.State
        let wallClock: UInt64
        /// When it was closed.
        let time: Instant
        let isLast: Bool
    }

    /// Asks for the names of places that have none, the heaviest first, and takes in those that are known at once.
    ///
    /// - Parameter deadline: there may be tens of thousands: `hasUnasked` tells whether some were left.
    /// - Returns: the slow work that is to be done for the others.
    package mutating func ask(until deadline: Instant = .forever) -> [Errand] {
        let now = Instant.now
        var untilLook = 64
        while let (location, question) = frames.takeUnasked() {
            if let answer = symbolizer.ask(location, question, at: now) { take(answer, at: location, question, now) }
            untilLook -= 1
            if untilLook > 0 { continue }
            if Instant.now >= deadline { break }
            untilLook = 64
        }
        takeAnswers(now)
        return symbolizer.takeErrands(at: now)
    }

    /// Whether there was no time to ask for some places.
    package var hasUnasked: Bool { frames.hasUnasked }

    /// Takes in what an errand has found.
    package mutating func receive(_ findings: Errand.Findings) {
        let now = Instant.now
        symbolizer.receive(findings, at: now)
        let rewritten = symbolizer.takeRewritten()
        if !rewritten.isEmpty { frames.retire(rewritten.mapValues { names.intern($0) }) }
        takeAnswers(now)
        for (owner, ranges) in symbolizer.takeChanged() {
            for space in [.anonymous(owner), .unmapped(owner)] as [SpaceID] { frames.renew(ranges, in: space) }
        }
    }

    private mutating func takeAnswers(_ now: Instant) {
        for named in symbolizer.takeAnswers() { take(named.answer, at: named.location, named.question, now) }
    }

    private mutating func take(
        _ answer: Symbolizer.Answer, at location: Location, _ question: UInt64, _ now: Instant
    ) {
        let function = names.intern(answer.symbol)
        for id in frames.takeRenewed(at: location, answering: question) {
            let known = frames.frames[Int(id.index)].function
            frames.rename(id, function, hadName: known.map { names[$0].source != .none } ?? false)
        }
        frames.name(
            location, function, answering: question, isFinal: answer.isFinal,
            isChangeable: answer.symbol.isChangeable, now: now)
        if frames.isNamed { unnamedSince = nil }
    }

    /// Whether every place that was sampled has its name, or will get none.
    package var isNamed: Bool { frames.isNamed }

    /// Whether something is put off that nobody will ring a bell for.
    package var hasPostponed: Bool { symbolizer.hasPostponed }

    /// Does all the slow work at once and waits for it: where nobody else is waited for.
    package mutating func nameAll() {
        while true {
            let errands = ask()
            if errands.isEmpty { return }
            for errand in errands { receive(errand.run(.unlimited)) }
        }
    }

    /// What takes less than this needs no word.
    private static var patience: UInt64 { 150_000_000 }

    var backlog: NamingBacklog? {
        guard let since = unnamedSince, Instant.now.nanoseconds(since: since) > Self.patience,
            let spaces = frames.unnamedSpaces
        else { return nil }
        return NamingBacklog(
            places: frames.unnamedCount, spaces: spaces.count, next: symbolizer.name(of: spaces.one))
    }

    // MARK: Closed reports

    /// Whether the oldest closed report has all its names, or has waited for them long enough.
    ///
    /// - Parameters:
    ///   - patience: nanoseconds that a report waits for names.
    ///   - lastPatience: the same for the last one.
    package func isReportReady(patience: UInt64, lastPatience: UInt64) -> Bool {
        guard let report = closed.first else { return false }
        let waited = Instant.now.nanoseconds(since: report.time)
        if waited >= (report.isLast ? lastPatience : patience) || frames.isNamed { return true }
        return !report.slices.contains { slice in
            slice.cells.contains { frames.frames[Int($0.stack.index)].function == nil }
        }
    }

    /// Whether any report waits.
    package var hasClosedReports: Bool { !closed.isEmpty }

    /// The oldest closed report, with the names that are known by now; the next calls give the ones after it.
    package mutating func takeReport() -> Profile? {
        guard !closed.isEmpty else { return nil }
        let report = closed.removeFirst()
        handedOut = report.slices
        return profile(of: report.slices, closed: report, isLast: report.isLast)
    }

    /// The report that was given away last was not taken by anybody: it goes with the next one.
    package mutating func putBackReport() {
        if closed.isEmpty { slices = handedOut + slices } else { closed[0].slices = handedOut + closed[0].slices }
        handedOut = []
    }

    /// Makes two reports one where too many wait: who writes them does not keep up.
    package mutating func joinReports(beyond limit: Int) {
        while closed.count > limit {
            let first = closed.removeFirst()
            // Joined within the bound of slices.
            swap(&slices, &closed[0].slices)
            slices = first.slices + slices
            boundSlices()
            swap(&slices, &closed[0].slices)
        }
    }
}
