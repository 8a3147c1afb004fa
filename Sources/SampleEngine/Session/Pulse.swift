internal import Synchronization

/// Whether pictures come when they should: what the screen goes by when it says how old its picture is.
///
/// Each thread says what it is about to do, so that one that is held up shows by what it does not say.
package final class Pulse: Sendable {
    private let tick = Atomic<UInt64>(.max)
    /// When the oldest slice was handed over that is in no picture yet, and the newest one of all.
    private let owed = Atomic<UInt64>(.max)
    private let newest = Atomic<UInt64>(0)

    package init() {}

    /// The sampler will hand over its next slice by then; `forever` where there is nothing to tell.
    package func expect(by time: Instant) { tick.store(time.nanoseconds, ordering: .relaxed) }

    /// A slice is on its way to the resolver.
    package func handedOver(at time: Instant) {
        newest.store(time.nanoseconds, ordering: .sequentiallyConsistent)
        _ = owed.compareExchange(expected: .max, desired: time.nanoseconds, ordering: .sequentiallyConsistent)
    }

    /// What was handed over until then is on the screen; a slice that has come since is still owed. There is one at the
    /// most: the sampler has two slices.
    package func published(upTo time: Instant) {
        owed.store(.max, ordering: .sequentiallyConsistent)
        let later = newest.load(ordering: .sequentiallyConsistent)
        if later <= time.nanoseconds { return }
        _ = owed.compareExchange(expected: .max, desired: later, ordering: .sequentiallyConsistent)
    }

    /// By when a picture should be there that is not; `forever` while none is to come.
    package var due: Instant {
        Instant(nanoseconds: min(tick.load(ordering: .relaxed), owed.load(ordering: .sequentiallyConsistent)))
    }
}
