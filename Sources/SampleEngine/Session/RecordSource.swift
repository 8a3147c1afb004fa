/// Where a session's records come from, and how they are to be understood: the kernel's counters, software rings that
/// were handed over, or both. What follows cannot tell them apart.
package struct RecordSource: Sendable {
    package var rings: RingSet
    package var clock = Clock.monotonic
    package var events: [EventInUse]
    /// Layout of each event's samples, by the event's place in `events`.
    package var layouts: [SampleLayout]
    package var targetText: String
    package var notes: [String] = []
    /// Only samples of these processes and their children are kept; nil keeps all.
    package var wantedProcesses: [Int32]?
    /// Only processes of this user are kept; nil keeps all.
    package var wantedUser: UInt32?
    /// Samples per second and CPU that the kernel is asked for at the most; nil where it is asked for none.
    package var kernelRate: UInt64?
    /// All counters are whole CPUs', and their frequency can be changed while they run.
    package var mayLowerRate = false
    /// Some threads may have both counters of their own and inherited ones.
    package var mayCountTwice = false
    /// Its pids are numbers of our namespace: the kernel can be asked whether there still is such a process. Whoever hands
    /// rings over may be in another one, or play what happened elsewhere.
    package var hasOurPids = false
    /// More counters can come while it runs: that all writers have gone is not the end.
    package var isOpenEnded = false

    package init(
        rings: RingSet, events: [EventInUse], layouts: [SampleLayout], targetText: String
    ) {
        self.rings = rings
        self.events = events
        self.layouts = layouts
        self.targetText = targetText
    }

    /// Maps rings over the kernel's counters.
    package init(_ counters: OpenCounters) throws(EngineError) {
        let (samples, sideBand, notes) = try Self.map(counters)
        self.init(
            rings: try RingSet(samples: samples, sideBand: sideBand), events: counters.events,
            layouts: counters.layouts, targetText: counters.targetText)
        describe(counters, notes)
        hasOurPids = true
    }

    private static func map(
        _ counters: OpenCounters
    ) throws(EngineError) -> (samples: [Ring], sideBand: [Ring], notes: [String]) {
        var mapper = RingMapper(counters)
        var samples: [Ring] = []
        var sideBand: [Ring] = []
        for cpu in counters.cpus where !cpu.samples.isEmpty {
            let pair = try mapper.map(cpu)
            samples.append(pair.samples)
            sideBand.append(pair.sideBand)
        }
        return (samples, sideBand, mapper.notes)
    }

    /// What is to be known of the kernel's records beside where they come from.
    private mutating func describe(_ counters: OpenCounters, _ mapperNotes: [String]) {
        notes = counters.notes + mapperNotes
        wantedProcesses = counters.wantedProcesses
        wantedUser = counters.wantedUser
        mayCountTwice = counters.mayCountTwice
        mayLowerRate = counters.cpus.allSatisfy { $0.samples.allSatisfy { $0.thread == nil } }
        kernelRate = counters.events.compactMap(\.frequency).max()
        isOpenEnded = counters.follower != nil
    }

    /// Adds software rings that somebody handed over; the first one's clock is ours from now on.
    ///
    /// - Parameter counters: the kernel's, whose rings they are merged with; nil where they are all there is.
    package init(handedOver rings: [SoftwareRing], beside counters: OpenCounters?) throws(EngineError) {
        var kernelRings: (samples: [Ring], sideBand: [Ring]) = ([], [])
        var kernelNotes: [String] = []
        if let counters { (kernelRings.samples, kernelRings.sideBand, kernelNotes) = try Self.map(counters) }
        var events = counters?.events ?? []
        var layouts = counters?.layouts ?? []
        var (samples, sideBand) = kernelRings
        for ring in rings {
            let added = try Self.open(ring, firstEvent: events.count)
            if ring.purpose == .sideBand {
                sideBand.append(added)
                continue
            }
            samples.append(added)
            for event in ring.events {
                let fixedPeriod = event.fixedPeriod == 0 ? nil : event.fixedPeriod
                events.append(
                    EventInUse(
                        name: displayText(event.name, limit: 47),
                        frequency: event.frequency == 0 ? nil : event.frequency,
                        period: fixedPeriod))
                layouts.append(SampleLayout(fixedPeriod: fixedPeriod))
            }
        }
        self.init(
            rings: try RingSet(samples: samples, sideBand: sideBand), events: events, layouts: layouts,
            targetText: (counters.map { $0.targetText + " and " } ?? "") + "software rings (\(rings.count))")
        if let counters { describe(counters, kernelNotes) }
        if let first = rings.first { clock = .told { first.injectedClock } }
    }

    private static func open(_ ring: SoftwareRing, firstEvent: Int) throws(EngineError) -> Ring {
        // Where nobody chose a size yet, there is nothing to miss.
        let pages = ring.pages ?? 128
        if ring.mode == .overwrite {
            // Of what happened to processes nothing may be missing.
            guard ring.purpose == .samples else {
                throw EngineError(
                    what: "a software ring of side-band", why: "the newest records may not replace the oldest")
            }
            // What is read of it is copied first.
            guard pages <= 16_384 else {
                throw EngineError(
                    what: "a software ring of \(pages) pages", why: "16384 are the most that are overwritten")
            }
        }
        let mapping: RingMapping
        do throws(RingSizeError) {
            mapping = try ring.map(pages: pages)
        } catch {
            throw EngineError(what: "a software ring of \(pages) pages", why: error.text)
        }
        let name = ring.purpose == .sideBand ? "side-band" : ring.events.map(\.name).joined(separator: ",")
        var figures = RingFigures(
            purpose: ring.purpose, cpu: -1, event: displayText(name, limit: 200), pages: pages, size: mapping.size)
        figures.overwrites = ring.mode == .overwrite
        figures.mayTakeTurns = true
        return Ring(RingReader(mapping), origin: SoftwareOrigin(ring, firstEvent: firstEvent), figures: figures)
    }

    /// What the events count is the target's, all of it and once: only then does it stand beside the samples.
    var countsItsTarget: Bool { wantedProcesses == nil && wantedUser == nil && !mayCountTwice }

    /// Every process is looked at by the resolver, not only those that were there before us.
    var looksAtAll: Bool { wantedUser != nil }
}
