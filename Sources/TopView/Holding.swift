public import SampleEngine

/// While rows are read: the order holds still for a moment after the cursor was moved.
struct Hold: Sendable {
    /// Until the samples are as new as this.
    let until: Instant
    /// The table that is held.
    let view: View
}

/// Keeping rows in their places and in sight.
extension TopModel {
    private static var holdTime: UInt64 { 5_000_000_000 }

    /// The cursor has been moved: what it points at shall not jump away.
    mutating func holdOrder() {
        // On the first row it is the top of the list that is looked at, and that has to be true.
        // A picture that stands still needs no holding, and a step in time shows another order.
        guard cursor.identity != nil, !isFrozen, let newest = timeline.profile?.slices.last?.end else {
            return hold = nil
        }
        hold = Hold(until: newest.advanced(byNanoseconds: Self.holdTime), view: view)
    }

    var isHeld: Bool {
        guard let hold, hold.view == view, let newest = timeline.profile?.slices.last?.end else { return false }
        return newest < hold.until
    }

    /// Rows in the order they had; new ones stand behind them.
    static func inPlace(_ sorted: [Row], after before: [Row]) -> [Row] {
        var places: [RowKey: Int] = [:]
        for (place, row) in before.enumerated() { places[row.key] = place }
        // A key is looked up once a row, not at every comparison.
        let wanted = sorted.indices.map { places[sorted[$0].key] ?? before.count + $0 }
        return sorted.indices.sorted { wanted[$0] < wanted[$1] }.map { sorted[$0] }
    }

    // MARK: Pins

    func isPinned(_ row: Row) -> Bool { listing.pinned.contains { $0.key == row.key } }

    /// Puts the chosen row on top, or takes it from there.
    mutating func pin() {
        guard view != .rings, cursor.index < rows.count else { return say("there is no row to pin") }
        let row = rows[cursor.index]
        if let place = listing.pinned.firstIndex(where: { $0.key == row.key }) {
            listing.pinned.remove(at: place)
        } else {
            listing.pinned.append(row)
        }
        cursor.point(at: row.key)
        fold()
    }

    mutating func unpin() {
        guard !listing.pinned.isEmpty else { return say("nothing is pinned: p pins a row") }
        listing.pinned = []
        fold()
    }

    /// Pinned rows stand on top; one without a sample says so by its zeros, unless the filter may hide it.
    func pinnedFirst(_ rows: [Row]) -> [Row] {
        let pinned = listing.pinned
        guard !pinned.isEmpty else { return rows }
        let keys = Set(pinned.map(\.key))
        let present = Dictionary(rows.lazy.filter { keys.contains($0.key) }.map { ($0.key, $0) }) { first, _ in first }
        let top = pinned.compactMap { present[$0.key] ?? (filter.isEmpty ? $0.emptied : nil) }
        return top + rows.filter { !keys.contains($0.key) }
    }

    /// Functions that something on the screen refers to though no sample may any more: pinned rows, rows that were
    /// entered, what is compared with, and the past while it is looked at.
    public var heldFunctions: Set<FunctionID> {
        var held = baselineFunctions
        for listing in listings.values { held.formUnion(listing.pinned.compactMap(\.key.function)) }
        for level in levels {
            if let function = level.scope.key.function { held.insert(function) }
            held.formUnion(level.functions.pinned.compactMap(\.key.function))
        }
        if isFrozen { held.formUnion(rows.compactMap(\.key.function)) }
        return held
    }

    // MARK: Following

    /// The cursor stays with its row wherever it goes, also to the top and away; again: it does not.
    mutating func follow() {
        guard view != .rings, cursor.index < rows.count else { return say("there is no row to follow") }
        if cursor.isFollowing {
            cursor.move(to: cursor.index, in: rows.lazy.map(\.key))
            say("no longer following")
        } else {
            cursor.stay(with: rows[cursor.index].key)
            say("following \(name(of: rows[cursor.index])) until the cursor is moved")
        }
    }

    /// What a message calls a row.
    func name(of row: Row) -> String { grouping.contains(.function) ? row.function : row.title(in: grouping) }
}
