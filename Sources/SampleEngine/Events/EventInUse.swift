/// An event as the kernel accepted it.
public struct EventInUse: Hashable, Sendable {
    /// As the user would write it: `cpu-clock:u`.
    public let name: String
    /// Samples per second and CPU, nil where a period is set.
    public let frequency: UInt64?
    /// Events per sample at the start, nil where a frequency is set.
    public let period: UInt64?
    /// Place of the event that samples for this one, which only counts; nil where it samples itself.
    public let leader: Int?
    /// Nobody asked for its period: it rises where the event comes in floods.
    public let mayRise: Bool

    public init(name: String, frequency: UInt64?, period: UInt64?, leader: Int? = nil, mayRise: Bool = false) {
        self.mayRise = mayRise
        self.name = name
        self.frequency = frequency
        self.period = period
        self.leader = leader
    }
}
