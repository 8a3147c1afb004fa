/// One line of a table; never changed once made.
///
/// A class, because tables of tens of thousands of rows are sorted, filtered and kept at every key: what is moved about then is
/// a pointer, not a dozen strings.
public final class Row: Sendable {
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
    /// `mixed` where the row holds several kinds.
    public let kind: CodeKind
    /// Percent of the table's weight; self counts the innermost frame, total every frame once.
    public let selfPercent: Double
    public let totalPercent: Double
    public let selfSamples: UInt64
    public let totalSamples: UInt64
    /// What each sibling of the table's event counted here, in the order of `Table.siblings`.
    public let counts: [UInt64]

    init(
        key: RowKey, function: String, shortFunction: String, rawFunction: String?, nameSource: NameSource,
        module: String, modulePath: String, buildID: String, process: String, pid: Int32?, kind: CodeKind,
        selfPercent: Double, totalPercent: Double, selfSamples: UInt64, totalSamples: UInt64, counts: [UInt64]
    ) {
        self.key = key
        self.function = function
        self.shortFunction = shortFunction
        self.rawFunction = rawFunction
        self.nameSource = nameSource
        self.module = module
        self.modulePath = modulePath
        self.buildID = buildID
        self.process = process
        self.pid = pid
        self.kind = kind
        self.selfPercent = selfPercent
        self.totalPercent = totalPercent
        self.selfSamples = selfSamples
        self.totalSamples = totalSamples
        self.counts = counts
    }

    /// What stands in the first of the columns of numbers where the row has none: `[other tasks]`.
    public func name(insteadOf column: GroupKey, in grouping: Set<GroupKey>) -> String {
        let first = [GroupKey.user, .pid, .thread].first(where: grouping.contains)
        return column == first && !grouping.contains(.process) ? process : ""
    }

    /// The same row in a table in which it has no sample.
    public var emptied: Row {
        Row(
            key: key, function: function, shortFunction: shortFunction, rawFunction: rawFunction,
            nameSource: nameSource, module: module, modulePath: modulePath, buildID: buildID, process: process,
            pid: pid,
            kind: kind, selfPercent: 0, totalPercent: 0, selfSamples: 0, totalSamples: 0, counts: [])
    }
}
