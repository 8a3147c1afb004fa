internal import FoundationEssentials
internal import SampleEngine
internal import TopView

/// One JSON object per frame and line; fields are added from version to version, never reused.
package struct JSONFormat: BatchFormat {
    package init() {}

    package func preamble(_ options: ReportOptions) -> String { "" }

    package func text(_ frame: BatchFrame) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(JSONFrame(frame)), as: UTF8.self) + "\n"
    }
}

/// `2026-01-01T12:00:00.000Z`
func isoTime(_ nanoseconds: UInt64) -> String {
    let date = Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000) / 1000)
    return date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
}

/// Three digits behind the point are more than sampling can tell.
private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

/// Optional numbers are written as null where the field always exists.
private struct Nullable<Value: Encodable>: Encodable {
    let value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

private struct JSONFrame: Encodable {
    let version = 1
    let frame: Int
    let time: String
    let intervalS: Double
    let target: String
    let state: String
    let event: String
    let frequencyHz: Nullable<UInt64>
    let period: UInt64?
    let notes: [String]
    let samples: UInt64
    /// So many samples of equal weight would tell as much; null where each event is a sample.
    let equalSamples: Nullable<Double>
    let counted: Nullable<UInt64>
    /// By sibling of the event's group: what it has counted in all. Left out where it has none.
    let countedBeside: [String: Nullable<UInt64>]?
    /// What the rings did not keep, in words; `rings ok` where nothing is missing.
    let health: String
    let lost: UInt64
    let driverLost: UInt64
    let missingPercent: Double
    let runningPercent: Double
    let throttled: UInt64
    let undecodable: UInt64
    let unread: UInt64
    let folded: UInt64
    let userless: UInt64
    /// Seconds that the frame was held back for names, after its time was over.
    let namesWaitedS: Double
    let naming: JSONNaming
    let rows: [JSONRow]
    let rings: [JSONRing]
    let `self`: JSONCost

    init(_ frame: BatchFrame) {
        let profile = frame.profile
        let rings = profile.rings
        self.frame = frame.number
        time = isoTime(profile.wallClock)
        intervalS = rounded(profile.seconds)
        target = profile.session.target
        state = profile.state.rawValue
        event = frame.event.name
        frequencyHz = Nullable(profile.frequency(of: frame.event))
        period = frame.period
        notes = profile.notes
        samples = frame.samples
        equalSamples = Nullable(frame.equalSamples.map(rounded))
        counted = Nullable(frame.counted)
        let beside = zip(frame.siblings, frame.countedBeside.map { Nullable($0) })
        countedBeside = frame.siblings.isEmpty ? nil : Dictionary(beside) { $1 }
        health = RingVerdict(profile).sentence
        lost = frame.health.lost
        driverLost = rings.reduce(0) { $0.addingSaturating($1.driverLost) }
        missingPercent = rounded(frame.health.missingPercent)
        runningPercent = rounded(frame.health.runningPercent)
        throttled = frame.health.throttled
        undecodable = frame.health.undecodable
        unread = frame.health.unread
        folded = frame.health.folded
        userless = frame.health.userless
        namesWaitedS = rounded(Double(profile.namesWaitedFor ?? 0) / 1e9)
        naming = JSONNaming(frame.naming)
        rows = frame.rows.map { JSONRow($0, frame) }
        self.rings = rings.map(JSONRing.init)
        self.`self` = JSONCost(
            cpuPercent: rounded(profile.ownCPUPercent), rssKb: profile.residentKilobytes,
            namesKb: profile.nameKilobytes, nameFiles: profile.nameDescriptors)
    }
}

/// How many of the samples have a name.
private struct JSONNaming: Encodable {
    let named: UInt64
    let functionRange: UInt64
    let jitWithoutMap: UInt64
    let unknown: UInt64
    let unread: UInt64

    init(_ naming: Naming) {
        named = naming.named
        functionRange = naming.ranges
        jitWithoutMap = naming.jit
        unknown = naming.unknown
        unread = naming.unread
    }
}

private struct JSONRow: Encodable {
    /// Left out, like the next ones, where rows are not grouped by it, or the place has none.
    let symbol: String?
    let rawSymbol: String?
    let namedBy: String?
    let module: String?
    let modulePath: String?
    let buildId: String?
    let process: String?
    let pid: Int32?
    let tid: Int32?
    let cpu: UInt16?
    let user: UInt32?
    let kind: String
    let selfPercent: Double
    let totalPercent: Double
    let selfSamples: UInt64
    let totalSamples: UInt64
    /// By sibling of the event's group; left out where it has none. Keys of a dictionary are written as they are.
    let counts: [String: UInt64]?

    init(_ row: Row, _ frame: BatchFrame) {
        func present(_ text: String) -> String? { text.isEmpty ? nil : text }
        symbol = present(row.function)
        rawSymbol = frame.grouping.contains(.function) ? row.rawFunction : nil
        namedBy = frame.grouping.contains(.function) ? row.nameSource.rawValue : nil
        module = present(row.module)
        modulePath = present(row.modulePath)
        buildId = present(row.buildID)
        process = present(row.process)
        pid = row.key.pid ?? (frame.grouping.contains(.process) ? row.pid : nil)
        tid = row.key.thread
        cpu = row.key.cpu
        user = row.key.user
        kind = row.kind.rawValue
        selfPercent = rounded(row.selfPercent)
        totalPercent = rounded(row.totalPercent)
        selfSamples = row.selfSamples
        totalSamples = row.totalSamples
        counts = frame.siblings.isEmpty ? nil : Dictionary(zip(frame.siblings, row.counts)) { $1 }
    }
}

private struct JSONRing: Encodable {
    let purpose: String
    let mode: String
    let cpu: Int
    let tid: Nullable<Int32>
    let event: String
    let pages: Int
    let head: UInt64
    let tail: UInt64
    let usedPercent: Double
    let peakPercent: Double
    let bytes: UInt64
    let records: UInt64
    let samples: UInt64
    let wakeups: UInt64
    let lagMs: Double
    let lost: UInt64
    let kernelLost: Nullable<UInt64>
    let overrunBytes: UInt64
    let throttled: UInt64
    let undecodable: UInt64
    let unread: UInt64
    /// The first of each kind; left out where there was none.
    let badRecords: [JSONBadRecord]?

    init(_ ring: RingFigures) {
        purpose = ring.purpose.rawValue
        mode = ring.overwrites ? "overwrite" : "reliable"
        cpu = ring.cpu
        tid = Nullable(ring.thread)
        event = ring.event
        pages = ring.pages
        head = ring.head
        tail = ring.tail
        usedPercent = rounded(ring.usedPercent)
        peakPercent = rounded(ring.peakPercent)
        bytes = ring.bytes
        records = ring.records
        samples = ring.samples
        wakeups = ring.wakeups
        lagMs = rounded(Double(ring.lagNanoseconds) / 1e6)
        lost = ring.lost
        kernelLost = Nullable(ring.kernelLost)
        overrunBytes = ring.overrunBytes
        throttled = ring.throttled
        undecodable = ring.undecodable
        unread = ring.unread
        badRecords = ring.badRecords.isEmpty ? nil : ring.badRecords.map(JSONBadRecord.init)
    }
}

private struct JSONBadRecord: Encodable {
    let kind: String
    let reason: String
    let size: Int
    let hex: String

    init(_ record: BadRecord) {
        kind = record.kind.rawValue
        reason = record.reason
        size = record.size
        hex = record.hex
    }
}

private struct JSONCost: Encodable {
    let cpuPercent: Double
    let rssKb: UInt64
    /// Memory and descriptors of what names are found in.
    let namesKb: UInt64
    let nameFiles: Int
}
