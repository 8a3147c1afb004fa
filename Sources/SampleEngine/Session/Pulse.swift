internal import Synchronization

/// Whether pictures come when they should: what the screen goes by when it says how old its picture is.
///
/// Each thread says what it is about to do, so that one that is held up shows by what it does not say.
package final class Pulse: Sendable {
    private let tick = Atomic<UInt64>(.max)
    private let owed = Atomic<UInt64>(.max)

    package init() {}

    /// The sampler will hand over its next slice by then; `forever` where there is nothing to tell.
    package func expect(by time: Instant) { tick.store(time.nanoseconds, ordering: .relaxed) }

    /// A slice is on its way to the resolver.
    package func handedOver(at time: Instant) {
        _ = owed.compareExchange(expected: .max, desired: time.nanoseconds, ordering: .relaxed)
    }

    /// What was on its way is on the screen.
    package func published() { owed.store(.max, ordering: .relaxed) }

    /// By when a picture should be there that is not; `forever` while none is to come.
    package var due: Instant {
        Instant(nanoseconds: min(tick.load(ordering: .relaxed), owed.load(ordering: .relaxed)))
    }
}
