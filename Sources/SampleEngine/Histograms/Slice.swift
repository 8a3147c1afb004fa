/// The cells of one tick with its time span and its losses; never changed once made.
public struct Slice: Sendable {
    public let start: Instant
    public let end: Instant
    public let cells: [Cell]
    public let rings: [RingFigures]
    /// What each event has counted, by its place in the session: read at the slice's end, not estimated from samples.
    /// Nil where that is not known.
    public let counted: [UInt64]?
    /// Samples that found a full table and were counted in the `[other]` row of their process.
    public let folded: UInt64
    /// Samples left out because nobody could tell whether their process is the wanted user's.
    public let userless: UInt64
    public let cost: OwnCost
    /// Events that are sampled more seldom than at the start, with their period at the slice's end.
    public let raised: [Int: UInt64]

    public init(
        start: Instant, end: Instant, cells: [Cell], rings: [RingFigures], counted: [UInt64]? = nil,
        folded: UInt64 = 0, userless: UInt64 = 0, cost: OwnCost = OwnCost(), raised: [Int: UInt64] = [:]
    ) {
        self.raised = raised
        self.start = start
        self.end = end
        self.cells = cells
        self.rings = rings
        self.counted = counted
        self.folded = folded
        self.userless = userless
        self.cost = cost
    }
}

extension Slice {
    /// The same slice with other cells.
    func with(cells: [Cell]) -> Slice {
        Slice(
            start: start, end: end, cells: cells, rings: rings, counted: counted, folded: folded, userless: userless,
            cost: cost, raised: raised)
    }

    /// This slice and the next one as one: the same counts over both spans.
    package func joined(with later: Slice) -> Slice {
        var table = CellTable(limit: .max)
        for cell in cells { _ = table.add(cell) }
        for cell in later.cells { _ = table.add(cell) }
        var rings = self.rings
        for (index, ring) in later.rings.enumerated() {
            if index < rings.count { rings[index].add(ring) } else { rings.append(ring) }
        }
        var cost = later.cost
        cost.processorNanoseconds &+= self.cost.processorNanoseconds
        var counted = self.counted
        if let more = later.counted, let known = counted, known.count == more.count {
            counted = zip(known, more).map { $0.addingSaturating($1) }
        } else {
            counted = nil
        }
        return Slice(
            start: start, end: later.end, cells: table.cells, rings: rings, counted: counted,
            folded: folded &+ later.folded,
            userless: userless &+ later.userless, cost: cost, raised: later.raised)
    }
}

/// What this program itself used during a slice.
public struct OwnCost: Sendable, Equatable {
    /// Processor time, user and kernel, of all threads.
    public var processorNanoseconds: UInt64 = 0
    /// Resident memory at the end of the slice.
    public var residentKilobytes: UInt64 = 0
    /// Bytes of it that names take, with the tables they are found in.
    public var nameBytes: UInt64 = 0
    /// Descriptors of files that names are read from.
    public var nameDescriptors = 0

    public init() {}
}
