/// How wide a column is and how early it gives way.
struct ColumnSpec: Sendable {
    let title: String
    let width: Int
    let right: Bool
    /// Columns with the highest rank leave first; rank 0 stays whatever the width.
    let rank: Int

    init(_ title: String, width: Int, right: Bool = false, rank: Int = 0) {
        self.title = title
        self.width = width
        self.right = right
        self.rank = rank
    }
}

/// A column with its place on the screen.
struct PlacedColumn<ID: Sendable>: Sendable {
    let id: ID
    let spec: ColumnSpec
    let width: Int
}

/// Which lines of the screen hold what.
///
/// With less height, what gives way first is the history, then the detail strip, then notes, tabs, ring health, bottom bar and status;
/// the table keeps its header and three rows.
struct Layout: Sendable {
    /// Below this the screen is one line that says so.
    static let smallest = (columns: 20, lines: 4)
    /// Cells at the left edge for the cursor sign.
    static let margin = 2

    private(set) var status = 0
    private(set) var health = 0
    private(set) var history = 0
    private(set) var notes = 0
    private(set) var tabs = 0
    private(set) var detail = 0
    private(set) var bar = 0
    /// Table rows, without the header.
    let rows: Int

    /// - Parameter detail: lines the detail strip would like to have.
    init(lines: Int, hasNotes: Bool, hasHistory: Bool = true, detail wanted: Int) {
        var spare = lines - 4
        func take(_ count: Int, keeping: Int = 0) -> Int {
            guard spare - keeping > 0 else { return 0 }
            let taken = min(count, spare - keeping)
            spare -= taken
            return taken
        }
        status = take(1)
        bar = take(1)
        health = take(1)
        tabs = take(1, keeping: 1)
        if hasHistory { history = take(1, keeping: 20) }
        if hasNotes { notes = take(1, keeping: 3) }
        detail = take(wanted, keeping: 4)
        rows = 3 + spare
    }

    /// The columns that fit into a width, the last one taking what is left over.
    ///
    /// - Parameter flexibleMinimum: cells the last column must have before others may stay.
    static func place<ID: Sendable>(
        _ columns: [(id: ID, spec: ColumnSpec)], in width: Int, flexibleMinimum: Int
    ) -> [PlacedColumn<ID>] {
        var kept = columns
        func needed() -> Int {
            guard let last = kept.last else { return 0 }
            let fixed = kept.dropLast().reduce(0) { $0 + $1.spec.width + 1 }
            return margin + fixed + (last.spec.right ? last.spec.width + 1 : flexibleMinimum)
        }
        while needed() > width, let worst = kept.map(\.spec.rank).max(), worst > 0,
            let index = kept.lastIndex(where: { $0.spec.rank == worst })
        {
            kept.remove(at: index)
        }
        var left = width - margin
        return kept.enumerated().map { index, column in
            let isLast = index == kept.count - 1
            let wide = max(min(isLast && !column.spec.right ? left : column.spec.width, left), 0)
            left -= wide + 1
            return PlacedColumn(id: column.id, spec: column.spec, width: wide)
        }
    }
}
