public import SampleEngine

/// What the user wants to have written to a file.
public struct Export: Sendable, Equatable {
    /// How the rows are written down.
    public enum Format: Sendable { case text, csv, json }

    /// As it was typed; the format follows from its ending.
    public let path: String
    /// A file of that name may be replaced: the user was asked.
    public let overwrites: Bool

    /// `.csv` and `.json` say what they are; everything else is text.
    public var format: Format {
        let name = path.lowercased()
        return name.hasSuffix(".json") ? .json : name.hasSuffix(".csv") ? .csv : .text
    }

    init(path: String, overwrites: Bool = false) {
        self.path = path
        self.overwrites = overwrites
    }
}

/// The table on the screen, for somebody who writes it down: all of its rows, not just those there is room for.
public struct ShownTable: Sendable {
    /// The span of time that is shown.
    public let profile: Profile
    /// Index into the session's events.
    public let event: Int
    public let grouping: Set<GroupKey>
    /// In the order of the screen; pinned rows stand first.
    public let rows: [Row]
    /// What the rows are of.
    public let table: Table
}

/// What came of an export.
public enum ExportResult: Sendable, Equatable {
    case written(rows: Int)
    /// A file of that name is there, and nobody was asked.
    case exists
    /// The reason, as a sentence's end.
    case failed(String)
}

/// Writing down what is shown: the model asks where to, whoever has files does it.
extension TopModel {
    /// What is on the screen, nil before the first profile.
    public var shownTable: ShownTable? {
        guard let profile, event < profile.session.events.count else { return nil }
        // Whoever reads the file has not seen what was typed before.
        var notes = profile.session.notes
        if !levels.isEmpty { notes.append("only samples \(breadcrumb)") }
        if !filter.isEmpty { notes.append("filter: \(filter.text)") }
        let end = Numbers.clock(nanoseconds: profile.wallClock, utcOffset: utcOffset)
        notes.append(
            isFrozen ? "written from a screen that stood still, at \(end)" : "written from the screen at \(end)")
        if timeline.reach == .decay {
            notes.append("a sample counts half after \(Numbers.seconds(Double(timeline.halfLife) / 1e9))")
        }
        return ShownTable(
            profile: profile.with(notes: notes), event: event, grouping: grouping, rows: rows, table: table(of: profile)
        )
    }

    mutating func beginExport() {
        guard view != .rings else { return say("rings are in every .json export: press 1, then w") }
        guard profile?.session.events.isEmpty == false else { return say("there is nothing to write yet") }
        prompt = Prompt(.export, text: exportName, history: [])
    }

    mutating func performInExportPrompt(_ action: Action) -> Effect {
        switch action {
        case .accept:
            let path = prompt?.text ?? ""
            prompt = nil
            guard !path.isEmpty else {
                say("nothing was written: no name")
                return .redraw
            }
            return .export(Export(path: path))
        case .back: prompt = nil
        default: prompt?.edit(action)
        }
        return .redraw
    }

    mutating func answer(_ action: Action) -> Effect {
        guard let asked = question else { return .redraw }
        switch action {
        case .yes:
            question = nil
            return .export(Export(path: asked.path, overwrites: true))
        case .no, .back:
            question = nil
            say("nothing was written")
        default: break
        }
        return .redraw
    }

    /// Takes what came of an export.
    public mutating func exported(_ export: Export, _ result: ExportResult) {
        let name = displayText(export.path)
        switch result {
        case .written(let rows):
            exportName = export.path
            say("\(Numbers.grouped(rows)) \(rows == 1 ? "row" : "rows") written to \(name)")
        case .exists: question = export
        case .failed(let reason): say("\(name) was not written: \(reason)")
        }
    }
}
