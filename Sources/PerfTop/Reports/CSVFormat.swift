internal import SampleEngine
internal import TopView

/// Comma-separated values with one header line (RFC 4180); each row names its frame.
struct CSVFormat: BatchFormat {
    private func keys(_ grouping: Set<GroupKey>) -> [GroupKey] { GroupKey.allCases.filter(grouping.contains) }

    func preamble(_ options: ReportOptions) -> String {
        let fixed = ["frame", "time", "interval_s", "event", "kind", "self_percent", "total_percent", "self_samples"]
        return (fixed + ["total_samples", "lost"] + names(options.grouping) + ["counts"]).joined(separator: ",") + "\n"
    }

    /// The event has a column of its own already.
    private func names(_ grouping: Set<GroupKey>) -> [String] {
        keys(grouping).filter { $0 != .event }.map { $0 == .function ? "symbol" : $0 == .thread ? "tid" : $0.rawValue }
    }

    func text(_ frame: BatchFrame) -> String {
        var text = ""
        for row in frame.rows {
            var fields = [
                String(frame.number), isoTime(frame.profile.wallClock), Numbers.fixed(frame.profile.seconds, 2),
                frame.event.name, row.kind.rawValue, Numbers.fixed(row.selfPercent, 2),
                Numbers.fixed(row.totalPercent, 2), String(row.selfSamples), String(row.totalSamples),
                String(frame.health.lost),
            ]
            fields += keys(frame.grouping).filter { $0 != .event }.map { frame.text($0, of: row) }
            // Which siblings there are is known only once the counters are open: one column for all of them.
            fields.append(zip(frame.siblings, row.counts).map { "\($0)=\($1)" }.joined(separator: ";"))
            text += fields.map(quoted).joined(separator: ",") + "\n"
        }
        return text
    }

    private func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
