import Foundation
import Testing

/// One frame of `--format json`, every field that the documentation promises with its type.
struct Report: Decodable {
    let version: Int
    let frame: Int
    let time: String
    let intervalS: Double
    let target: String
    let event: String
    let frequencyHz: Int?
    let period: Int?
    let notes: [String]
    let samples: Int
    let counted: Int?
    /// By sibling of the event's group.
    let countedBeside: [String: Int?]?
    let health: String
    let lost: Int
    let missingPercent: Double
    let throttled: Int
    let undecodable: Int
    let unread: Int
    let naming: Naming
    let rows: [Row]
    let rings: [Ring]
    let `self`: Cost

    struct Row: Decodable {
        let symbol: String
        let rawSymbol: String?
        let namedBy: String?
        let module: String
        let modulePath: String
        let process: String?
        let pid: Int?
        let kind: String
        let selfPercent: Double
        let totalPercent: Double
        let selfSamples: Int
        let totalSamples: Int
        /// By sibling of the event's group.
        let counts: [String: Int]?

        private enum CodingKeys: CodingKey {
            case symbol, rawSymbol, namedBy, module, modulePath, process, pid, kind, selfPercent, totalPercent
            case selfSamples, totalSamples, counts
        }

        /// The kernel's, also where it hides its names.
        var isKernel: Bool { kind == "kernel" || module == "[kernel]" }

        /// What is not grouped by is left out, and empty here.
        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            func text(_ key: CodingKeys) throws -> String { try fields.decodeIfPresent(String.self, forKey: key) ?? "" }
            symbol = try text(.symbol)
            rawSymbol = try fields.decodeIfPresent(String.self, forKey: .rawSymbol)
            namedBy = try fields.decodeIfPresent(String.self, forKey: .namedBy)
            module = try text(.module)
            modulePath = try text(.modulePath)
            process = try fields.decodeIfPresent(String.self, forKey: .process)
            pid = try fields.decodeIfPresent(Int.self, forKey: .pid)
            kind = try fields.decode(String.self, forKey: .kind)
            selfPercent = try fields.decode(Double.self, forKey: .selfPercent)
            totalPercent = try fields.decode(Double.self, forKey: .totalPercent)
            selfSamples = try fields.decode(Int.self, forKey: .selfSamples)
            totalSamples = try fields.decode(Int.self, forKey: .totalSamples)
            counts = try fields.decodeIfPresent([String: Int].self, forKey: .counts)
        }
    }

    /// Samples with a name, and without.
    struct Naming: Decodable {
        let named: Int
        let functionRange: Int
        let jitWithoutMap: Int
        let unknown: Int
    }

    struct Ring: Decodable {
        let purpose: String
        let mode: String
        let cpu: Int?
        let tid: Int?
        let event: String
        let pages: Int
        let head: UInt64
        let tail: UInt64
        let usedPercent: Double
        let peakPercent: Double
        let bytes: UInt64
        let records: Int
        let wakeups: Int
        let lagMs: Double
        let lost: Int
        let kernelLost: Int?
        let overrunBytes: UInt64
        let throttled: Int
    }

    struct Cost: Decodable {
        let cpuPercent: Double
        let rssKb: Int
    }

    /// Keys that must be there even where their value is null.
    static let keys: Set<String> = [
        "version", "frame", "time", "interval_s", "target", "event", "frequency_hz", "notes", "samples", "counted",
        "lost", "health", "missing_percent", "throttled", "undecodable", "naming", "rows", "rings", "self",
    ]
    static let ringKeys: Set<String> = [
        "cpu", "tid", "event", "pages", "head", "tail", "used_percent", "peak_percent", "bytes", "records", "wakeups",
        "lag_ms", "lost", "kernel_lost", "overrun_bytes", "throttled",
    ]

    /// The frames in what perftop wrote, one per line.
    static func frames(_ text: String) throws -> [Report] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try text.split(separator: "\n").map { try decoder.decode(Report.self, from: Data($0.utf8)) }
    }

    /// Percent of all samples in rows that fulfill `condition`.
    func percent(where condition: (Row) -> Bool) -> Double {
        rows.filter(condition).reduce(0) { $0 + $1.selfPercent }
    }

    func percent(of symbol: String) -> Double { percent { $0.symbol == symbol } }

    /// The share of some rows in what programs themselves did, in percent. What the kernel does in their name, in its
    /// interrupts and between two of them, becomes more where the machine is busy.
    func userPercent(where condition: (Row) -> Bool) -> Double {
        100 * percent { !$0.isKernel && condition($0) } / max(percent { !$0.isKernel }, .leastNonzeroMagnitude)
    }

    func userPercent(of symbols: String...) -> Double { userPercent { symbols.contains($0.symbol) } }

    /// The share of the first symbol in what both have, in percent.
    func share(of first: String, beside second: String) -> Double {
        100 * percent(of: first) / max(percent(of: first) + percent(of: second), .leastNonzeroMagnitude)
    }
}

/// Samples with perftop, in JSON; the run must succeed without a word on stderr.
func sample(_ arguments: [String], within seconds: Double = 90) throws -> [Report] {
    let outcome = try perftop(arguments + ["--batch", "--format", "json"], within: seconds)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let frames = try Report.frames(outcome.output)
    try #require(!frames.isEmpty, "no frame; stderr: \(outcome.errors)")
    return frames
}

/// One frame with at least so many samples: the shares of fewer are what chance makes of them. Where a machine is busy it
/// takes as much longer.
///
/// - Parameter command: perftop as somebody else runs it.
func sampleShares(
    _ target: [String], of enough: Int = 1000, by command: [String] = [Machine.binary]
) throws -> Report {
    var delay = 0.7
    for _ in 0..<5 {
        let options = ["-F", "2999", "-n", "1", "-d", "\(delay)", "--batch", "--format", "json"]
        let outcome = try run("/usr/bin/env", command + target + options)
        let frame = try #require(try Report.frames(outcome.output).first, "\(outcome.errors)")
        try #require(outcome.status == 0, "\(outcome.errors)")
        if frame.samples >= enough { return frame }
        delay = min(20, 1.3 * delay * Double(enough) / Double(max(frame.samples, enough / 20)))
    }
    throw TooFewSamples(target: target, enough: enough)
}

/// As many frames as it takes until every kind of rows that is looked for has so many samples in them together.
func sampleFrames(
    _ target: [String], of enough: Int = 1000, each kinds: ((Report.Row) -> Bool)...,
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> [Report] {
    let watched = try Watched(target + ["-F", "2999", "-d", "0.5"])
    try watched.wait("\(enough) samples of each", within: 120, sourceLocation: sourceLocation) { frames in
        kinds.allSatisfy { frames.rows(where: $0).samples >= enough }
    }
    return try watched.interrupt()
}

extension Sequence<Report> {
    func rows(where condition: (Report.Row) -> Bool) -> [Report.Row] { flatMap { $0.rows.filter(condition) } }
}

extension Sequence<Report.Row> {
    var samples: Int { reduce(0) { $0 + $1.selfSamples } }

    func samples(of symbols: String...) -> Int { filter { symbols.contains($0.symbol) }.samples }
}

struct TooFewSamples: Error {
    let target: [String]
    let enough: Int
}

/// What a test program measured of itself: the last line of its output.
func oracle(_ text: String) throws -> [String: Double] {
    let line = try #require(text.split(separator: "\n").last { $0.hasPrefix("{") }, "no measurement in: \(text)")
    return try JSONDecoder().decode([String: Double].self, from: Data(line.utf8))
}

/// Processor time a process has used so far, in seconds.
func processorSeconds(of pid: Int32) -> Double {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/schedstat", encoding: .utf8)) ?? ""
    return text.split(separator: " ").first.flatMap { Double($0) }.map { $0 / 1e9 } ?? .nan
}
