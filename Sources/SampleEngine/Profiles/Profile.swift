/// What was asked for and what became of it; fixed once the counters are open.
public struct SessionFacts: Sendable {
    /// `all CPUs (2)`, `pid 1234`, …
    public let target: String
    public let events: [EventInUse]
    /// What was given up or chosen for the user, one sentence each.
    public package(set) var notes: [String]
    /// Nanoseconds that a profile looks back; nil where each holds what came since the one before.
    public let window: UInt64?
    /// Nanoseconds that are kept beyond, as far as there is room.
    public let history: UInt64
    /// Samples per second and CPU that the kernel is asked for at the most; nil where it is asked for none.
    public let kernelRate: UInt64?
    /// Of the threads that pictures wait for.
    public package(set) var scheduling = Scheduling.ordinary(refusal: nil)

    public init(
        target: String, events: [EventInUse], notes: [String], window: UInt64? = nil, history: UInt64 = 0,
        kernelRate: UInt64? = nil
    ) {
        self.kernelRate = kernelRate
        self.target = target
        self.events = events
        self.notes = notes
        self.window = window
        self.history = history
    }
}

extension SessionFacts {
    /// The same session, which has been scheduled so; a wish that was refused is noted.
    func scheduled(_ scheduling: Scheduling, wish: Int32?) -> SessionFacts {
        var copy = self
        copy.scheduling = scheduling
        if let wish, case .ordinary(let refusal?) = scheduling {
            copy.notes.append("real-time priority \(wish) was refused: \(refusal)")
        }
        return copy
    }

    /// The same session with other notes.
    func with(notes: [String]) -> SessionFacts {
        var copy = self
        copy.notes = notes
        return copy
    }
}

/// Everything a front end gets: slices of cells, the names they refer to, and how the session stands.
///
/// A value: sharing it between threads needs no lock. Rows are folds over it (`table(of:by:)`).
public struct Profile: Sendable {
    public enum State: String, Sendable { case live, exited }

    /// Rises by one with each profile of the session.
    public let sequence: UInt64
    public let session: SessionFacts
    public let state: State
    /// Oldest first.
    public let slices: [Slice]
    /// Indexed by `StackID`.
    public let stacks: PagedArray<Frame>
    public let names: Names
    /// Wall-clock time of the newest slice's end, nanoseconds since 1970.
    public let wallClock: UInt64
    /// What still waits for a name, where that takes long enough to be told; nil otherwise.
    public let backlog: NamingBacklog?
    /// What ended before that moment was dropped for want of room; nil where all that was asked for is kept.
    public let keptSince: Instant?
    /// Nanoseconds that a report has waited for names since its time was over; nil where it did not have to.
    public let namesWaitedFor: UInt64?
    /// No other one comes.
    public let isLast: Bool

    public init(
        sequence: UInt64, session: SessionFacts, state: State, slices: [Slice], stacks: PagedArray<Frame>,
        names: Names, wallClock: UInt64, backlog: NamingBacklog? = nil,
        keptSince: Instant? = nil, namesWaitedFor: UInt64? = nil, isLast: Bool = false
    ) {
        self.sequence = sequence
        self.session = session
        self.state = state
        self.slices = slices
        self.stacks = stacks
        self.names = names
        self.wallClock = wallClock
        self.backlog = backlog
        self.keptSince = keptSince
        self.namesWaitedFor = namesWaitedFor
        self.isLast = isLast
    }
}
