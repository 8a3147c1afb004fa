internal import Synchronization

/// Set by any thread; read by the sampler at each wake-up.
package final class StopFlag: Sendable {
    package init() {}

    private let flag = Atomic<Bool>(false)
    private let end = Atomic<UInt64>(.max)

    package var isSet: Bool { flag.load(ordering: .acquiring) }

    /// Until when names are still waited for, once it is set.
    package var deadline: Instant { Instant(nanoseconds: end.load(ordering: .relaxed)) }

    /// - Parameter patience: nanoseconds from now on.
    package func set(patience: UInt64 = 5_000_000_000) {
        end.store(Instant.now.advanced(byNanoseconds: patience).nanoseconds, ordering: .relaxed)
        flag.store(true, ordering: .releasing)
    }
}

/// Another time between two pictures, asked for while sampling goes on; from any thread to the sampler.
package final class DelayDial: Sendable {
    package init() {}

    private let asked = Atomic<UInt64>(0)

    package func set(_ nanoseconds: UInt64) { asked.store(nanoseconds, ordering: .releasing) }

    /// What was asked for since the last look; nil for nothing.
    package func take() -> UInt64? {
        let nanoseconds = asked.exchange(0, ordering: .acquiring)
        return nanoseconds == 0 ? nil : nanoseconds
    }
}
