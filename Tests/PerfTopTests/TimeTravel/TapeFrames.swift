import Foundation
import SampleEngine
import TopView
import perftop

/// What a report said of a second, read back from its JSON.
struct TapeFrame: Decodable, Equatable {
    let frame: Int
    let event: String
    let intervalS: Double
    let samples: UInt64
    let lost: UInt64
    let undecodable: UInt64
    let rows: [Row]

    /// Grouped by everything: any other grouping can be added up from these.
    struct Row: Decodable, Equatable {
        let symbol: String
        let module: String
        let process: String
        let pid: Int32?
        let tid: Int32?
        let cpu: UInt16?
        let user: UInt32?
        let selfSamples: UInt64
        let totalSamples: UInt64
    }

    static let grouping = Set(GroupKey.allCases).subtracting([.event])

    static func frames(_ text: String) throws -> [TapeFrame] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try text.split(separator: "\n").map { try decoder.decode(TapeFrame.self, from: Data($0.utf8)) }
    }

    /// As a batch run writes a profile: a line for each event.
    static func json(_ profile: Profile, number: Int) throws -> String {
        let options = ReportOptions(grouping: grouping)
        return try profile.session.events.indices.map { event in
            try JSONFormat().text(BatchFrame(profile, event: event, number: number, options: options))
        }.joined()
    }
}

/// What makes a row; what it is not grouped by is left empty.
struct Place: Hashable {
    var symbol = ""
    var module = ""
    var process = ""
    var pid: Int32?
    var thread: Int32?
    var cpu: UInt16?
    var user: UInt32?

    init(_ row: TapeFrame.Row, by keys: Set<GroupKey>) {
        if keys.contains(.function) { symbol = row.symbol }
        // A function belongs to one module and tells it.
        if keys.contains(.module) || keys.contains(.function) { module = row.module }
        if keys.contains(.process) { process = row.process }
        if keys.contains(.pid) { pid = row.pid }
        if keys.contains(.thread) { thread = row.tid }
        if keys.contains(.cpu) { cpu = row.cpu }
        if keys.contains(.user) { user = row.user }
    }

    init(_ row: Row) {
        (symbol, module, process) = (row.function, row.module, row.process)
        (pid, thread, cpu, user) = (row.key.pid, row.key.thread, row.key.cpu, row.key.user)
    }
}

/// The whole report, added up as somebody would who has nothing but the JSON.
struct TapeReport {
    private var frames: [TapeFrame] = []

    mutating func add(_ json: String) throws { frames += try TapeFrame.frames(json) }

    /// Seconds with a frame, the last number.
    var seconds: Int { frames.last?.frame ?? 0 }

    private func frames(of event: Int, in span: ClosedRange<Int>) -> some Sequence<TapeFrame> {
        frames.lazy.filter { $0.event == Tape.events[event] && span.contains($0.frame) }
    }

    func samples(of event: Int, in span: ClosedRange<Int>) -> UInt64 {
        frames(of: event, in: span).reduce(0) { $0 + $1.samples }
    }

    func table(
        of event: Int, in span: ClosedRange<Int>, by keys: Set<GroupKey>, where holds: (TapeFrame.Row) -> Bool
    ) -> [Place: UInt64] {
        var table: [Place: UInt64] = [:]
        for frame in frames(of: event, in: span) {
            for row in frame.rows where holds(row) { table[Place(row, by: keys), default: 0] += row.selfSamples }
        }
        return table
    }
}
