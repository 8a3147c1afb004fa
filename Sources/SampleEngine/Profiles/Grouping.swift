/// What rows are grouped by; any set of these makes a table.
public enum GroupKey: String, CaseIterable, Sendable {
    case function, module, process, pid, thread, cpu, user, event

    /// What the key means, for `--group-by help`.
    public var explanation: String {
        switch self {
        case .function: "function name, demangled"
        case .module: "file, kernel or kernel module that holds the code"
        case .process: "process name (comm of the thread-group leader)"
        case .pid: "process id"
        case .thread: "thread id"
        case .cpu: "processor number"
        case .user: "effective user id"
        case .event: "sampled event"
        }
    }
}

/// Identity of a row: the same key means the same row in every profile of a session.
public struct RowKey: Hashable, Sendable {
    public var function: FunctionID?
    public var module: ModuleID?
    public var process: String?
    public var pid: Int32?
    public var thread: Int32?
    public var cpu: UInt16?
    public var user: UInt32?
    public var event: UInt16?
    public var kind: CodeKind = .unknown

    public init() {}
}

/// One line of a table.
public struct Row: Sendable {
    public let key: RowKey
    /// Empty where rows are not grouped by function.
    public let function: String
    public let rawFunction: String?
    public let module: String
    public let modulePath: String
    public let buildID: String
    public let process: String
    /// The process behind the row, nil where there are several.
    public let pid: Int32?
    /// `unknown` where the row holds several kinds.
    public let kind: CodeKind
    /// Percent of the table's weight; self counts the innermost frame, total every frame once.
    public let selfPercent: Double
    public let totalPercent: Double
    public let selfSamples: UInt64
    public let totalSamples: UInt64
}

/// Rows in falling order of self weight, and what their percentages are of.
public struct Table: Sendable {
    public let rows: [Row]
    /// Samples behind the table, before any display filter.
    public let samples: UInt64
    public let weight: UInt64
}

extension Profile {
    /// Folds the cells of one event into rows; pure, so it can be called again on any key press.
    ///
    /// - Parameter event: index into `session.events`; nil adds up all events.
    public func table(of event: Int? = 0, by grouping: Set<GroupKey>) -> Table {
        var fold = RowFold(profile: self, grouping: grouping)
        for slice in slices {
            for cell in slice.cells where event == nil || Int(cell.event) == event { fold.add(cell) }
        }
        return fold.table()
    }
}

/// One pass over cells: finds each cell's row, adds its weight.
private struct RowFold {
    let profile: Profile
    let grouping: Set<GroupKey>
    private var index: [RowKey: Int] = [:]
    private var sums: [(key: RowKey, pid: Int32?, kind: CodeKind, own: Sum, total: Sum)] = []
    private var all = Sum()

    struct Sum {
        var samples: UInt64 = 0
        var weight: UInt64 = 0

        mutating func add(_ cell: Cell) {
            samples &+= cell.count
            weight = weight.addingSaturating(cell.period)
        }
    }

    init(profile: Profile, grouping: Set<GroupKey>) {
        self.profile = profile
        self.grouping = grouping
    }

    mutating func add(_ cell: Cell) {
        all.add(cell)
        guard Int(cell.stack.index) < profile.stacks.count else { return }
        let leaf = profile.stacks[Int(cell.stack.index)]
        let row = row(for: cell, frame: leaf)
        sums[row].own.add(cell)
        sums[row].total.add(cell)
        guard var caller = leaf.caller else { return }
        // A function that calls itself is in its own total once.
        var counted = [row]
        while Int(caller.index) < profile.stacks.count {
            let frame = profile.stacks[Int(caller.index)]
            let row = self.row(for: cell, frame: frame)
            if !counted.contains(row) {
                counted.append(row)
                sums[row].total.add(cell)
            }
            guard let next = frame.caller else { break }
            caller = next
        }
    }

    private mutating func row(for cell: Cell, frame: Frame) -> Int {
        let function = frame.function.map { profile.names.functions[Int($0.index)] }
        let process = profile.names.processes[cell.generation]
        var key = RowKey()
        if grouping.contains(.function) {
            key.function = frame.function
            key.kind = function?.kind ?? .unknown
        }
        // A function belongs to one module: grouping by function alone still shows it.
        if grouping.contains(.module) || grouping.contains(.function) { key.module = function?.module }
        if grouping.contains(.process) { key.process = process?.name ?? "" }
        if grouping.contains(.pid) { key.pid = process?.pid ?? -1 }
        if grouping.contains(.thread) { key.thread = cell.thread }
        if grouping.contains(.cpu) { key.cpu = cell.cpu }
        if grouping.contains(.user) { key.user = process?.user }
        if grouping.contains(.event) { key.event = cell.event }
        if let known = index[key] {
            if sums[known].pid != process?.pid { sums[known].pid = nil }
            if sums[known].kind != function?.kind ?? .unknown { sums[known].kind = .unknown }
            return known
        }
        index[key] = sums.count
        sums.append((key, process?.pid, function?.kind ?? .unknown, Sum(), Sum()))
        return sums.count - 1
    }

    func table() -> Table {
        let weight = Double(max(all.weight, 1))
        let ordered = sums.sorted { left, right in
            if left.own.weight != right.own.weight { return left.own.weight > right.own.weight }
            return left.total.weight > right.total.weight
        }
        let rows = ordered.map { sum in
            let function = sum.key.function.map { profile.names.functions[Int($0.index)] }
            let module = sum.key.module.map { profile.names.modules[Int($0.index)] }
            return Row(
                key: sum.key,
                function: grouping.contains(.function) ? function?.name ?? "[reading symbols]" : "",
                rawFunction: function?.rawName,
                module: module?.name ?? "", modulePath: module?.path ?? "", buildID: module?.buildID ?? "",
                process: sum.key.process ?? "", pid: sum.pid, kind: sum.kind,
                selfPercent: 100 * Double(sum.own.weight) / weight,
                totalPercent: 100 * Double(sum.total.weight) / weight,
                selfSamples: sum.own.samples, totalSamples: sum.total.samples)
        }
        return Table(rows: rows, samples: all.samples, weight: all.weight)
    }
}
