internal import CLinuxShims
internal import Glibc

/// All rings of a session, and the one place that waits for them.
///
/// Samples and side-band have rings of their own, so that a flood of samples can never push out a mapping; the
/// kernel's come in pairs, one of each for a CPU. Rings of other origins stand beside them.
///
/// Unchecked: it is made on one thread and from then on used by the sampler thread alone.
package final class RingSet: @unchecked Sendable {
    package let samples: [Ring]
    package let sideBand: [Ring]
    private let all: [Ring]
    /// What each entry of `all` has in the epoll set.
    private var watched: [Int32?]
    private let epoll: Descriptor
    private let wake: Descriptor

    package init(samples: [Ring], sideBand: [Ring]) throws(EngineError) {
        do throws(Errno) {
            epoll = Descriptor(owning: try systemCall { pt_epoll_create() })
            wake = Descriptor(owning: try systemCall { pt_eventfd() })
            let (epollFD, wakeFD) = (epoll.number, wake.number)
            _ = try systemCall { pt_epoll_add(epollFD, wakeFD, Self.wakeTag) }
        } catch {
            throw EngineError(what: "waiting for the rings", why: error.text)
        }
        self.samples = samples
        self.sideBand = sideBand
        all = samples + sideBand
        watched = all.map { _ in nil }
        for index in all.indices { watch(index) }
    }

    private static let wakeTag = UInt64.max

    /// True while some writer of samples is left.
    package var isAlive: Bool { samples.contains { $0.origin.watched != nil } }

    /// True where every writer of samples has gone, seen or not by `wait`.
    package var isExhausted: Bool { samples.allSatisfy(\.origin.isExhausted) }

    // MARK: Waiting

    /// Waits until a ring has crossed its watermark, the wake descriptor was rung, or the time has come.
    package func wait(until deadline: Instant, clock: Clock) {
        let timeout = clock.milliseconds(until: deadline)
        let fd = epoll.number
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            let count = unsafe epoll_wait(fd, events.baseAddress, 64, timeout)
            for index in 0..<max(0, Int(count)) {
                unsafe note(tag: events[index].data.u64, isHangUp: events[index].events & EPOLLHUP.rawValue != 0)
            }
        }
    }

    /// Ends a `wait` from another thread; safe from any thread.
    package var wakeDescriptor: Int32 { wake.number }

    private func note(tag: UInt64, isHangUp: Bool) {
        if tag == Self.wakeTag {
            var value: UInt64 = 0
            let fd = wake.number
            _ = unsafe read(fd, &value, 8)
            return
        }
        let index = Int(tag)
        all[index].isReady = true
        if isHangUp {
            all[index].origin.moveWatch()
            watch(index)
        } else {
            all[index].figures.wakeups &+= 1
            all[index].origin.silence()
        }
    }

    /// Watches what the ring's origin says; a descriptor that cannot be watched is passed over.
    private func watch(_ index: Int) {
        let origin = all[index].origin
        while watched[index] != origin.watched {
            if let old = watched[index] { _ = pt_epoll_remove(epoll.number, old) }
            watched[index] = nil
            guard let fd = origin.watched else { return }
            if pt_epoll_add(epoll.number, fd, UInt64(index)) == 0 {
                watched[index] = fd
                return
            }
            origin.moveWatch()
        }
    }

    /// Takes in counters that already write into the rings of their CPU.
    package func add(_ counters: [CPUCounters]) {
        for cpu in counters {
            for index in all.indices where all[index].figures.cpu == cpu.cpu {
                guard let ring = all[index].origin as? CounterOrigin else { continue }
                ring.add(all[index].figures.purpose == .samples ? cpu.samples : cpu.sideBand)
                watch(index)
            }
        }
    }

    /// Before all rings are read: deals with writers that died, and forgets those that have all gone.
    package func refresh() {
        for index in all.indices {
            all[index].origin.refresh()
            watch(index)
        }
    }

    // MARK: Figures

    /// Every ring's figures since the last call; positions are left as they stand.
    package func takeFigures() -> [RingFigures] { all.map { $0.takeFigures() } }

    /// What each event has counted on all rings since the last call, by its place in the session; nil where some ring
    /// cannot tell.
    package func takeCounts(events: Int) -> [UInt64]? {
        var sums = [UInt64](repeating: 0, count: events)
        for ring in samples {
            guard let counts = ring.origin.takeCounts() else { return nil }
            for (event, count) in counts where event < sums.count {
                sums[event] = sums[event].addingSaturating(count)
            }
        }
        return sums
    }
}
