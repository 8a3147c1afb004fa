/// What one ring did during a slice: positions as they stand, everything else of that slice alone.
public struct RingFigures: Sendable, Equatable {
    public enum Purpose: String, Sendable { case samples, sideBand = "side-band" }

    /// What the ring carries; each CPU has one ring of either kind.
    public var purpose: Purpose
    public var cpu: Int
    /// Thread of a per-thread ring, nil for a ring that serves a whole CPU.
    public var thread: Int32?
    /// Names of the events that write here.
    public var event: String
    /// Data pages, without the control page.
    public var pages: Int
    /// The newest data wins where it is full: what was lost is known in bytes, not in records.
    public var overwrites = false
    /// Its events share a limited number of hardware counters: they may have to take turns.
    public var mayTakeTurns = false
    /// The event that owns the ring follows a thread: it is wanted on every CPU and counted where the thread runs.
    public var followsThread = false
    /// Bytes in a data page's worth of ring: `pages` × page size.
    public var size: UInt64
    /// Bytes ever written and read, as in the control page.
    public var head: UInt64 = 0
    public var tail: UInt64 = 0
    /// Most bytes found waiting in the ring at one drain.
    public var peakBytes: UInt64 = 0
    public var bytes: UInt64 = 0
    public var records: UInt64 = 0
    public var samples: UInt64 = 0
    /// Times the kernel woke us for this ring.
    public var wakeups: UInt64 = 0
    /// Age of the newest sample when it was read, in nanoseconds; 0 where none was read.
    public var lagNanoseconds: UInt64 = 0
    /// Records refused, as told by LOST records.
    public var lost: UInt64 = 0
    /// Records refused, by the kernel's own count; nil where the kernel keeps none (before 6.0).
    public var kernelLost: UInt64?
    /// Samples the PMU driver dropped (LOST_SAMPLES records).
    public var driverLost: UInt64 = 0
    public var overrunBytes: UInt64 = 0
    /// THROTTLE records: times the kernel stopped an event for the rest of a tick.
    public var throttled: UInt64 = 0
    /// Records whose bytes made no sense and were passed over.
    public var undecodable: UInt64 = 0
    /// The first record of each kind that made no sense, since the session began.
    public private(set) var badRecords: [BadRecord] = []
    /// Samples that were in the ring when sampling was stopped, and that there was no time to read.
    public var unread: UInt64 = 0
    /// Samples per second that its events were lowered to because the machine carried no more; nil: as asked for.
    public var loweredTo: UInt64?
    /// How long the event that owns the ring was wanted, and how long it was on a counter; less where events take turns.
    public var enabledNanoseconds: UInt64 = 0
    public var runningNanoseconds: UInt64 = 0

    public init(purpose: Purpose, cpu: Int, thread: Int32? = nil, event: String, pages: Int, size: UInt64) {
        self.purpose = purpose
        self.cpu = cpu
        self.thread = thread
        self.event = event
        self.pages = pages
        self.size = size
    }

    /// Share of the ring that waits to be read, 0…100.
    public var usedPercent: Double { size == 0 ? 0 : 100 * Double(head &- tail) / Double(size) }
    /// Most of the ring that was ever found waiting during the slice, 0…100.
    public var peakPercent: Double { size == 0 ? 0 : 100 * Double(peakBytes) / Double(size) }
    /// The best count of refused records: the kernel's own, else what the LOST records said; and the driver's.
    public var missing: UInt64 { (kernelLost ?? lost).addingSaturating(driverLost) }

    /// Keeps a record that made no sense, where it is the first of its kind; it is counted by the caller.
    @inline(never)
    package mutating func keep(_ kind: BadRecord.Kind, _ bytes: RawSpan, size: Int? = nil) {
        if badRecords.contains(where: { $0.kind == kind }) { return }
        badRecords.append(BadRecord(kind, bytes, size: size))
    }

    /// The same ring with nothing counted.
    package var emptied: RingFigures {
        var empty = RingFigures(purpose: purpose, cpu: cpu, thread: thread, event: event, pages: pages, size: size)
        empty.kernelLost = kernelLost == nil ? nil : 0
        empty.overwrites = overwrites
        empty.mayTakeTurns = mayTakeTurns
        empty.followsThread = followsThread
        empty.badRecords = badRecords
        empty.loweredTo = loweredTo
        return empty
    }

    /// Adds a later slice of the same ring.
    public mutating func add(_ later: RingFigures) {
        head = later.head
        tail = later.tail
        peakBytes = max(peakBytes, later.peakBytes)
        bytes = bytes.addingSaturating(later.bytes)
        records = records.addingSaturating(later.records)
        samples = samples.addingSaturating(later.samples)
        wakeups = wakeups.addingSaturating(later.wakeups)
        if later.samples > 0 { lagNanoseconds = later.lagNanoseconds }
        lost = lost.addingSaturating(later.lost)
        if let more = later.kernelLost { kernelLost = (kernelLost ?? 0).addingSaturating(more) }
        driverLost = driverLost.addingSaturating(later.driverLost)
        overrunBytes = overrunBytes.addingSaturating(later.overrunBytes)
        throttled = throttled.addingSaturating(later.throttled)
        undecodable = undecodable.addingSaturating(later.undecodable)
        badRecords = later.badRecords
        unread = unread.addingSaturating(later.unread)
        loweredTo = later.loweredTo ?? loweredTo
        enabledNanoseconds = enabledNanoseconds.addingSaturating(later.enabledNanoseconds)
        runningNanoseconds = runningNanoseconds.addingSaturating(later.runningNanoseconds)
    }
}
