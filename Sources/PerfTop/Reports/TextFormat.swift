internal import SampleEngine
internal import TopView

/// An aligned table under a header line; nothing is cut.
package struct TextFormat: BatchFormat {
    /// Notes that were printed: each is said once, in the first frame that has it.
    private var told: Set<String> = []

    package init() {}

    package func preamble(_ options: ReportOptions) -> String { "" }

    package mutating func text(_ frame: BatchFrame) -> String {
        var text = header(frame)
        let counts = frame.siblings.map { $0.uppercased() }
        let numeric = 2 + counts.count
        var lines = [["SELF%", "SAMPLES"] + counts + frame.keys.map { $0.rawValue.uppercased() }]
        for row in frame.rows {
            let numbers = [Numbers.fixed(row.selfPercent, 2), String(row.selfSamples)] + row.counts.map(String.init)
            lines.append(numbers + frame.keys.map { frame.text($0, of: row) })
        }
        var widths = Array(repeating: 0, count: lines[0].count)
        for line in lines {
            for (column, cell) in line.enumerated() { widths[column] = max(widths[column], TextWidth.cells(of: cell)) }
        }
        for line in lines {
            var row = ""
            for (column, cell) in line.enumerated() {
                let space = String(repeating: " ", count: widths[column] - TextWidth.cells(of: cell))
                let isLast = column == line.count - 1
                // Numbers stand right; the last column needs no space behind it.
                row += column < numeric ? space + cell : isLast ? cell : cell + space
                if !isLast { row += "  " }
            }
            text += row + "\n"
        }
        if frame.rows.isEmpty { text += frame.samples == 0 ? "(no samples)\n" : "(the filter hides every row)\n" }
        return text + "\n"
    }

    private mutating func header(_ frame: BatchFrame) -> String {
        let profile = frame.profile
        let rate = profile.frequency(of: frame.event).map { "\($0) Hz" } ?? "every \(frame.period ?? 1)"
        var parts = [
            "# perftop frame \(frame.number)", profile.session.target, "\(frame.event.name) @ \(rate)",
            "\(Numbers.fixed(profile.seconds, 2)) s", "\(frame.samples) samples", "lost \(frame.health.lost)",
        ]
        if frame.period != nil, let counted = frame.counted { parts.append("\(counted) counted") }
        for case (let name, let counted?) in zip(frame.siblings, frame.countedBeside) {
            parts.append("\(counted) \(name)")
        }
        // What is missing is said in the same words as on the screen.
        let verdict = RingVerdict(profile)
        if !verdict.isFine { parts.append(verdict.sentence) }
        if let uncertainty = frame.uncertainty { parts.append(uncertainty) }
        if let waited = frame.namesWaitedFor { parts.append(waited) }
        if profile.state == .exited { parts.append("exited") }
        parts.append(
            "self \(Numbers.fixed(profile.ownCPUPercent, 1)) % of a CPU, \(profile.residentKilobytes / 1024) MB")
        let news = profile.notes.filter { told.insert($0).inserted }
        return parts.joined(separator: " · ") + "\n" + news.map { "# note: \($0)\n" }.joined()
    }
}
