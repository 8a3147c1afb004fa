internal import SampleEngine

/// What a view of rows remembers while others are shown.
struct Listing: Sendable {
    /// What one row stands for.
    var grouping: Set<GroupKey>
    var ordering = Ordering<Column>(.selfPercent)
    var cursor = ListCursor<RowKey>()
    var steadyOrder = SteadyOrder<RowKey>()
    /// Columns the user has taken away.
    var hidden: Set<Column>
    /// Rows that stand on top whatever the order, as they were when they were pinned.
    var pinned: [Row] = []

    init(_ grouping: Set<GroupKey>, hidden: Set<Column>) {
        self.grouping = grouping
        self.hidden = hidden
    }

    /// As the view stands before anybody has changed it.
    init(of view: View, hidden: Set<Column>) {
        self.init(view.grouping ?? [], hidden: hidden)
        // Processors have an order of their own.
        if view == .cpus { ordering = Ordering(.cpu, inverted: true) }
    }

    /// Makes other rows: their order and the chosen one begin anew.
    mutating func regroup(by keys: Set<GroupKey>) {
        guard keys != grouping else { return }
        grouping = keys
        cursor = ListCursor()
        pinned = []
        steadyOrder.forget()
    }
}

extension Row {
    /// What a breadcrumb calls the row: `nginx (pid 77)`, `libc.so.6`, `CPU 3`.
    func title(in grouping: Set<GroupKey>) -> String {
        var parts: [String] = []
        if grouping.contains(.function) { parts.append(shortFunction) }
        if grouping.contains(.module) { parts.append(module) }
        parts.append(process)
        if let pid = key.pid { parts.append("(pid \(pid))") }
        if let thread = key.thread { parts.append("thread \(thread)") }
        if let cpu = key.cpu { parts.append("CPU \(cpu)") }
        if let user = key.user { parts.append("user \(user)") }
        return parts.filter { !$0.isEmpty }.joined(separator: " ")
    }
}
