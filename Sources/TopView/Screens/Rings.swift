internal import SampleEngine

/// Identity of a ring over the whole session.
struct RingID: Hashable, Sendable {
    let purpose: RingFigures.Purpose
    let cpu: Int
    let thread: Int32?
    let event: String

    init(_ ring: RingFigures) {
        purpose = ring.purpose
        cpu = ring.cpu
        thread = ring.thread
        event = ring.event
    }
}

/// A column of the ring table.
enum RingColumn: String, CaseIterable, Sendable {
    case cpu, thread, ring, pages, head, tail, used, bar, peak, bytes, records, wakeups, lag
    case lost, overrun, throttled, undecodable

    /// The bar shows the same number as the column beside it.
    static let sortable = allCases.filter { $0 != .bar }

    /// A ring's place sorts upwards, everything that is counted sorts largest first.
    var sortsUpwards: Bool { self == .cpu || self == .thread || self == .ring }

    /// - Parameter overwrites: the rings are overwritten where they are full.
    func spec(overwrites: Bool = false) -> ColumnSpec {
        switch self {
        case .cpu: ColumnSpec("CPU", width: 3, right: true)
        case .thread: ColumnSpec("THREAD", width: 7, right: true, rank: 2)
        case .ring: ColumnSpec("RING", width: 10, rank: 1)
        case .pages: ColumnSpec("PAGES", width: 5, right: true, rank: 5)
        case .head: ColumnSpec("HEAD", width: 10, right: true, rank: 9)
        case .tail: ColumnSpec("TAIL", width: 10, right: true, rank: 10)
        case .used: ColumnSpec("USED%", width: 5, right: true)
        case .bar: ColumnSpec("", width: 6, rank: 11)
        case .peak: ColumnSpec("PEAK%", width: 5, right: true, rank: 3)
        case .bytes: ColumnSpec("BYTES/S", width: 7, right: true, rank: 8)
        case .records: ColumnSpec("RECS/S", width: 6, right: true, rank: 4)
        case .wakeups: ColumnSpec("WAKE/S", width: 6, right: true, rank: 7)
        case .lag: ColumnSpec("LAG", width: 6, right: true, rank: 6)
        case .lost: ColumnSpec("LOST", width: 6, right: true)
        // Where rings are overwritten this is what the view is for.
        case .overrun: ColumnSpec("OVERRUN", width: 7, right: true, rank: overwrites ? 0 : 12)
        case .throttled: ColumnSpec("THROT", width: 5, right: true, rank: 8)
        case .undecodable: ColumnSpec("BAD", width: 4, right: true, rank: 9)
        }
    }

    /// The number a ring is sorted by; text columns sort by text.
    func number(_ ring: RingFigures) -> Double {
        switch self {
        case .cpu: Double(ring.cpu)
        case .thread: Double(ring.thread ?? 0)
        case .pages: Double(ring.pages)
        case .head: Double(ring.head)
        case .tail: Double(ring.tail)
        case .used, .bar: ring.usedPercent
        case .peak: ring.peakPercent
        case .bytes: Double(ring.bytes)
        case .records: Double(ring.records)
        case .wakeups: Double(ring.wakeups)
        case .lag: Double(ring.lagNanoseconds)
        case .lost: Double(ring.missing)
        case .overrun: Double(ring.overrunBytes)
        case .throttled: Double(ring.throttled)
        case .undecodable: Double(ring.undecodable)
        case .ring: 0
        }
    }
}

extension Ordering<RingColumn> {
    var isRising: Bool { column.sortsUpwards != inverted }

    /// The rings in this order; equal ones by CPU, samples before side-band.
    func sorted(_ rings: [RingFigures]) -> [RingFigures] {
        let sorted = rings.enumerated().sorted { left, right in
            let (a, b) = (left.element, right.element)
            if column == .ring, a.title != b.title { return (a.title < b.title) == isRising }
            let (x, y) = (column.number(a), column.number(b))
            if x != y { return (x < y) == isRising }
            if a.cpu != b.cpu { return a.cpu < b.cpu }
            return left.offset < right.offset
        }
        return sorted.map(\.element)
    }
}

extension Scheduling {
    fileprivate var words: String {
        switch self {
        case .realTime(let priority): "real-time priority \(priority)"
        case .ordinary(nil): "scheduled as it was started"
        case .ordinary(let refusal?): "ordinary priority (real time: \(refusal))"
        }
    }
}

extension RingFigures {
    /// The events that write there, or what else the ring is for.
    fileprivate var title: String { purpose == .sideBand ? Purpose.sideBand.rawValue : event }
}

extension TopModel {
    /// The table of rings: how full, how fast, what was lost.
    mutating func ringsBody(_ columns: Int, rows count: Int) -> Body {
        let hasThreads = rings.contains { $0.thread != nil }
        let overwrites = rings.contains(where: \.overwrites)
        let used = RingColumn.allCases.filter { $0 != .thread || hasThreads }
            .map { (id: $0, spec: $0.spec(overwrites: overwrites)) }
        let placed = Layout.place(used, in: columns, flexibleMinimum: 4)
        shownColumns = placed.map(\.spec.title)
        var body = Body(lines: [
            headerLine(
                placed, ringOrdering.column, rising: ringOrdering.isRising, among: RingColumn.sortable, columns)
        ])
        guard !rings.isEmpty else {
            let reason =
                profile == nil ? "starting: no ring has been read yet" : "no rings: this profile was not sampled here"
            body.lines += reasonLines(reason, columns, rows: count)
            return body
        }
        ringCursor.show(rows: count, of: rings.count)
        for index in ringCursor.top..<(ringCursor.top + count) {
            guard index < rings.count else { break }
            if index == ringCursor.index { body.cursor = body.lines.count }
            body.lines.append(ringLine(index, placed, columns))
        }
        if let cost = ownCost, body.lines.count + 2 < count + 1 {
            body.lines += blank(columns, 1) + wrapped(cost, columns, .plain, indent: 2)
        }
        // What the session gave up belongs to the state of the rings; here there is room for all of it.
        let hasRoom = body.lines.count + 2 < count + 1 && !notes.isEmpty
        if hasRoom { body.lines += blank(columns, 1) + [plainLine("  Notes", columns, .heading)] }
        for note in notes where hasRoom { body.lines += wrapped(note, columns, .plain, indent: 2) }
        body.lines = Array((body.lines + blank(columns, count)).prefix(count + 1))
        return body
    }

    /// What perftop itself uses; nil while nothing has been counted.
    private var ownCost: String? {
        guard let profile, profile.nameKilobytes > 0 else { return nil }
        func bytes(_ kilobytes: UInt64) -> String { Numbers.bytes(Double(kilobytes) * 1024) }
        return "perftop: \(bytes(profile.residentKilobytes)) memory, of it names \(bytes(profile.nameKilobytes)); "
            + "files open for names \(profile.nameDescriptors); \(profile.session.scheduling.words)"
    }

    private func ringLine(
        _ index: Int, _ placed: [PlacedColumn<RingColumn>], _ width: Int
    ) -> Line {
        let ring = rings[index]
        let selected = index == ringCursor.index
        let base: Role = selected ? .selected : ring.missing > 0 ? .warning : .plain
        var builder = LineBuilder(width: width)
        builder.target = .ring(RingID(ring))
        builder.add(selected ? glyphs.cursor + " " : "  ", base)
        for column in placed {
            let text = fitter.fit(ringCell(column.id, ring), to: column.width, rightAligned: column.spec.right)
            builder.add(text, base)
            builder.skip(1, base)
        }
        return builder.finish(base)
    }

    private func ringCell(_ column: RingColumn, _ ring: RingFigures) -> String {
        let seconds = max(profile?.seconds ?? 0, 1e-3)
        return switch column {
        case .cpu: ring.cpu < 0 ? "any" : String(ring.cpu)
        case .thread: ring.thread.map { String($0) } ?? ""
        case .ring: ring.title
        case .pages: String(ring.pages)
        case .head: Self.position(ring.head)
        case .tail: Self.position(ring.tail)
        case .used: Numbers.fixed(ring.usedPercent, 1)
        case .bar: bar(ring.usedPercent, cells: 6)
        case .peak: Numbers.fixed(ring.peakPercent, 1)
        case .bytes: Numbers.bytes(Double(ring.bytes) / seconds)
        case .records: Numbers.short(Double(ring.records) / seconds)
        case .wakeups: Numbers.short(Double(ring.wakeups) / seconds)
        case .lag: ring.samples == 0 ? "" : Numbers.delay(nanoseconds: ring.lagNanoseconds)
        case .lost: Numbers.short(Double(ring.missing))
        case .overrun: Numbers.bytes(Double(ring.overrunBytes))
        case .throttled: Numbers.short(Double(ring.throttled))
        case .undecodable: Numbers.short(Double(ring.undecodable))
        }
    }

    private static func position(_ bytes: UInt64) -> String {
        bytes < 10_000_000_000 ? String(bytes) : Numbers.short(Double(bytes))
    }

    private func bar(_ percent: Double, cells: Int) -> String {
        let share = percent.isFinite ? min(max(percent, 0), 100) / 100 : 0
        let full = Int((share * Double(cells)).rounded(.up))
        return String(repeating: glyphs.barFull, count: full) + String(repeating: glyphs.barEmpty, count: cells - full)
    }

    /// The chosen ring in words.
    func ringDetail(_ columns: Int, _ count: Int) -> [Line] {
        guard ringCursor.index < rings.count else { return blank(columns, count) }
        let ring = rings[ringCursor.index]
        let place = "ring \(ringCursor.index + 1) of \(rings.count)"
        let carries = ring.purpose == .sideBand ? "mappings, names and lives of processes" : "samples of \(ring.event)"
        let size = "\(ring.pages) pages, \(Numbers.bytes(Double(ring.size)))"
        let peak = "at most \(Numbers.fixed(ring.peakPercent, 1))% full"
        if count == 1 { return [stripLine("CPU \(ring.cpu): \(carries)", [size, peak], place, columns)] }
        var lines = [stripLine("", [], place, columns)]
        lines += wrapped("CPU \(ring.cpu): \(carries), \(size), \(peak)", columns, .plain, indent: 2)
        for record in ring.badRecords {
            let text = "first bad record, \(record.size) bytes: \(record.reason): \(record.hex)"
            lines += wrapped(text, columns, .warning, indent: 2)
        }
        let way =
            ring.overwrites
            ? "the newest records replace the oldest: \(Numbers.grouped(ring.overrunBytes)) bytes overwritten unread"
            : "what does not fit is refused and counted"
        lines += wrapped(way, columns, .plain, indent: 2)
        if ring.runningNanoseconds < ring.enabledNanoseconds {
            let share = 100 * Double(ring.runningNanoseconds) / Double(ring.enabledNanoseconds)
            lines += wrapped(
                "its event was counted \(Numbers.fixed(share, 1))% of the time", columns, .plain, indent: 2)
        }
        let kernel = ring.kernelLost.map { Numbers.grouped($0) } ?? "not counted by this kernel"
        lines += wrapped("lost by the kernel's own count: \(kernel)", columns, .plain, indent: 2)
        lines += wrapped("lost by LOST records: \(Numbers.grouped(ring.lost))", columns, .plain, indent: 2)
        lines += wrapped("lost by the PMU driver: \(Numbers.grouped(ring.driverLost))", columns, .plain, indent: 2)
        return Array((lines + blank(columns, count)).prefix(count))
    }
}
