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
    /// What the table shows of it: without parameters.
    public let shortFunction: String
    public let rawFunction: String?
    /// Where the function's name was found.
    public let nameSource: NameSource
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
    /// What each sibling of the table's event counted here, in the order of `Table.siblings`.
    public let counts: [UInt64]

    /// The same row in a table in which it has no sample.
    public var emptied: Row {
        Row(
            key: key, function: function, shortFunction: shortFunction, rawFunction: rawFunction,
            nameSource: nameSource, module: module, modulePath: modulePath, buildID: buildID, process: process,
            pid: pid,
            kind: kind, selfPercent: 0, totalPercent: 0, selfSamples: 0, totalSamples: 0, counts: [])
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
    /// How many of the samples have a name.
    public let naming: Naming
    /// Events that are counted beside the table's own, by their places in the session.
    public let siblings: [Int]
}
