internal import SampleEngine

/// The order of the rows, of samples and of rings alike.
extension TopModel {
    /// The columns that this table can have.
    var columns: [Column] {
        let (grouping, siblings) = (grouping, siblings.count)
        return Column.allCases.filter { $0.exists(in: grouping, siblings: siblings, hasBaseline: baseline != nil) }
    }

    /// Those that are not taken away; one stays, also where rows are grouped by what none was kept for.
    var visibleColumns: [Column] {
        let visible = columns.filter { !listing.hidden.contains($0) }
        return visible.isEmpty ? [.selfPercent] : visible
    }

    /// Those that this table can be sorted by.
    var sortable: [Column] { columns.filter { $0 != .trend } }

    func title(_ column: Column) -> String { column.spec(screenWidth: 0, siblings: siblings).title }

    /// Names of the events that are counted beside the one on the screen.
    var siblings: [String] {
        (profile?.session.events ?? []).filter { $0.leader == event }.map(\.name)
    }

    mutating func moveSort(by step: Int) {
        if view == .rings {
            sort(byColumn: (RingColumn.sortable.firstIndex(of: ringOrdering.column) ?? 0) + step)
        } else {
            sort(byColumn: (sortable.firstIndex(of: ordering.column) ?? 0) + step)
        }
    }

    /// Sorts by the column at a place in the list; choosing the sorted one again turns the order round.
    mutating func sort(byColumn index: Int) {
        let title: String
        if view == .rings {
            let columns = RingColumn.sortable
            let chosen = columns[min(max(index, 0), columns.count - 1)]
            let again = chosen == ringOrdering.column
            ringOrdering = Ordering(chosen, inverted: again && ringOrdering.inverted != (menu != nil))
            title = chosen.spec().title
        } else {
            let columns = sortable
            let chosen = columns[min(max(index, 0), columns.count - 1)]
            let again = chosen == ordering.column
            ordering = Ordering(chosen, inverted: again && ordering.inverted != (menu != nil))
            title = self.title(chosen)
        }
        if !shownColumns.contains(title) { say("sorted by \(title), a column that is not on the screen") }
        arrangeAfresh()
    }

    func isSorted(byColumn index: Int) -> Bool {
        view == .rings
            ? RingColumn.sortable.firstIndex(of: ringOrdering.column) == index
            : sortable.firstIndex(of: ordering.column) == index
    }

    mutating func invert() {
        if view == .rings { ringOrdering.inverted.toggle() } else { ordering.inverted.toggle() }
        arrangeAfresh()
    }
}
