internal import Synchronization

/// Set once, by any thread; read by the sampler at each wake-up.
package final class StopFlag: Sendable {
    package init() {}

    private let flag = Atomic<Bool>(false)

    package var isSet: Bool { flag.load(ordering: .acquiring) }
    package func set() { flag.store(true, ordering: .releasing) }
}
