internal import CLinuxShims
internal import Glibc

/// All rings of a session, two for each CPU, and the one place that waits for them.
///
/// Unchecked: it is made on one thread and from then on used by the sampler thread alone.
///
/// Samples and side-band have rings of their own, so that a flood of samples can never push out a mapping. The
/// counters of one purpose on one CPU share one ring (`PERF_EVENT_IOC_SET_OUTPUT`). Used by the sampler thread.
package final class RingSet: @unchecked Sendable {
    /// One ring with the counters that write into it.
    package final class Ring {
        package var reader: RingReader
        package var figures: RingFigures
        fileprivate let counters: [Counter]
        /// Where in `counters` the one is that epoll watches; nil once all are dead.
        fileprivate var watched: Int?
        /// True once the ring crossed its watermark, until the reader takes it up.
        package var isReady = false
        private var passStart: UInt64 = 0
        private var waitedBefore: UInt64 = 0
        fileprivate var mayHaveLost = false
        fileprivate var lostBefore: UInt64 = 0
        fileprivate var undecodableBefore: UInt64 = 0

        fileprivate init(_ reader: consuming RingReader, counters: [Counter], figures: RingFigures) {
            self.reader = reader
            self.counters = counters
            self.figures = figures
        }

        /// Starts a pass; the ring's figures know of it. Returns false where nothing waits.
        package func beginPass() -> Bool {
            passStart = reader.position
            let waiting = reader.beginPass()
            figures.peakBytes = max(figures.peakBytes, waiting)
            // A record is refused only where it does not fit, and none is longer than 64 KiB. Until the pass before
            // this one ended, the ring still held what that pass was reading.
            if waiting &+ waitedBefore &+ 65_536 > reader.size { mayHaveLost = true }
            waitedBefore = waiting
            return waiting > 0
        }

        package func endPass() {
            reader.endPass()
            figures.bytes &+= reader.position &- passStart
        }
    }

    package let samples: [Ring]
    package let sideBand: [Ring]
    package let notes: [String]
    private let epoll: Descriptor
    private let wake: Descriptor

    /// Maps a ring for every CPU and purpose.
    ///
    /// Where the kernel refuses the memory, rings are halved until they fit, and a note says so.
    package init(_ counters: OpenCounters) throws(EngineError) {
        do throws(Errno) {
            epoll = Descriptor(owning: try systemCall { pt_epoll_create() })
            wake = Descriptor(owning: try systemCall { pt_eventfd() })
            let (epollFD, wakeFD) = (epoll.number, wake.number)
            _ = try systemCall { pt_epoll_add(epollFD, wakeFD, Self.wakeTag) }
        } catch {
            throw EngineError(what: "waiting for the rings", why: error.text)
        }
        let names = counters.events.map(\.name).joined(separator: ",")
        var mapper = RingMapper(samplePages: counters.samplePages, sideBandPages: counters.sideBandPages)
        var samples: [Ring] = []
        var sideBand: [Ring] = []
        for cpu in counters.cpus where !cpu.samples.isEmpty {
            sideBand.append(try mapper.map(cpu.sideBand, .sideBand, cpu: cpu.cpu, event: "side-band"))
            samples.append(try mapper.map(cpu.samples, .samples, cpu: cpu.cpu, event: names))
        }
        self.samples = samples
        self.sideBand = sideBand
        notes = mapper.notes
        for (number, ring) in all.enumerated() { watch(ring, tag: UInt64(number)) }
    }

    private static let wakeTag = UInt64.max
    private var all: [Ring] { samples + sideBand }

    /// True while some counter can still write.
    package var isAlive: Bool { samples.contains { $0.watched != nil } }

    /// True where every counter that samples has died, seen or not by `wait`.
    package var isExhausted: Bool { samples.allSatisfy { $0.counters.allSatisfy(\.isDead) } }

    // MARK: Waiting

    /// Waits until a ring has crossed its watermark, `wakeUp` was called, or the time has come.
    ///
    /// - Parameter deadline: nil waits without limit.
    package func wait(until deadline: Instant?) {
        var timeout: Int32 = -1
        if let deadline {
            // Rounded up: waking a moment early would only mean waiting once more.
            timeout = Int32(clamping: (deadline.nanoseconds(since: .now) + 999_999) / 1_000_000)
        }
        let fd = epoll.number
        let count = unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            let count = unsafe epoll_wait(fd, events.baseAddress, 64, timeout)
            for index in 0..<max(0, Int(count)) {
                unsafe note(tag: events[index].data.u64, isHangUp: events[index].events & EPOLLHUP.rawValue != 0)
            }
            return count
        }
        _ = count
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
        let ring = index < samples.count ? samples[index] : sideBand[index - samples.count]
        ring.isReady = true
        if isHangUp {
            // A dead counter reports HUP for ever: watch one that lives.
            if let watched = ring.watched { _ = pt_epoll_remove(epoll.number, ring.counters[watched].fd) }
            watch(ring, tag: tag)
        } else {
            ring.figures.wakeups &+= 1
        }
    }

    private func watch(_ ring: Ring, tag: UInt64) {
        var next = ring.watched.map { $0 + 1 } ?? 0
        while next < ring.counters.count {
            if !ring.counters[next].isDead, pt_epoll_add(epoll.number, ring.counters[next].fd, tag) == 0 {
                ring.watched = next
                return
            }
            next += 1
        }
        ring.watched = nil
    }

    // MARK: Figures

    /// Every ring's figures since the last call; positions are left as they stand.
    package func takeFigures() -> [RingFigures] {
        all.map { ring in
            if ring.mayHaveLost { countLost(ring) }
            ring.figures.undecodable &+= ring.reader.undecodable &- ring.undecodableBefore
            ring.undecodableBefore = ring.reader.undecodable
            ring.figures.head = ring.reader.loadHead()
            ring.figures.tail = ring.reader.position
            var fresh = RingFigures(
                purpose: ring.figures.purpose, cpu: ring.figures.cpu, thread: ring.figures.thread,
                event: ring.figures.event, pages: ring.figures.pages, size: ring.figures.size)
            fresh.kernelLost = ring.figures.kernelLost == nil ? nil : 0
            defer { ring.figures = fresh }
            return ring.figures
        }
    }

    /// Asks the kernel for its own count; only where a ring was so full that it may have refused something.
    private func countLost(_ ring: Ring) {
        ring.mayHaveLost = false
        guard ring.figures.kernelLost != nil else { return }
        var lost: UInt64 = 0
        for counter in ring.counters { lost &+= counter.read()?.lost ?? 0 }
        ring.figures.kernelLost = (ring.figures.kernelLost ?? 0) &+ (lost &- ring.lostBefore)
        ring.lostBefore = lost
    }
}

/// Maps rings, smaller ones once memory runs out.
private struct RingMapper {
    var samplePages: Int
    var sideBandPages: Int
    var notes: [String] = []

    mutating func map(
        _ counters: [Counter], _ purpose: RingFigures.Purpose, cpu: Int, event: String
    ) throws(EngineError) -> RingSet.Ring {
        let owner = counters[0]
        var pages = purpose == .samples ? samplePages : sideBandPages
        while true {
            do throws(RingSizeError) {
                let mapping = try RingMapping(fd: owner.fd, pages: pages)
                for counter in counters.dropFirst() where pt_perf_set_output(counter.fd, owner.fd) != 0 {
                    throw .refused(Errno(errno))
                }
                if purpose == .samples { samplePages = pages } else { sideBandPages = pages }
                var figures = RingFigures(purpose: purpose, cpu: cpu, event: event, pages: pages, size: mapping.size)
                if owner.read()?.lost != nil { figures.kernelLost = 0 }
                return RingSet.Ring(RingReader(mapping), counters: counters, figures: figures)
            } catch {
                pages = try smaller(pages, error, purpose)
            }
        }
    }

    private mutating func smaller(
        _ pages: Int, _ error: RingSizeError, _ purpose: RingFigures.Purpose
    ) throws(EngineError) -> Int {
        switch error {
        case .notPowerOfTwo(let asked, let nearest):
            throw EngineError(
                .usage, what: "-m \(asked)", why: "a ring has a power of two of pages",
                remedy: "the nearest is \(nearest)")
        case .refused(let errno):
            guard errno == .permission || errno == .noMemory, pages > 1 else {
                throw EngineError(
                    what: "a ring of \(pages) pages", why: errno.text,
                    remedy: errno == .permission ? "raise kernel.perf_event_mlock_kb or ulimit -l" : "")
            }
            let kind = purpose == .samples ? "sample" : "side-band"
            notes.removeAll { $0.hasPrefix(kind) }
            notes.append("\(kind) rings halved to \(pages / 2) pages: kernel.perf_event_mlock_kb allows no more")
            return pages / 2
        }
    }
}
