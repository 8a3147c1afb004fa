/// The cells of one tick with its time span and its losses; never changed once made.
public struct Slice: Sendable {
    public let start: Instant
    public let end: Instant
    public let cells: [Cell]
    public let rings: [RingFigures]
    /// Samples that found a full table and were counted in the `[other]` row of their process.
    public let folded: UInt64
    public let cost: OwnCost

    public init(
        start: Instant, end: Instant, cells: [Cell], rings: [RingFigures], folded: UInt64 = 0, cost: OwnCost = OwnCost()
    ) {
        self.start = start
        self.end = end
        self.cells = cells
        self.rings = rings
        self.folded = folded
        self.cost = cost
    }
}

/// What this program itself used during a slice.
public struct OwnCost: Sendable, Equatable {
    /// Processor time, user and kernel, of all threads.
    public var processorNanoseconds: UInt64 = 0
    /// Resident memory at the end of the slice.
    public var residentKilobytes: UInt64 = 0

    public init() {}
}
