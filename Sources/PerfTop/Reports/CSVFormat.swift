internal import SampleEngine
internal import TopView

/// Comma-separated values with one header line (RFC 4180); each row names its frame.
///
/// Columns are only ever added at the end. A frame without rows is one line of zeros and empty names: what it lost is
/// in the report all the same.
package struct CSVFormat: BatchFormat {
    private func keys(_ grouping: Set<GroupKey>) -> [GroupKey] { GroupKey.allCases.filter(grouping.contains) }

    package init() {}

    package func preamble(_ options: ReportOptions) -> String {
        let fixed = ["frame", "time", "interval_s", "event", "kind", "self_percent", "total_percent", "self_samples"]
        let added = ["counts", "health", "counted", "notes"]
        return (fixed + ["total_samples", "lost"] + names(options.grouping) + added).joined(separator: ",") + "\n"
    }

    /// The event has a column of its own already.
    private func names(_ grouping: Set<GroupKey>) -> [String] {
        keys(grouping).filter { $0 != .event }.map { $0 == .function ? "symbol" : $0 == .thread ? "tid" : $0.rawValue }
    }

    package func text(_ frame: BatchFrame) -> String {
        let frameFields = [
            String(frame.number), isoTime(frame.profile.wallClock), Numbers.fixed(frame.profile.seconds, 2),
            text(frame.event.name),
        ]
        let lost = String(frame.health.lost)
        let keys = keys(frame.grouping).filter { $0 != .event }
        let frameEnd = [
            text(RingVerdict(frame.profile).sentence), frame.counted.map(String.init) ?? "",
            text(frame.profile.notes.joined(separator: " | ")),
        ]
        var lines = frame.rows.map { row in
            let numbers = [
                row.kind.rawValue, Numbers.fixed(row.selfPercent, 2), Numbers.fixed(row.totalPercent, 2),
                String(row.selfSamples), String(row.totalSamples), lost,
            ]
            // Which siblings there are is known only once the counters are open: one column for all of them.
            let counts = zip(frame.siblings, row.counts).map { "\($0)=\($1)" }.joined(separator: ";")
            return frameFields + numbers + keys.map { field($0, frame, row) } + [text(counts)] + frameEnd
        }
        if lines.isEmpty {
            let zero = Numbers.fixed(0, 2)
            lines = [frameFields + ["", zero, zero, "0", "0", lost] + keys.map { _ in "" } + [""] + frameEnd]
        }
        return lines.map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
    }

    private func field(_ key: GroupKey, _ frame: BatchFrame, _ row: Row) -> String {
        switch key {
        case .function, .module, .process, .event: text(frame.text(key, of: row))
        case .pid, .thread, .cpu, .user: frame.text(key, of: row)
        }
    }

    /// A name that a spreadsheet would work out as a formula is text for it with a `'` before it. Numbers stay as they are.
    private func text(_ field: String) -> String {
        guard let first = field.utf8.first, "=+-@\t\r".utf8.contains(first) else { return field }
        return "'" + field
    }

    private func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
