internal import CLinuxShims
internal import Glibc

/// The sampler thread: rings in, slices out. It never touches a file, a symbol or the terminal.
///
/// One pass, in an order that makes attribution right however the rings interleave:
///
/// 1. load the head of each sample ring that is to be read;
/// 2. load and drain all side-band rings, merged by time, into the table of processes. A mapping is recorded before
///    its code can run, so whatever a sample of step 1 needs is visible by now;
/// 3. count the samples, ring by ring. Side-band may have run ahead of them: the table answers by time.
struct SampleStage: ~Copyable {
    private let rings: RingSet
    private let counters: OpenCounters
    private let pace: Pace
    private let toResolver: Mailbox<OpenSlice>
    private let toSampler: Mailbox<OpenSlice>
    private let newcomers: Mailbox<[ProcessSighting]>
    private let resolverBell: Bell
    private let stop: StopFlag

    private var slice: OpenSlice
    private var processes: ProcessTable
    private var events = EventIDs()
    private var owners = SampleOwners()
    /// When every sample ring was last read to its head.
    private var lastFullPass = Instant.beginning

    init(
        rings: RingSet, counters: OpenCounters, pace: Pace, toResolver: Mailbox<OpenSlice>,
        toSampler: Mailbox<OpenSlice>, newcomers: Mailbox<[ProcessSighting]>, resolverBell: Bell, stop: StopFlag
    ) {
        self.rings = rings
        self.counters = counters
        self.pace = pace
        self.toResolver = toResolver
        self.toSampler = toSampler
        self.newcomers = newcomers
        self.resolverBell = resolverBell
        self.stop = stop
        slice = OpenSlice()
        processes = ProcessTable(wanted: counters.wantedProcesses, looksAtAll: counters.wantedUser != nil)
        for cpu in counters.cpus {
            for counter in cpu.samples {
                if case .samples(let event) = counter.purpose {
                    events.insert(counter.id, event: event, owner: counter.thread)
                }
            }
        }
    }

    /// Runs until it is told to stop or nothing is left that could be sampled.
    mutating func run(from start: Instant) {
        slice.start = start
        var schedule = pace.schedule(from: start)
        while true {
            rings.wait(until: schedule.nextDrain)
            let isStopping = stop.isSet || !rings.isAlive
            let due = schedule.due(at: .now)
            pass(everything: isStopping || due != .nothing || processes.isCrowded)
            if isStopping || due == .tick && wantedAreGone { break }
            if schedule.wantsPicture(due, samples: slice.samples), !handOver() {
                schedule.pictureWasRefused(at: .now)
            }
        }
        slice.targetExited = !stop.isSet || rings.isExhausted
        slice.isLast = true
        // The last slice must arrive: wait for the buffer that comes back. The resolver always returns it.
        while !handOver() { rings.wait(until: Instant.now.advanced(byNanoseconds: 100_000_000)) }
    }

    /// Whole CPUs are sampled in the stead of some processes, and these and all their children have ended.
    private var wantedAreGone: Bool {
        guard let wanted = counters.wantedProcesses else { return false }
        return !processes.hasLivingWanted && wanted.allSatisfy { kill($0, 0) != 0 && errno == ESRCH }
    }

    // MARK: A pass

    private mutating func pass(everything: Bool) {
        let begun = Instant.now
        for ring in rings.samples where everything || ring.isReady { _ = ring.beginPass() }
        drainSideBand()
        for ring in rings.samples where everything || ring.isReady {
            ring.isReady = false
            count(ring)
        }
        tellNewcomers()
        if everything {
            processes.takeSightings(processes: &slice.processes, images: &slice.images)
            // Samples older than the pass before this one are all counted: nothing can ask for that time again.
            processes.forget(before: lastFullPass.nanoseconds)
            lastFullPass = begun
        }
    }

    /// Applies all side-band of this moment. What comes while the heads are loaded one by one stays for the next pass:
    /// an exec seen in one ring must not overtake the fork that went into a ring loaded before.
    private mutating func drainSideBand() {
        let horizon = Instant.now.nanoseconds
        var merge = TimeMerge()
        for (number, ring) in rings.sideBand.enumerated() {
            ring.isReady = false
            if ring.beginPass(), let time = nextTime(ring) { merge.insert(time: time, source: number) }
        }
        while let run = merge.next() {
            if run.time > horizon { break }
            let ring = rings.sideBand[run.source]
            var time = applyNext(ring)
            while let next = time, next <= min(run.limit, horizon) { time = applyNext(ring) }
            if let time { merge.insert(time: time, source: run.source) }
        }
        for ring in rings.sideBand { ring.endPass() }
    }

    private func nextTime(_ ring: RingSet.Ring) -> UInt64? {
        ring.reader.peek { _, bytes in RecordDecoder.time(of: bytes) ?? 0 }
    }

    /// Applies a ring's next record; returns the time of the one behind it.
    private mutating func applyNext(_ ring: RingSet.Ring) -> UInt64? {
        ring.reader.next { header, bytes in
            ring.figures.records &+= 1
            if let (record, name) = RecordDecoder.sideBand(header, bytes), let time = RecordDecoder.time(of: bytes) {
                processes.apply(record, name: name, in: bytes, at: time)
            } else {
                let lostBefore = ring.figures.lost
                note(header, bytes, &ring.figures)
                if ring.figures.lost != lostBefore { processes.noteLoss() }
            }
        }
        return nextTime(ring)
    }

    private mutating func count(_ ring: RingSet.Ring) {
        var newest: UInt64 = 0
        while let time = countNext(ring) { newest = max(newest, time) }
        ring.endPass()
        if newest > 0 { ring.figures.lagNanoseconds = Instant.now.nanoseconds(since: Instant(nanoseconds: newest)) }
    }

    /// Counts a ring's next record; returns its time (0 for one that is no sample), nil at the end of the pass.
    @inline(__always)
    private mutating func countNext(_ ring: RingSet.Ring) -> UInt64? {
        ring.reader.next { header, bytes in
            ring.figures.records &+= 1
            guard header.type == RecordHeader.sample else {
                note(header, bytes, &ring.figures)
                return 0
            }
            guard let sample = SampleRecord(bytes), let (event, owner) = events.find(sample.id),
                event < counters.layouts.count, bytes.byteCount >= counters.layouts[event].size
            else {
                ring.figures.undecodable &+= 1
                return 0
            }
            if counters.mayCountTwice, !owners.accepts(sample.thread, from: owner) { return sample.time }
            ring.figures.samples &+= 1
            count(sample, header.mode, event: event, period: counters.layouts[event].period(in: bytes))
            return sample.time
        }
    }

    @inline(__always)
    private mutating func count(_ sample: SampleRecord, _ mode: RecordHeader.Mode, event: Int, period: UInt64) {
        let life = processes.life(of: sample.pid, at: sample.time)
        guard processes.isWanted(life) else { return }
        let location: Location =
            switch mode {
            case .user: processes.locate(sample.address, in: life, at: sample.time)
            case .guestKernel, .guestUser: Location(space: .guest, value: sample.address)
            case .kernel, .hypervisor, .unknown: Location(space: .kernel, value: sample.address)
            }
        slice.count(
            event: UInt16(truncatingIfNeeded: event), cpu: UInt16(truncatingIfNeeded: sample.cpu),
            generation: processes.generation(of: life), thread: sample.thread, location: location, period: period)
    }

    /// A record that is neither sample nor side-band: what was lost, or what nobody asked for.
    private func note(_ header: RecordHeader, _ bytes: RawSpan, _ figures: inout RingFigures) {
        switch RecordDecoder.loss(header, bytes) {
        case .refused(let count): figures.lost = figures.lost.addingSaturating(count)
        case .dropped(let count): figures.driverLost = figures.driverLost.addingSaturating(count)
        case .throttled: figures.throttled &+= 1
        case nil:
            if !RecordDecoder.isKnown(header) { figures.undecodable &+= 1 }
        }
    }

    // MARK: Handing over

    /// Tells the resolver at once of processes it must look at while they live: only `/proc` knows their mappings.
    private mutating func tellNewcomers() {
        guard processes.hasNewcomers else { return }
        var sightings = newcomers.take() ?? []
        processes.takeNewcomers(into: &sightings)
        newcomers.put(sightings)
        resolverBell.ring()
    }

    /// Gives the slice to the resolver in exchange for an empty one; false where the resolver still has that.
    @discardableResult
    private mutating func handOver() -> Bool {
        guard var empty = toSampler.take() else { return false }
        slice.end = .now
        slice.rings = rings.takeFigures()
        processes.takeSightings(processes: &slice.processes, images: &slice.images)
        empty.start = slice.end
        swap(&slice, &empty)
        toResolver.put(empty)
        resolverBell.ring()
        return true
    }
}
