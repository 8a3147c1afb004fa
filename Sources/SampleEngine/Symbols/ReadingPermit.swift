internal import Glibc
internal import Synchronization

/// Whether slow work may go on: until nobody waits for it any more, and no faster than all reading together may go.
///
/// One for each errand. Honest files never notice: the share is for those made to keep us busy.
package final class ReadingPermit: Sendable {
    /// What all readers together have used, and until when they may not go on.
    package final class Share: Sendable {
        /// Nanoseconds of a processor that may be used at once, and for each second.
        private let burst: UInt64
        private static let perSecond: UInt64 = 250_000_000
        private let state: Guarded<(left: UInt64, time: Instant)>
        private let stopped = Atomic<Bool>(false)

        package init(burst: UInt64 = 5_000_000_000) {
            self.burst = burst
            state = Guarded((left: burst, time: .now))
        }

        /// Nobody waits for an answer any more.
        package func stop() { stopped.store(true, ordering: .releasing) }
        package var isStopped: Bool { stopped.load(ordering: .acquiring) }

        /// Takes what was used; returns the nanoseconds to rest for.
        fileprivate func take(_ used: UInt64) -> UInt64 {
            state.withLock { state in
                let now = Instant.now
                if now > state.time {
                    let earned = min(now.nanoseconds(since: state.time), 60_000_000_000) / 4
                    state.left = min(state.left.addingSaturating(earned), burst)
                    state.time = now
                }
                if state.left >= used {
                    state.left -= used
                    return 0
                }
                let missing = used - state.left
                state.left = 0
                // Nothing is earned while it is paid for.
                let price = missing.multipliedReportingOverflow(by: 1_000_000_000 / Self.perSecond)
                state.time = state.time.advanced(byNanoseconds: price.overflow ? 60_000_000_000 : price.partialValue)
                return min(state.time.nanoseconds(since: now), 60_000_000_000)
            }
        }
    }

    /// When a thread has let others have their turn.
    private final class Rests: Sendable {
        private let last = Atomic<UInt64>(ownThreadNanoseconds())

        /// Nanoseconds to rest for, behind a millisecond of work at the earliest.
        func due(at now: UInt64) -> UInt64 {
            let before = last.load(ordering: .relaxed)
            if now < before || now - before < 1_000_000 { return 0 }
            last.store(now, ordering: .relaxed)
            return Scheduling.rest(behind: now - before)
        }
    }

    private let share: Share
    private let rests: Rests
    private let used = Atomic<UInt64>(ownThreadNanoseconds())
    private let progress: ErrandProgress?

    package convenience init(_ share: Share) { self.init(share, Rests(), nil) }

    private init(_ share: Share, _ rests: Rests, _ progress: ErrandProgress?) {
        self.share = share
        self.rests = rests
        self.progress = progress
    }

    /// The same for one errand, whose progress is noted.
    func noting(_ progress: ErrandProgress) -> ReadingPermit { ReadingPermit(share, rests, progress) }

    /// Lets others have their turn where the calling thread, whose permit this is, has worked long enough; false where nobody
    /// waits for the work any more. For what nobody is to pay for.
    @discardableResult
    func giveWay() -> Bool { !share.isStopped && rest(for: rests.due(at: ownThreadNanoseconds())) }

    /// A permit that never says no: for who waits for the answer himself.
    package static var unlimited: ReadingPermit { ReadingPermit(Share(burst: .max)) }

    /// Whether the work is still wanted. Called now and then by whoever reads; rests where the share is used up.
    package func mayGoOn() -> Bool {
        if share.isStopped { return false }
        progress?.move()
        let now = ownThreadNanoseconds()
        let before = used.exchange(now, ordering: .relaxed)
        let owed = share.take(now > before ? now - before : 0)
        return rest(for: max(owed, rests.due(at: now)))
    }

    /// Sleeps for so many nanoseconds in small pieces; false where nobody waits for the work any more.
    private func rest(for nanoseconds: UInt64) -> Bool {
        var left = nanoseconds
        while left > 0 {
            if share.isStopped { return false }
            let nap = min(left, 20_000_000)
            usleep(UInt32(nap / 1000))
            left -= nap
            progress?.move()
        }
        return true
    }

    /// Pays for the reading of one file, and asks whether it may go on.
    func meter(_ limits: ReadingMeter.Limits = ReadingMeter.Limits()) -> ReadingMeter {
        // What the thread did before is nobody's reading.
        used.store(ownThreadNanoseconds(), ordering: .relaxed)
        let meter = ReadingMeter(limits: limits)
        meter.pause = { () throws(ELFError) in if !self.mayGoOn() { throw .stopped } }
        return meter
    }
}
