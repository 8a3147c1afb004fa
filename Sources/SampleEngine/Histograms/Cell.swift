/// A stack in the table of the same slice or profile; a flat sample is a stack of one frame.
public struct StackID: Hashable, Sendable {
    public let index: UInt32
    public init(_ index: UInt32) { self.index = index }
}

/// The unit of counting: who was sampled where, how often, and with what weight.
public struct Cell: Sendable, Equatable {
    /// Index into the session's events.
    public var event: UInt16
    public var cpu: UInt16
    public var generation: Generation
    /// Thread id as this process sees it; 0 where only the process is known.
    public var thread: Int32
    public var stack: StackID
    /// Samples.
    public var count: UInt64
    /// Sum of the samples' periods, in units of the event: the weight of every percentage.
    public var period: UInt64

    public init(
        event: UInt16, cpu: UInt16, generation: Generation, thread: Int32, stack: StackID, count: UInt64, period: UInt64
    ) {
        self.event = event
        self.cpu = cpu
        self.generation = generation
        self.thread = thread
        self.stack = stack
        self.count = count
        self.period = period
    }
}
