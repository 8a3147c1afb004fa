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
package struct SampleStage: ~Copyable {
    private let source: RecordSource
    private let rings: RingSet
    private let clock: Clock
    private let pace: Pace
    private let toResolver: Mailbox<OpenSlice>
    private let toSampler: Mailbox<OpenSlice>
    private let newcomers: Mailbox<[ProcessSighting]>
    private let followed: Mailbox<Followed>
    private let resolverBell: Bell
    private let stop: StopFlag
    private let dial: DelayDial
    private let pulse: Pulse

    package private(set) var slice: OpenSlice
    private var processes: ProcessTable
    /// Beside their source, which is reached for less often.
    private var layouts: [SampleLayout]
    private let mayCountTwice: Bool
    private var owners = SampleOwners()
    private var siblings = GroupDeltas()
    /// Empty between passes; kept for its memory.
    private var merge = TimeMerge()
    /// Nil where no frequency was asked for, or where threads inherit their counters: those cannot be reached any more.
    private var governor: RateGovernor?
    /// Nil where no event is sampled one by one without being asked for, or where threads inherit their counters.
    private var floods: FloodGate?
    /// When the pass began, or was last found to take long.
    private var passBegun = Instant.beginning
    /// Set with the first look that finds the stop flag: what is not read by then stays unread.
    private var lastMoment: Instant?
    /// Records until it is looked whether there is time for more.
    private var recordsUntilLook = 1
    /// When every sample ring was last read to its head.
    private var lastFullPass = Instant.beginning
    /// When processes were last asked for that may be gone.
    private var lastCensus = Instant.beginning

    package init(
        source: RecordSource, pace: Pace, toResolver: Mailbox<OpenSlice>, toSampler: Mailbox<OpenSlice>,
        newcomers: Mailbox<[ProcessSighting]>, followed: Mailbox<Followed>, resolverBell: Bell, stop: StopFlag,
        dial: DelayDial = DelayDial(), pulse: Pulse = Pulse()
    ) {
        self.source = source
        rings = source.rings
        clock = source.clock
        layouts = source.layouts
        mayCountTwice = source.mayCountTwice
        self.pace = pace
        self.toResolver = toResolver
        self.toSampler = toSampler
        self.newcomers = newcomers
        self.followed = followed
        self.resolverBell = resolverBell
        self.stop = stop
        self.dial = dial
        self.pulse = pulse
        slice = OpenSlice()
        processes = ProcessTable(wanted: source.wantedProcesses, looksAtAll: source.looksAtAll)
    }

    /// Runs until it is told to stop or nothing is left that could be sampled.
    package mutating func run(from start: Instant) {
        slice.start = start
        if let frequency = source.kernelRate, source.mayLowerRate {
            governor = RateGovernor(
                frequency: frequency, events: source.events.count { $0.frequency != nil }, at: .now,
                processorTime: ownThreadNanoseconds())
        }
        if source.mayLowerRate {
            floods = FloodGate(source.events.map(\.mayRise), rings: rings.samples.count, at: .now)
        }
        var schedule = pace.schedule(from: start)
        while true {
            pulse.expect(by: schedule.nextPicture)
            // A pass may have found that nobody is left: then there is nothing to wait for.
            rings.wait(until: isAtEnd ? clock.now : schedule.nextDrain, clock: clock)
            takeFollowed()
            if let delay = dial.take() { schedule.change(delay: delay, at: clock.now) }
            // What is asked for no more must not keep the machine from ending.
            if stop.isSet { rings.disable() }
            let isStopping = stop.isSet || isAtEnd
            let due = schedule.due(at: clock.now)
            pass(everything: isStopping || due != .nothing || processes.isCrowded)
            if isStopping || due == .tick && wantedAreGone { break }
            lowerRate()
            raisePeriods()
            if schedule.wantsPicture(due, samples: slice.samples) {
                let isTaken = handOver()
                if !isTaken { schedule.pictureWasRefused(at: clock.now) }
                if let frequency = governor?.handedOver(isTaken, at: .now) { lower(to: frequency) }
            } else if due == .part, slice.samples > 0 {
                // Where the resolver has no time for it, the next one is longer.
                slice.isPart = true
                if !handOver() { slice.isPart = false }
            }
        }
        slice.targetExited = !stop.isSet || !source.isOpenEnded && rings.isExhausted
        slice.isLast = true
        // The last slice must arrive: wait for the buffer that comes back. The resolver always returns it.
        while !handOver() { rings.wait(until: Instant.now.advanced(byNanoseconds: 100_000_000), clock: .monotonic) }
    }

    /// Nobody is left who could write a sample, and nobody can come.
    private var isAtEnd: Bool { !source.isOpenEnded && !rings.isAlive }

    /// Counters that were opened meanwhile: known first, then enabled.
    private mutating func takeFollowed() {
        guard source.isOpenEnded, let news = followed.take() else { return }
        rings.add(news.counters)
        for cpu in news.counters { cpu.enable() }
        if let note = news.note { slice.notes.append(note) }
    }

    /// Fewer samples from now on, where there are more than the machine carries.
    private mutating func lowerRate() {
        let now = Instant.now
        guard governor?.isDue(at: now) == true,
            let frequency = governor?.lower(
                at: now, processorTime: ownThreadNanoseconds(), rings: rings.samples.count)
        else { return }
        lower(to: frequency)
    }

    private mutating func lower(to frequency: UInt64) {
        rings.lower(to: frequency)
        let since = clock.now.nanoseconds
        for event in layouts.indices { layouts[event].lower(to: frequency, since: since) }
        slice.notes.append("more samples than this machine carries: \(frequency) Hz from now on")
    }

    /// Of what comes in floods not each one is sampled from now on.
    private mutating func raisePeriods() {
        let now = Instant.now
        guard floods?.isDue(at: now) == true, !stop.isSet, let events = floods?.takeFloods(at: now) else { return }
        for event in events {
            let period = EventAttributes.floodPeriod
            let since = rings.raise(event, to: period, clock: clock)
            layouts[event].raise(to: period, since: since.nanoseconds)
            slice.raised[event] = period
            slice.notes.append("\(source.events[event].name) comes in floods: 1 of \(period) is sampled from now on")
        }
    }

    /// Whole CPUs are sampled in the stead of some processes, and these and all their children have ended.
    private var wantedAreGone: Bool {
        guard let wanted = source.wantedProcesses else { return false }
        return !processes.hasLivingWanted && !wanted.contains(where: Self.isThere)
    }

    /// A zombie is there; so is who is none of our business.
    private static func isThere(_ pid: Int32) -> Bool { kill(pid, 0) == 0 || errno != ESRCH }

    // MARK: A pass

    /// Reads what is there: the rings that crossed their watermark, or all.
    package mutating func pass(everything: Bool) {
        let begun = clock.now
        passBegun = .now
        // Before the side-band is read: whoever is gone by now has all his records there, his children's beginnings too.
        if everything, source.hasOurPids { endMissing() }
        rings.beginSamples(everything: everything)
        drainSideBand()
        rings.readSamples { number, ring in
            floods?.begin(ring: number)
            count(ring)
        }
        slice.settle()
        tellNewcomers()
        if everything {
            processes.takeSightings(processes: &slice.processes, images: &slice.images)
            // Samples older than the pass before this one are all counted: nothing can ask for that time again.
            processes.forget(before: lastFullPass.nanoseconds)
            if processes.takeRetirement() {
                slice.notes.append("too many processes to keep: the oldest are taken for ended")
            }
            lastFullPass = begun
        }
    }

    /// Whose exit was among lost records would be taken for living for ever.
    private mutating func endMissing() {
        guard passBegun.nanoseconds(since: lastCensus) >= 1_000_000_000 else { return }
        lastCensus = passBegun
        processes.endMissing(at: clock.now.nanoseconds, isThere: Self.isThere)
    }

    /// Applies all side-band of this moment. What comes while the heads are loaded one by one stays for the next pass:
    /// an exec seen in one ring must not overtake the fork that went into a ring loaded before.
    private mutating func drainSideBand() {
        let horizon = clock.now.nanoseconds
        merge.removeAll()
        rings.beginSideBand { number, ring in
            ring.read { reader, _, _ in
                if let time = Self.nextTime(&reader) { merge.insert(time: time, source: number) }
            }
        }
        while let run = merge.next() {
            if run.time > horizon { break }
            rings.sideBand[run.source].read { reader, figures, _ in
                var time = applyNext(&reader, &figures)
                while let next = time, next <= min(run.limit, horizon) { time = applyNext(&reader, &figures) }
                if let time { merge.insert(time: time, source: run.source) }
            }
        }
        rings.endSideBand()
    }

    private static func nextTime(_ reader: inout RingReader) -> UInt64? {
        reader.peek { _, bytes in RecordDecoder.time(of: bytes) ?? 0 }
    }

    /// Applies a ring's next record; returns the time of the one behind it.
    private mutating func applyNext(_ reader: inout RingReader, _ figures: inout RingFigures) -> UInt64? {
        reader.next { header, bytes in
            figures.records &+= 1
            if let (record, name) = RecordDecoder.sideBand(header, bytes), let time = RecordDecoder.time(of: bytes) {
                if mayCountTwice, case .fork(_, _, let thread) = record { owners.forget(thread) }
                processes.apply(record, name: name, in: bytes, at: time)
            } else if let code = RecordDecoder.kernelCode(header, bytes) {
                slice.note(code)
            } else {
                let lostBefore = figures.lost
                note(header, bytes, &figures)
                if figures.lost != lostBefore {
                    processes.noteLoss(at: RecordDecoder.time(of: bytes) ?? clock.now.nanoseconds)
                }
            }
        }
        return Self.nextTime(&reader)
    }

    private mutating func count(_ ring: Ring) {
        var newest: UInt64 = 0
        ring.read { reader, figures, events in
            let (kept, lost, throttled) = (figures.samples, figures.lost, figures.throttled)
            // At the end it is looked behind the first record of each ring.
            if stop.isSet { recordsUntilLook = 1 }
            while let time = countNext(&reader, &figures, &events) {
                newest = max(newest, time)
                recordsUntilLook &-= 1
                if recordsUntilLook <= 0 { look(&reader, &figures) }
            }
            governor?.add(
                kept: figures.samples &- kept, lost: figures.lost &- lost, throttled: figures.throttled &- throttled)
            if newest > 0 { figures.lagNanoseconds = clock.now.nanoseconds(since: Instant(nanoseconds: newest)) }
        }
    }

    /// Once in so many records of whichever ring, apart from the loop that counts: reads on as long as nobody wants an end,
    /// and a moment longer.
    @inline(never)
    private mutating func look(_ reader: inout RingReader, _ figures: inout RingFigures) {
        recordsUntilLook = 1024
        let now = Instant.now
        guard stop.isSet else {
            guard now.nanoseconds(since: passBegun) >= RateGovernor.interval else { return }
            passBegun = now
            if let frequency = governor?.fallBehind(at: .now) { lower(to: frequency) }
            return
        }
        if lastMoment == nil {
            rings.disable()
            lastMoment = now.advanced(byNanoseconds: 150_000_000)
        }
        if let lastMoment, now >= lastMoment { figures.unread &+= reader.skipRest() }
    }

    /// Counts a ring's next record; returns its time (0 for one that is no sample), nil at the end of the pass.
    @inline(__always)
    private mutating func countNext(
        _ reader: inout RingReader, _ figures: inout RingFigures, _ events: inout EventIDs
    ) -> UInt64? {
        reader.next { header, bytes in
            figures.records &+= 1
            guard header.type == RecordHeader.sample else {
                note(header, bytes, &figures)
                return 0
            }
            guard let sample = SampleRecord(bytes), let (event, owner) = events.find(sample.id),
                event < layouts.count, bytes.byteCount == layouts[event].size
            else {
                figures.undecodable &+= 1
                figures.keep(Self.fault(bytes, events), bytes)
                return 0
            }
            if mayCountTwice, !owners.accepts(sample.thread, from: owner) { return sample.time }
            figures.samples &+= 1
            floods?.add(event: event)
            guard let place = place(of: sample, header.mode) else {
                // What its siblings counted until here is not the next one's.
                if let group = layouts[event].group { countSiblings(of: sample, nil, group, event, owner, bytes) }
                return sample.time
            }
            slice.count(
                event: UInt16(truncatingIfNeeded: event), cpu: UInt16(truncatingIfNeeded: sample.cpu),
                generation: place.generation, thread: sample.thread, location: place.location,
                period: layouts[event].period(in: bytes))
            if let group = layouts[event].group { countSiblings(of: sample, place, group, event, owner, bytes) }
            return sample.time
        }
    }

    /// Why a sample is none of ours. Its bytes are not looked at any further: another session's fields may be another
    /// namespace's numbers and another clock's time.
    @inline(never)
    private static func fault(_ bytes: RawSpan, _ events: borrowing EventIDs) -> BadRecord.Kind {
        guard let sample = SampleRecord(bytes) else { return .tooShort }
        return events.find(sample.id) == nil ? .foreignID : .wrongSize
    }

    private struct Place {
        let generation: Generation
        let location: Location
    }

    /// Whose a sample is and where it lies; nil where it is not wanted.
    @inline(__always)
    private mutating func place(of sample: SampleRecord, _ mode: RecordHeader.Mode) -> Place? {
        let life = processes.life(of: sample.pid, at: sample.time)
        guard processes.isWanted(life) else { return nil }
        let location: Location =
            switch mode {
            case .user: processes.locate(sample.address, in: life, at: sample.time)
            case .guestKernel, .guestUser: Location(space: .guest, value: sample.address)
            case .kernel, .hypervisor, .unknown: Location(space: .kernel, value: sample.address)
            }
        return Place(generation: processes.generation(of: life), location: location)
    }

    /// What the other events of its group counted since the last sample is counted at this one's place, where it is proven
    /// to be its task's.
    ///
    /// - Parameter place: nil where the sample is not wanted.
    @inline(never)
    private mutating func countSiblings(
        of sample: SampleRecord, _ place: Place?, _ group: SampleLayout.Group, _ leader: Int, _ owner: Int32?,
        _ bytes: RawSpan
    ) {
        let counts: GroupDeltas.Owner =
            owner == nil
            ? .cpu(runner: place.map { .init(thread: sample.thread, generation: $0.generation) })
            : .thread(sample.thread)
        siblings.read(bytes, group, of: counts) { member, count, isProven in
            let event = UInt16(truncatingIfNeeded: leader + member)
            let cpu = UInt16(truncatingIfNeeded: sample.cpu)
            guard isProven else { return slice.countOfOtherTasks(event: event, cpu: cpu, period: count) }
            guard let place else { return }
            slice.countSibling(
                event: event, cpu: cpu, generation: place.generation, thread: sample.thread, location: place.location,
                period: count)
        }
    }

    /// A record that is neither sample nor side-band: what was lost, or what nobody asked for.
    private func note(_ header: RecordHeader, _ bytes: RawSpan, _ figures: inout RingFigures) {
        switch RecordDecoder.loss(header, bytes) {
        case .refused(let count): figures.lost = figures.lost.addingSaturating(count)
        case .dropped(let count): figures.driverLost = figures.driverLost.addingSaturating(count)
        case .throttled: figures.throttled &+= 1
        case nil:
            if RecordDecoder.isKnown(header) { return }
            figures.undecodable &+= 1
            figures.keep(.unknownType, bytes)
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
    package mutating func handOver() -> Bool {
        guard var empty = toSampler.take() else { return false }
        slice.end = clock.now
        rings.takeFigures(into: &slice.rings)
        // Each picture's counts cost a system call for each counter: only where they are shown.
        if pace.window == nil, source.countsItsTarget {
            // What siblings counted since the last sample belongs to this slice, and to no sample of it.
            slice.counted = rings.takeCounts(events: source.events.count) { group in
                let cpu = UInt16(truncatingIfNeeded: group.cpu)
                siblings.settle(group) { member, count in
                    let event = UInt16(truncatingIfNeeded: group.leader + member)
                    slice.countOfOtherTasks(event: event, cpu: cpu, period: count)
                }
            }
        }
        processes.takeSightings(processes: &slice.processes, images: &slice.images)
        empty.start = slice.end
        empty.raised = slice.raised
        swap(&slice, &empty)
        empty.handedOver = .now
        pulse.handedOver(at: empty.handedOver)
        toResolver.put(empty)
        resolverBell.ring()
        return true
    }
}
