/// Finds out whether samples come faster than the machine carries them, and how many it would carry.
///
/// Pure: it is told what was read, and when. A rate is only ever lowered: what was too much once would be again.
package struct RateGovernor: Sendable {
    /// Samples per second and CPU that the kernel is asked for now.
    package private(set) var frequency: UInt64
    private var begun: Instant
    private var kept: UInt64 = 0
    private var lost: UInt64 = 0
    private var throttled: UInt64 = 0
    /// Processor time of the sampler when the interval began.
    private var processorTime: UInt64
    /// One interval may be an accident: we were stopped, or the machine was.
    private var wasTooMuch = false
    private var mayFallAgain = Instant.beginning
    /// Since when nobody takes what was counted.
    private var refusedSince: Instant?
    /// Events that are asked for at the frequency.
    private let events: Int

    package static let interval: UInt64 = 250_000_000
    package static let lowest: UInt64 = 100
    package static let modest: UInt64 = 1000

    package init(frequency: UInt64, events: Int = 1, at now: Instant, processorTime: UInt64 = 0) {
        self.frequency = frequency
        self.events = events
        begun = now
        self.processorTime = processorTime
    }

    /// What one pass over a ring has found.
    package mutating func add(kept: UInt64, lost: UInt64, throttled: UInt64) {
        self.kept = self.kept.addingSaturating(kept)
        self.lost = self.lost.addingSaturating(lost)
        self.throttled = self.throttled.addingSaturating(throttled)
    }

    /// A single pass has taken a whole interval and is not done, or what was counted has long found nobody who takes it:
    /// samples come faster than they are dealt with.
    ///
    /// Not said of a thousand a second: there it is the machine that has no time for us, whatever we ask for. Nor twice in
    /// an interval: what was done shows a moment later.
    package mutating func fallBehind(at now: Instant) -> UInt64? {
        guard frequency > Self.modest, now >= mayFallAgain else { return nil }
        mayFallAgain = now.advanced(byNanoseconds: Self.interval)
        frequency = max(Self.modest, frequency / 4)
        return frequency
    }

    /// What was counted was taken, or not yet: that it is not for a moment is no sign of too many samples where pictures follow
    /// each other closely.
    package mutating func handedOver(_ isTaken: Bool, at now: Instant) -> UInt64? {
        let since = refusedSince ?? now
        refusedSince = isTaken ? nil : since
        return !isTaken && now.nanoseconds(since: since) >= 2 * Self.interval ? fallBehind(at: now) : nil
    }

    /// - Returns: whether an interval is over, and with it `lower` is to be asked.
    package func isDue(at now: Instant) -> Bool { now.nanoseconds(since: begun) >= Self.interval }

    /// The frequency to go on with, nil where it stays.
    ///
    /// Too much is: more than 2 % lost; throttled in more than a tenth of ten-millisecond steps on one ring; or reading
    /// takes more than half of a processor. It is not ours to mend where far more comes than was asked for: that is another
    /// event, which has a period.
    package mutating func lower(at now: Instant, processorTime: UInt64, rings: Int) -> UInt64? {
        let elapsed = max(1, now.nanoseconds(since: begun))
        let used = processorTime > self.processorTime ? processorTime - self.processorTime : 0
        let offered = kept.addingSaturating(lost)
        let throttleLimit = max(1, (Double(elapsed) / 1e8).rounded(.down)) * Double(max(1, rings))
        let isTooMuch = lost > offered / 50 || Double(throttled) > throttleLimit || used > elapsed / 2
        let asked = Double(frequency) * Double(events) * Double(rings) * Double(elapsed) / 1e9
        let isOurs = Double(offered) <= 10 * max(asked, 1)
        let share = offered == 0 ? 1 : Double(kept) / Double(offered)
        (kept, lost, throttled, begun, self.processorTime) = (0, 0, 0, now, processorTime)
        guard isTooMuch, isOurs, frequency > Self.lowest else {
            wasTooMuch = false
            return nil
        }
        guard wasTooMuch else {
            wasTooMuch = true
            return nil
        }
        wasTooMuch = false
        frequency = max(Self.lowest, UInt64(Double(frequency) * min(0.5, 0.8 * share)))
        return frequency
    }
}
