public import SampleEngine

/// A column of the function table; its raw value is the sort key people write.
public enum Column: String, CaseIterable, Sendable, Hashable {
    case selfPercent = "self"
    /// Against what was shown when the counts were last reset.
    case change
    case samples
    /// The last steps of time as a row of bars.
    case trend
    /// What the first siblings of the table's event counted beside the samples.
    case count1, count2, count3
    case kind, pid, thread, cpu, user, process, module, function

    /// Numbers stand right and sort largest first; text stands left and sorts from A.
    public var isNumber: Bool {
        switch self {
        case .selfPercent, .change, .samples, .count1, .count2, .count3, .pid, .thread, .cpu, .user: true
        case .trend, .kind, .process, .module, .function: false
        }
    }

    /// The columns that a report can be sorted by: those of a screen's own past are not among them.
    public static let sortKeys = allCases.filter { $0 != .trend && $0 != .change }

    /// What the column holds, for the sort menu and `-s help`.
    public var explanation: String {
        switch self {
        case .selfPercent: "share of all samples, by weight"
        case .change: "self% against the last reset"
        case .samples: "number of samples"
        case .trend: "the last steps of time"
        case .count1: "what the 2nd event of a group counted; with whole CPUs: on this CPU, as far as proven"
        case .count2: "what the 3rd event of a group counted; with whole CPUs: on this CPU, as far as proven"
        case .count3: "what the 4th event of a group counted; with whole CPUs: on this CPU, as far as proven"
        case .kind: "kind of code"
        case .pid: "process id"
        case .thread: "thread id"
        case .cpu: "processor number"
        case .user: "user id"
        case .process: "process name"
        case .module: "module name"
        case .function: "function name"
        }
    }

    /// Which sibling's counts it holds, nil for a column of another kind.
    var sibling: Int? {
        switch self {
        case .count1: 0
        case .count2: 1
        case .count3: 2
        default: nil
        }
    }

    /// Whether a table grouped like this has such a column.
    ///
    /// - Parameters:
    ///   - siblings: events that are counted beside the table's own.
    ///   - hasBaseline: there is something to compare with.
    func exists(in grouping: Set<GroupKey>, siblings: Int, hasBaseline: Bool) -> Bool {
        switch self {
        case .selfPercent, .samples, .trend: true
        case .change: hasBaseline
        case .count1, .count2, .count3: sibling.map { $0 < siblings } ?? false
        case .kind, .function: grouping.contains(.function)
        case .module: grouping.contains(.module) || grouping.contains(.function)
        case .pid: grouping.contains(.pid)
        case .thread: grouping.contains(.thread)
        case .cpu: grouping.contains(.cpu)
        case .user: grouping.contains(.user)
        case .process: grouping.contains(.process)
        }
    }

    /// - Parameter siblings: names of the events that are counted beside the table's own.
    func spec(screenWidth: Int, siblings: [String]) -> ColumnSpec {
        switch self {
        case .selfPercent: ColumnSpec("SELF%", width: 6, right: true)
        case .change: ColumnSpec("CHANGE", width: 7, right: true, rank: 2)
        case .samples: ColumnSpec("SAMPLES", width: 8, right: true, rank: 6)
        case .trend: ColumnSpec("TREND", width: screenWidth < 120 ? 8 : 16, right: true, rank: 3)
        case .count1, .count2, .count3: Self.countSpec(sibling.flatMap { $0 < siblings.count ? siblings[$0] : nil })
        case .kind: ColumnSpec("K", width: 1)
        case .pid: ColumnSpec("PID", width: 7, right: true, rank: 2)
        case .thread: ColumnSpec("THREAD", width: 7, right: true, rank: 2)
        case .cpu: ColumnSpec("CPU", width: 4, right: true, rank: 2)
        case .user: ColumnSpec("USER", width: 6, right: true, rank: 4)
        case .process: ColumnSpec("PROCESS", width: screenWidth < 80 ? 10 : screenWidth < 100 ? 12 : 16, rank: 1)
        case .module: ColumnSpec("MODULE", width: screenWidth < 80 ? 12 : screenWidth < 120 ? 16 : 20, rank: 5)
        case .function: ColumnSpec("FUNCTION", width: 20)
        }
    }

    /// The last part of the name says most: `sched:sched_switch` is `SCHED_SWITCH`.
    private static func countSpec(_ name: String?) -> ColumnSpec {
        let parts = (name ?? "count").split(separator: ":")
        let event = parts.last.map { $0.count > 2 ? $0 : parts.dropLast().last ?? $0 } ?? "count"
        let (title, cells) = TextWidth.head(of: event.uppercased(), cells: 16)
        return ColumnSpec(title, width: max(7, cells), right: true, rank: 2)
    }
}

/// The sorted column and the direction.
public struct Ordering<ID: Hashable & Sendable>: Sendable, Equatable {
    /// The column that decides.
    public var column: ID
    /// True when it runs against the column's natural direction.
    public var inverted: Bool

    /// The column's natural direction unless inverted: numbers fall, text rises.
    public init(_ column: ID, inverted: Bool = false) {
        self.column = column
        self.inverted = inverted
    }
}

extension Ordering<Column> {
    /// The rows in this order; equal ones by weight, then functions as they were met first and others by name, so that
    /// ties never change places.
    ///
    /// - Parameter baseline: self percent of rows in what is compared with.
    public func sorted(_ rows: [Row], baseline: [RowKey: Double] = [:]) -> [Row] {
        // Numbers are compared without touching the rows: moving rows about costs far more than comparing them.
        let keys =
            column == .change
            ? rows.map { (($0.selfPercent - (baseline[$0.key] ?? 0)) * 100).rounded() }
            : column.isNumber ? rows.map { number(of: $0) } : []
        let order = rows.indices.sorted { left, right in
            if column.isNumber {
                if keys[left] != keys[right] { return (keys[left] > keys[right]) != inverted }
            } else {
                let order = compareText(rows[left], rows[right])
                if order != 0 { return (order < 0) != inverted }
            }
            let tie = tieBreak(rows[left], rows[right])
            return tie != 0 ? tie < 0 : left < right
        }
        return order.map { rows[$0] }
    }

    /// Whether the sorted column alone says nothing about their order.
    func areEqual(_ left: Row, _ right: Row) -> Bool {
        column.isNumber ? number(of: left) == number(of: right) : compareText(left, right) == 0
    }

    private func number(of row: Row) -> Double {
        switch column {
        // As it is shown: rows with the same number on the screen have no reason to change places.
        case .selfPercent: (row.selfPercent * 100).rounded()
        case .samples: Double(row.selfSamples)
        case .count1, .count2, .count3:
            column.sibling.map { $0 < row.counts.count ? Double(row.counts[$0]) : 0 } ?? 0
        case .pid: Double(row.key.pid ?? -1)
        case .thread: Double(row.key.thread ?? -1)
        case .cpu: Double(row.key.cpu ?? 0)
        case .user: Double(row.key.user ?? 0)
        case .change, .trend, .kind, .process, .module, .function: 0
        }
    }

    private func compareText(_ left: Row, _ right: Row) -> Int {
        switch column {
        case .kind: Self.order(left.kind.rawValue, right.kind.rawValue)
        case .process: Self.order(left.process, right.process)
        case .module: Self.order(left.module, right.module)
        case .function: Self.order(left.shortFunction, right.shortFunction)
        case .selfPercent, .change, .samples, .trend, .count1, .count2, .count3, .pid, .thread, .cpu, .user: 0
        }
    }

    private func tieBreak(_ left: Row, _ right: Row) -> Int {
        var order = Self.order((right.selfPercent * 100).rounded(), (left.selfPercent * 100).rounded())
        // By number, not by name: tens of thousands of functions with a sample or two are most of the rows.
        if order == 0, let left = left.key.function, let right = right.key.function {
            order = Self.order(left.index, right.index)
        }
        if order == 0 { order = Self.order(left.shortFunction, right.shortFunction) }
        if order == 0 { order = Self.order(left.process, right.process) }
        if order == 0 { order = Self.order(left.module, right.module) }
        if order == 0 { order = Self.order(left.key.pid ?? 0, right.key.pid ?? 0) }
        if order == 0 { order = Self.order(left.key.thread ?? 0, right.key.thread ?? 0) }
        return order
    }

    private static func order<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
        left < right ? -1 : left > right ? 1 : 0
    }
}
