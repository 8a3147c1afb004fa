internal import SampleEngine

/// A list of choices beside the table.
struct Menu: Sendable {
    /// What is chosen.
    enum Purpose: Sendable { case sort, group, columns }

    let purpose: Purpose
    let titles: [String]
    /// Whether each is in; nil where one alone can be taken.
    var isOn: [Bool]?
    var index: Int
    /// What Esc comes back to.
    var before: Listing?

    var heading: String {
        switch purpose {
        case .sort: "Sort by"
        case .group: "Group by"
        case .columns: "Columns"
        }
    }
}

/// Choosing from a list: each choice is seen in the table at once.
extension TopModel {
    /// The keys a table can be grouped by: its event is chosen with a key of its own.
    static let groupKeys = GroupKey.allCases.filter { $0 != .event }

    mutating func openSortMenu() {
        if view == .rings {
            let columns = RingColumn.sortable
            menu = Menu(
                purpose: .sort, titles: columns.map { $0.spec().title },
                index: columns.firstIndex(of: ringOrdering.column) ?? 0)
        } else {
            menu = Menu(
                purpose: .sort, titles: sortable.map(title), index: sortable.firstIndex(of: ordering.column) ?? 0,
                before: listing)
        }
    }

    mutating func openGroupMenu() {
        guard view != .rings else { return say("rings are not grouped; the tables of 1 and 5 to 8 are") }
        let isOn = Self.groupKeys.map(grouping.contains)
        menu = Menu(purpose: .group, titles: Self.groupKeys.map(\.rawValue), isOn: isOn, index: 0, before: listing)
    }

    mutating func openColumnMenu() {
        guard view != .rings else { return say("rings have columns as far as the screen is wide") }
        let isOn = columns.map(visibleColumns.contains)
        menu = Menu(purpose: .columns, titles: columns.map(title), isOn: isOn, index: 0, before: listing)
    }

    mutating func performInMenu(_ action: Action) {
        guard let open = menu else { return }
        switch action {
        case .toggle: choose(open)
        case .accept:
            if open.purpose == .sort { choose(open) }
            menu = nil
        case .back, .quit:
            menu = nil
            if let before = open.before {
                listing = before
                showsDetail = false
                fold()
            }
        default:
            let count = open.titles.count
            if let place = Self.place(after: action, from: open.index, page: pageRows, count: count) {
                menu?.index = max(min(place, count - 1), 0)
            }
        }
    }

    private mutating func choose(_ open: Menu) {
        switch open.purpose {
        case .sort: sort(byColumn: open.index)
        case .group:
            let chosen = grouping.symmetricDifference([Self.groupKeys[open.index]])
            guard !chosen.isEmpty else { return say("one key has to stay: a row stands for something") }
            menu?.isOn?[open.index].toggle()
            hold = nil
            listing.regroup(by: chosen)
            showsDetail = false
            fold()
        case .columns:
            let hidden = listing.hidden.subtracting(visibleColumns).symmetricDifference([columns[open.index]])
            guard !columns.allSatisfy(hidden.contains) else { return say("one column has to stay") }
            listing.hidden = hidden
            menu?.isOn?[open.index].toggle()
        }
    }
}
