/// When rings are drained and slices handed over.
public struct Pace: Sendable {
    /// Nanoseconds between two pictures.
    public var delay: UInt64
    /// Nanoseconds that a picture looks back; nil: each picture holds what came since the one before.
    public var window: UInt64?

    public init(delay: UInt64, window: UInt64?) {
        self.delay = max(1_000_000, delay)
        self.window = window
    }

    package func schedule(from start: Instant) -> Schedule { Schedule(pace: self, start: start) }
}

/// The state of a `Pace`: pure, its clock is what the caller says.
///
/// With a window (a live screen): the first slice goes out with the first drain that holds a sample, 50, 100, 200,
/// 400, 800 ms after the start; then one every delay. After a quiet time the first samples go out as they arrive.
/// Once all that a picture shows is of the past and the picture knows it, nothing more is handed over.
/// Without a window (batch): one slice every delay, exactly.
package struct Schedule: Sendable {
    private let pace: Pace
    private let start: Instant
    package private(set) var nextTick: Instant
    private var early: [UInt64]
    private var ticks: UInt64 = 0
    private var hasPicture = false
    /// Slices without a sample since the last that had one.
    private var quietSlices: UInt64 = 0

    private static let firstDrains: [UInt64] = [50, 100, 200, 400, 800].map { $0 * 1_000_000 }

    fileprivate init(pace: Pace, start: Instant) {
        self.pace = pace
        self.start = start
        early = pace.window == nil ? [] : Self.firstDrains.filter { $0 < pace.delay }
        nextTick = start.advanced(byNanoseconds: early.first ?? pace.delay)
    }

    /// True where a tick's time has come; then the next one is set, and those that were missed are passed over.
    package mutating func isDue(_ now: Instant) -> Bool {
        guard now >= nextTick else { return false }
        if !early.isEmpty { early.removeFirst() }
        if let next = early.first {
            nextTick = start.advanced(byNanoseconds: next)
        } else {
            ticks = max(ticks + 1, now.nanoseconds(since: start) / pace.delay + 1)
            let (sinceStart, overflow) = ticks.multipliedReportingOverflow(by: pace.delay)
            nextTick = overflow ? .forever : start.advanced(byNanoseconds: sinceStart)
        }
        return true
    }

    /// Whether the open slice is to be handed over now.
    package mutating func wantsPicture(isTick: Bool, samples: UInt64) -> Bool {
        guard let window = pace.window else { return isTick }
        if samples > 0 {
            let isFirstAfterQuiet = !hasPicture || quietSlices > 0
            guard isTick || isFirstAfterQuiet else { return false }
            if !early.isEmpty {
                // The early drains have done what they are for.
                early = []
                nextTick = start.advanced(byNanoseconds: pace.delay)
            }
            hasPicture = true
            quietSlices = 0
            return true
        }
        // An empty slice only moves the window on: until nothing is left in it.
        guard isTick, hasPicture, quietSlices <= window / pace.delay + 1 else { return false }
        quietSlices += 1
        return true
    }

    /// The resolver was not done with the slice before: on a live screen it is asked again soon.
    package mutating func pictureWasRefused(at now: Instant) {
        guard pace.window != nil else { return }
        nextTick = min(nextTick, now.advanced(byNanoseconds: 50_000_000))
    }
}
