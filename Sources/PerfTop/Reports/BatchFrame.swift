package import SampleEngine
package import TopView

/// What is shown of a profile in batch, whatever the format.
package struct ReportOptions: Sendable {
    package var grouping: Set<GroupKey>
    package var ordering: Ordering<Column>
    package var filter: Filter
    package var limit: Int?

    package init(
        grouping: Set<GroupKey> = [.process, .module, .function],
        ordering: Ordering<Column> = Ordering(.selfPercent), filter: Filter = .everything, limit: Int? = nil
    ) {
        self.grouping = grouping
        self.ordering = ordering
        self.filter = filter
        self.limit = limit
    }
}

/// One frame of one event: the rows of an interval and what they are of.
package struct BatchFrame {
    let number: Int
    let profile: Profile
    let event: EventInUse
    /// Events per sample at the frame's end; nil where a frequency is set.
    let period: UInt64?
    let grouping: Set<GroupKey>
    /// Samples before the filter.
    let samples: UInt64
    /// So many of equal weight would tell as much; nil where each event is a sample.
    let equalSamples: Double?
    /// How far chance may have moved the shares, in words; nil where that is not far.
    let uncertainty: String?
    let naming: Naming
    /// Sorted, filtered, limited.
    let rows: [Row]
    /// Names of the events that are counted beside this one, in the order of each row's `counts`.
    let siblings: [String]
    /// What each of those has counted in all, in the same order; nil where that is not known.
    let countedBeside: [UInt64?]
    /// What the event has counted, sampled or not; nil where that is not known.
    let counted: UInt64?
    let health: Health

    package init(_ profile: Profile, event index: Int, number: Int, options: ReportOptions) {
        let table = profile.table(of: index, by: options.grouping, matching: options.filter)
        var rows = options.ordering.sorted(table.rows)
        if let limit = options.limit, rows.count > limit { rows.removeSubrange(limit...) }
        self.init(profile, event: index, number: number, rows: rows, of: table, by: options.grouping)
    }

    /// What a screen shows, as the first frame of a report.
    init(_ shown: ShownTable) {
        self.init(
            shown.profile, event: shown.event, number: 1, rows: shown.rows, of: shown.table, by: shown.grouping)
    }

    private init(
        _ profile: Profile, event index: Int, number: Int, rows: [Row], of table: Table, by grouping: Set<GroupKey>
    ) {
        self.number = number
        self.profile = profile
        self.rows = rows
        event = profile.session.events[index]
        period = profile.period(of: index)
        self.grouping = grouping
        samples = table.samples
        equalSamples = table.equalSamples
        uncertainty = table.uncertainty
        naming = table.naming
        siblings = table.siblings.map { profile.session.events[$0].name }
        countedBeside = table.siblings.map { profile.counted($0) }
        counted = profile.counted(index)
        health = profile.health
    }

    /// What a report has to say of names that came late, or not in time; nil where there was nothing to wait for.
    var namesWaitedFor: String? {
        let waited = Double(profile.namesWaitedFor ?? 0) / 1e9
        guard waited >= 0.1 || naming.unread > 0 else { return nil }
        let words = "waited \(Numbers.fixed(waited, 1)) s for names"
        return naming.unread == 0 ? words : words + ", \(naming.unread) samples have none yet"
    }

    /// The columns that identify a row, in reading order.
    var keys: [GroupKey] {
        GroupKey.allCases.filter { grouping.contains($0) }.sorted { Self.rank($0) < Self.rank($1) }
    }

    private static func rank(_ key: GroupKey) -> Int {
        switch key {
        case .event: 0
        case .user: 1
        case .process: 2
        case .pid: 3
        case .thread: 4
        case .cpu: 5
        case .module: 6
        case .function: 7
        }
    }

    /// A row's value in one of those columns.
    func text(_ key: GroupKey, of row: Row) -> String {
        switch key {
        case .function: row.function
        case .module: row.module
        case .process: row.process
        case .pid: row.key.pid.map { "\($0)" } ?? row.name(insteadOf: .pid, in: grouping)
        case .thread: row.key.thread.map { "\($0)" } ?? row.name(insteadOf: .thread, in: grouping)
        case .cpu: row.key.cpu.map { "\($0)" } ?? ""
        case .user: row.key.user.map { "\($0)" } ?? row.name(insteadOf: .user, in: grouping)
        case .event: row.key.event.map { profile.session.events[Int($0)].name } ?? ""
        }
    }
}

/// One way to write frames down, one after the other.
package protocol BatchFormat {
    /// What stands before the first frame.
    func preamble(_ options: ReportOptions) -> String
    mutating func text(_ frame: BatchFrame) throws -> String
}

/// The formats by their names on the command line.
enum FormatName: String, CaseIterable, Sendable {
    case text, json, csv

    var format: any BatchFormat {
        switch self {
        case .text: TextFormat()
        case .json: JSONFormat()
        case .csv: CSVFormat()
        }
    }
}
