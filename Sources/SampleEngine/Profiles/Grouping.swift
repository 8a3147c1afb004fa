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
    /// Where rows are grouped by it; of what is no process also where they are grouped by numbers, which it has none of.
    public var process: String?
    public var pid: Int32?
    public var thread: Int32?
    public var cpu: UInt16?
    public var user: UInt32?
    public var event: UInt16?
    public var kind: CodeKind = .unknown

    public init() {}

    /// The numbers as one word: rows are looked up by their keys tens of thousands of times a picture.
    public func hash(into hasher: inout Hasher) {
        let code = UInt64(function?.index ?? .max) << 32 | UInt64(module?.index ?? .max)
        let task = UInt64(UInt32(bitPattern: pid ?? -1)) << 32 | UInt64(UInt32(bitPattern: thread ?? -1))
        let rest = UInt64(user ?? .max) << 32 | UInt64(cpu ?? .max) << 16 | UInt64(event ?? .max)
        hasher.combine(mixed(mixed(code, task), rest))
        hasher.combine(process)
    }
}

/// Rows in falling order of self weight, and what their percentages are of.
public struct Table: Sendable {
    public let rows: [Row]
    /// How many rows there are inside the scopes, those included that the filter hides.
    public let rowsInside: Int
    /// Samples of the event, before any scope or display filter; weight is what percentages are of.
    public let samples: UInt64
    public let weight: UInt64
    /// Samples inside the table's scopes.
    public let samplesInside: UInt64
    /// Percent of the weight that is inside the table's scopes.
    public let percentInside: Double
    /// So many samples of equal weight would tell as much as those of the table, before any scope or filter; nil where
    /// each event is a sample, so that shares are counts.
    public let equalSamples: Double?
    /// How many of the samples have a name.
    public let naming: Naming
    /// Events that are counted beside the table's own, by their places in the session.
    public let siblings: [Int]
}
