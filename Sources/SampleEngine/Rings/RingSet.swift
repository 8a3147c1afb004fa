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
    /// Sample rings that crossed their watermark since they were read last, by number.
    private var ready: [Int] = []
    private var sideBandHeads: RingHeads
    /// Side-band rings that are being read, by number.
    private var reading: [Int] = []
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
        ready.reserveCapacity(samples.count)
        reading.reserveCapacity(sideBand.count)
        sideBandHeads = RingHeads(sideBand)
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
        // Side-band is looked at in every pass anyhow.
        if index < samples.count, !samples[index].isReady {
            samples[index].isReady = true
            ready.append(index)
        }
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
                all[index].origin.add(all[index].figures.purpose == .samples ? cpu.samples : cpu.sideBand)
                all[index].learnIDs()
                watch(index)
            }
        }
    }

    /// Before all rings are read: deals with writers that died, and forgets those that have all gone.
    private func refresh() {
        for index in all.indices {
            all[index].origin.refresh()
            watch(index)
        }
    }

    // MARK: A pass

    /// Loads the heads of the sample rings that crossed their watermark, or of all.
    package func beginSamples(everything: Bool) {
        if everything {
            refresh()
            ready.removeAll(keepingCapacity: true)
            ready.append(contentsOf: samples.indices)
        }
        for number in ready { _ = samples[number].beginPass() }
    }

    /// Hands out, with its number, each sample ring whose pass has begun, and ends it.
    package func readSamples(_ visit: (Int, Ring) -> Void) {
        for number in ready {
            let ring = samples[number]
            ring.isReady = false
            visit(number, ring)
            ring.endPass()
        }
        ready.removeAll(keepingCapacity: true)
    }

    /// Loads the heads of all side-band rings and hands out, with its number, each in which something waits.
    package func beginSideBand(_ visit: (Int, Ring) -> Void) {
        sideBandHeads.eachMoved { number in
            reading.append(number)
            if sideBand[number].beginPass() { visit(number, sideBand[number]) }
        }
    }

    package func endSideBand() {
        for number in reading {
            sideBand[number].endPass()
            sideBandHeads.note(number, sideBand[number].reader)
        }
        reading.removeAll(keepingCapacity: true)
    }

    // MARK: Less of it

    /// No more samples are wanted.
    package func disable() { for ring in samples { ring.origin.disable() } }

    /// Fewer samples are wanted of events that are sampled by a higher frequency.
    package func lower(to frequency: UInt64) {
        for ring in samples {
            ring.origin.lower(to: frequency)
            ring.loweredTo = frequency
        }
    }

    /// Samples an event once in so many from now on. Everywhere it is stopped first and started last, so that there is a time
    /// that all samples of one kind stand before and all of the other behind.
    ///
    /// - Returns: that time.
    package func raise(_ event: Int, to period: UInt64, clock: Clock) -> Instant {
        for ring in samples { ring.origin.pause(event, true) }
        let time = clock.now
        for ring in samples {
            ring.origin.raise(event, to: period)
            ring.origin.pause(event, false)
        }
        return time
    }

    // MARK: Figures

    /// Every ring's figures since the last call; positions are left as they stand.
    package func takeFigures(into figures: inout [RingFigures]) {
        for ring in all { figures.append(ring.takeFigures()) }
    }

    /// What each event has counted on all rings since the last call, by its place in the session; nil where some ring
    /// cannot tell.
    ///
    /// - Parameter groupWasRead: told of each group that counts for a whole CPU.
    package func takeCounts(events: Int, _ groupWasRead: (GroupReading) -> Void) -> [UInt64]? {
        var sums = [UInt64](repeating: 0, count: events)
        for ring in samples {
            guard let counts = ring.origin.takeCounts(groupWasRead) else { return nil }
            for (event, count) in counts where event < sums.count {
                sums[event] = sums[event].addingSaturating(count)
            }
        }
        return sums
    }
}
