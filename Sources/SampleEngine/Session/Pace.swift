/// When rings are drained and slices handed over.
public struct Pace: Sendable {
    /// Nanoseconds between two pictures.
    public var delay: UInt64
    /// Nanoseconds that a picture looks back; nil: each picture holds what came since the one before.
    public var window: UInt64?
    /// Nanoseconds that a screen can go back; kept as far as there is room, the oldest goes first.
    public var history: UInt64
    /// How many reports are wanted, where each picture is one; the last may wait longer for its names. Nil: no end is known.
    public var reports: Int?
    /// Kilobytes of resident memory of the process from which on it is the past before the window that goes, and that is
    /// said; nil: only what is kept of each kind is bounded.
    public var residentLimit: UInt64?
    /// The real-time priority of the threads that pictures wait for, as `Scheduling.claim` takes it; 0: none.
    public var realTime: Int32?

    public init(
        delay: UInt64, window: UInt64?, history: UInt64 = 0, reports: Int? = nil, residentLimit: UInt64? = nil,
        realTime: Int32? = 0
    ) {
        self.realTime = realTime
        self.reports = reports
        self.residentLimit = residentLimit
        self.delay = max(1_000_000, delay)
        self.window = window
        self.history = history
    }

    package func schedule(from start: Instant) -> Schedule { Schedule(pace: self, start: start) }
}

/// The state of a `Pace`: pure, its clock is what the caller says.
///
/// All rings are drained 50, 100, 200, 400, 800 ms after the start and then every delay.
/// With a window (a live screen): the first slice goes out with the first drain that holds a sample; then one every
/// delay. After a quiet time the first samples go out as they arrive. Once all that a picture shows is of the past and
/// the picture knows it, nothing more is handed over.
/// Without a window (batch): one picture every delay, exactly. A delay longer than a second is handed over in parts:
/// names must be looked for while processes live.
package struct Schedule: Sendable {
    /// What a wake-up has come for.
    package enum Due: Equatable, Sendable {
        /// Nothing by the clock: a ring is ready.
        case nothing
        /// All rings are to be drained.
        case drain
        /// The same, and what was counted is to be named, though no picture is made of it yet.
        case part
        /// The same, and a delay has passed.
        case tick
    }

    private var pace: Pace
    /// What ticks are counted from: the session's start, or when the delay was changed.
    private var start: Instant
    private var tick: Instant
    /// When the next part of a long picture is due; never on a live screen, and where delays are short.
    private var part: Instant
    private var early: [UInt64]
    private var retry: Instant?
    private var hasPicture = false
    /// Slices without a sample since the last that had one.
    private var quietSlices: UInt64 = 0

    private static let firstDrains: [UInt64] = [50, 100, 200, 400, 800].map { $0 * 1_000_000 }

    fileprivate init(pace: Pace, start: Instant) {
        self.pace = pace
        self.start = start
        early = Self.firstDrains.filter { $0 < pace.delay }
        tick = start.advanced(byNanoseconds: pace.delay)
        part =
            pace.window == nil && pace.delay > Self.partDelay
            ? start.advanced(byNanoseconds: Self.partDelay) : .forever
    }

    private static var partDelay: UInt64 { 1_000_000_000 }

    /// Another time between pictures of a screen, from now on.
    package mutating func change(delay: UInt64, at now: Instant) {
        pace.delay = max(1_000_000, delay)
        start = now
        early = []
        tick = now.advanced(byNanoseconds: pace.delay)
    }

    /// When to wake up at the latest.
    package var nextDrain: Instant {
        let drain = min(early.first.map { start.advanced(byNanoseconds: $0) } ?? tick, tick, part)
        return retry.map { min($0, drain) } ?? drain
    }

    /// When the next picture of a screen comes; `forever` while nothing is to be told.
    package var nextPicture: Instant {
        guard let window = pace.window.map({ max($0, pace.history) }), hasPicture,
            quietSlices <= window / pace.delay + 1
        else { return .forever }
        return tick
    }

    /// What is due; the next time is set, and those that were missed are passed over.
    package mutating func due(at now: Instant) -> Due {
        let passed = now.nanoseconds(since: start)
        if now >= tick {
            // From the time alone: however often and late we are called, the pictures keep their pace.
            tick = after(passed, step: pace.delay)
            retry = nil
            early.removeAll { $0 <= passed }
            if part <= now { part = nextPart(passed) }
            return .tick
        }
        if now >= part {
            part = nextPart(passed)
            early.removeAll { $0 <= passed }
            return .part
        }
        let isDrain = (early.first.map { $0 <= passed } ?? false) || (retry.map { $0 <= now } ?? false)
        early.removeAll { $0 <= passed }
        if let again = retry, again <= now { retry = nil }
        return isDrain ? .drain : .nothing
    }

    private func nextPart(_ passed: UInt64) -> Instant { after(passed, step: Self.partDelay) }

    /// The first multiple of a step behind what has passed; a clock of others may say anything.
    private func after(_ passed: UInt64, step: UInt64) -> Instant {
        let next = (passed / step + 1).multipliedReportingOverflow(by: step)
        return next.overflow ? .forever : start.advanced(byNanoseconds: next.partialValue)
    }

    /// Whether the open slice is to be handed over now.
    package mutating func wantsPicture(_ due: Due, samples: UInt64) -> Bool {
        guard let window = pace.window.map({ max($0, pace.history) }) else {
            guard due == .tick || wasRefused && due != .nothing else { return false }
            wasRefused = false
            return true
        }
        if samples > 0 {
            let isFirstAfterQuiet = !hasPicture || quietSlices > 0
            guard due == .tick || isFirstAfterQuiet || wasRefused else { return false }
            // The early drains have done what they are for.
            early = []
            hasPicture = true
            wasRefused = false
            quietSlices = 0
            return true
        }
        // An empty slice only moves the window on: until nothing is left in it.
        guard due == .tick, hasPicture, quietSlices <= window / pace.delay + 1 else { return false }
        quietSlices += 1
        return true
    }

    private var wasRefused = false

    /// The resolver was not done with the slice before: it is asked again soon.
    package mutating func pictureWasRefused(at now: Instant) {
        wasRefused = true
        retry = now.advanced(byNanoseconds: 50_000_000)
    }
}
