internal import SampleEngine

/// A row that was entered: every table below it holds its samples alone.
struct Level: Sendable {
    let scope: Scope
    /// What the breadcrumb calls the row.
    let title: String
    /// Where it was entered, and how the table of functions looked then.
    let view: View
    let functions: Listing
}

/// From one view to another, and into a row and back.
extension TopModel {
    mutating func show(_ chosen: View) {
        guard chosen.isBuilt else { return say("\(chosen.rawValue) \(chosen.title): this view is not built yet") }
        guard chosen != view else { return }
        view = chosen
        showsDetail = false
        nameOffset = 0
        hold = nil
        fold()
    }

    /// The view so many places further, of those that exist.
    func neighbor(_ step: Int) -> View {
        let built = View.allCases.filter(\.isBuilt)
        let index = built.firstIndex(of: view) ?? 0
        return built[(index + step + built.count) % built.count]
    }

    /// On a group: its functions. On a function, or a ring: all that is known of it.
    mutating func drill() {
        guard view != .rings, !grouping.contains(.function) else { return showsDetail.toggle() }
        guard cursor.index < rows.count else { return }
        let row = rows[cursor.index]
        let level = Level(
            scope: Scope(row.key, of: grouping), title: row.title(in: grouping), view: view,
            functions: listing(of: .functions))
        levels.append(level)
        // What is the same in every row needs no column.
        var inside = Listing((View.functions.grouping ?? []).subtracting(grouping), hidden: hiddenAtFirst)
        inside.grouping.insert(.function)
        listings[.functions] = inside
        view = .functions
        hold = nil
        showsDetail = false
        fold()
    }

    /// Leaves the row that was entered last; says whether there was one.
    mutating func leaveLevel() -> Bool {
        guard let level = levels.popLast() else { return false }
        listings[.functions] = level.functions
        view = level.view
        hold = nil
        fold()
        return true
    }

    /// A row for each thread, or threads together again.
    mutating func splitThreads() {
        guard view != .rings else { return say("rings are not grouped; the tables of 1 and 5 to 8 are") }
        let keys = grouping.symmetricDifference([.thread])
        guard !keys.isEmpty else { return say("rows are threads already") }
        hold = nil
        listing.regroup(by: keys)
        showsDetail = false
        fold()
    }

    /// `in nginx (pid 77) > CPU 3`; empty at the top.
    var breadcrumb: String {
        levels.isEmpty ? "" : "in " + levels.map(\.title).joined(separator: " \(glyphs.into) ")
    }
}
