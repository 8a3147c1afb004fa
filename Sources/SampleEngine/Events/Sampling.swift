/// How often to sample.
public enum SampleRate: Hashable, Sendable {
    /// Samples per second and CPU.
    case frequency(UInt64)
    /// As often as the kernel permits (`kernel.perf_event_max_sample_rate`).
    case maxFrequency
    /// One sample every so many events.
    case period(UInt64)

    /// 999 Hz: close to 1,000, and not in step with anything that ticks at 1,000.
    public static let standard = SampleRate.frequency(999)
}

/// What to sample and how; the same for every counter of a session.
public struct Sampling: Sendable {
    public var target: Target
    /// Nil: the first of `EventSpec.defaults` that the machine can count.
    public var events: [EventGroup]?
    /// Nil: `SampleRate.standard`, and every single hit of a tracepoint, as perf does.
    public var rate: SampleRate?
    /// Data pages of each CPU's ring, a power of two; nil: chosen from the rate and the limits.
    public var ringPages: Int?
    /// The newest samples replace the oldest where a ring is full, in the stead of being refused.
    public var overwrites = false
    /// Whether children forked after the start are sampled too.
    public var inherit = true

    public init(target: Target) { self.target = target }
}
