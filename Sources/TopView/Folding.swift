internal import SampleEngine

/// What rows are made from.
struct RowSource: Equatable, Sendable {
    let event: Int
    let grouping: Set<GroupKey>
    let scopes: [Scope]
    let filter: Filter
    /// Tells one profile, or one step of time, from another.
    let moment: UInt64
}

/// Something that is worked out once and used until it would be made from something else.
struct Remembered<Value: Sendable>: Sendable {
    let source: RowSource
    let value: Value
}

/// From a profile to the rows of the view on the screen.
extension TopModel {
    /// What the view on the screen remembers.
    var listing: Listing {
        get { listing(of: view) }
        set { listings[view] = newValue }
    }

    func listing(of view: View) -> Listing { listings[view] ?? Listing(of: view, hidden: hiddenAtFirst) }

    var grouping: Set<GroupKey> { listing.grouping }
    var ordering: Ordering<Column> {
        get { listing.ordering }
        set { listing.ordering = newValue }
    }
    var cursor: ListCursor<RowKey> {
        get { listing.cursor }
        set { listing.cursor = newValue }
    }

    /// Looks at the span of time that is to be shown now.
    mutating func look() {
        profile = timeline.shown
        fold()
    }

    /// The rows of the view on the screen and what they are of.
    func table(of profile: Profile) -> Table {
        profile.table(
            of: event, by: grouping, inside: levels.map(\.scope), matching: filter,
            halfLife: timeline.reach == .decay ? timeline.halfLife : nil)
    }

    /// Makes the rows of the view on the screen from the profile.
    mutating func fold() {
        guard let profile else { return }
        event = min(event, max(profile.session.events.count - 1, 0))
        let table = table(of: profile)
        samples = table.samples
        uncertainty = table.uncertainty
        percentInside = table.percentInside
        rowsInside = table.rowsInside
        let before = rows
        rows = table.rows
        rememberTrends()
        rememberBaseline()
        arrange(after: before)
    }

    /// Sorts; what differs by chance alone stays where it was, and so does everything while the order is held.
    func arranged(after before: [Row], _ steadyOrder: inout SteadyOrder<RowKey>) -> [Row] {
        let sorted = ordering.sorted(rows, baseline: baselineShares?.value ?? [:])
        if isHeld { return Self.inPlace(sorted, after: before) }
        return steadyOrder.arranged(sorted, by: ordering, samples: samples)
    }

    mutating func arrange(after before: [Row]) {
        var steadyOrder = listing.steadyOrder
        rows = pinnedFirst(arranged(after: before, &steadyOrder))
        listing.steadyOrder = steadyOrder
        cursor.follow(rows.lazy.map(\.key))
        rings = ringOrdering.sorted(profile?.rings ?? [])
        ringCursor.follow(rings.lazy.map(RingID.init))
    }

    /// The next order is exact: the user has asked for another list.
    mutating func forgetOrder() {
        hold = nil
        listing.steadyOrder.forget()
    }

    /// Sorts whatever was shown before.
    mutating func arrangeAfresh() {
        forgetOrder()
        arrange(after: [])
    }

    // MARK: Beside the rows

    private func source(at moment: UInt64) -> RowSource {
        RowSource(event: event, grouping: grouping, scopes: levels.map(\.scope), filter: filter, moment: moment)
    }

    /// Bars of a graph and what each stands for: every few seconds one more, so that most pictures change none.
    static let trendSteps = (count: 24, nanoseconds: UInt64(5_000_000_000))

    /// Most cells whose trends are folded in the same picture as the rows.
    private static var trendCellsAtOnce: Int { 50_000 }

    private mutating func rememberTrends() {
        guard let past = timeline.past else { return }
        let (count, step) = Self.trendSteps
        let source = source(at: (past.slices.last?.end.nanoseconds ?? 0) / step)
        if trends?.source == source { return }
        // A key is answered first: the bars of a large past come with the next profile.
        let isLarge = past.slices.reduce(0) { $0 + $1.cells.count } > Self.trendCellsAtOnce
        if isLarge, trendsMayWait, !isFrozen, let trends {
            let none = Trends(weights: [:], totals: trends.value.totals, samples: trends.value.samples)
            return self.trends = Remembered(source: trends.source, value: none)
        }
        let value = past.trends(
            of: event, by: grouping, inside: levels.map(\.scope), matching: filter, step: step, count: count)
        trends = Remembered(source: source, value: value)
    }

    /// Shares of a row in the steps of the trend column, oldest first; nil in a step of which nothing is known. Empty for a row that
    /// was not among the heaviest.
    func trend(of row: Row) -> [Double?] {
        guard let trends = trends?.value, let weights = trends.weights[row.key] else { return [] }
        return zip(weights, trends.totals).map { $1 == 0 ? nil : 100 * $0 / Double($1) }
    }

    private mutating func rememberBaseline() {
        guard let baseline, view != .rings else { return baselineShares = nil }
        let source = source(at: baseline.sequence)
        if baselineShares?.source == source { return }
        let table = baseline.table(of: event, by: grouping, inside: levels.map(\.scope), matching: filter)
        var shares: [RowKey: Double] = [:]
        for row in table.rows { shares[row.key] = row.selfPercent }
        baselineShares = Remembered(source: source, value: shares)
    }
}
