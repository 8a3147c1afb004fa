/// What the kernel, the rings and the reader did not keep, over some slices.
public struct Health: Sendable, Equatable {
    /// Records refused by full rings or dropped by a driver, of either kind of ring.
    public var lost: UInt64 = 0
    /// Those among the lost that were samples: the records that rings of samples refused.
    public var lostSamples: UInt64 = 0
    /// Samples that were kept.
    public var kept: UInt64 = 0
    public var throttled: UInt64 = 0
    public var undecodable: UInt64 = 0
    /// Samples that were still in the rings when sampling was stopped, and that there was no time to read.
    public var unread: UInt64 = 0
    public var overrunBytes: UInt64 = 0
    /// Samples counted under `[other]` because the table of cells was full.
    public var folded: UInt64 = 0
    /// Samples left out because nobody could tell whether their process is the wanted user's.
    public var userless: UInt64 = 0
    /// Share of the time in which the events were counted, 0…100: less where they take turns on the counters.
    public var runningPercent: Double = 100
    /// The ring that lost most; nil where none lost anything.
    public var worstRing: RingFigures?

    /// Lost samples as a share of all that were offered, 0…100. Lost side-band records have no part in it.
    public var missingPercent: Double {
        lostSamples == 0 ? 0 : 100 * Double(lostSamples) / (Double(kept) + Double(lostSamples))
    }
}

extension Profile {
    /// The rings' figures over all slices, in the order of the newest slice.
    public var rings: [RingFigures] {
        var merged: [RingFigures] = []
        for slice in slices {
            for (index, ring) in slice.rings.enumerated() {
                if index < merged.count { merged[index].add(ring) } else { merged.append(ring) }
            }
        }
        return merged
    }

    /// What an event has counted over all slices, by read(2); nil where that is not known.
    public func counted(_ event: Int) -> UInt64? {
        var sum: UInt64 = 0
        for slice in slices {
            guard let counted = slice.counted, event < counted.count else { return nil }
            sum = sum.addingSaturating(counted[event])
        }
        return sum
    }

    /// Samples per second and CPU that an event was sampled with at the end; nil where it has a period.
    public func frequency(of event: EventInUse) -> UInt64? {
        guard let asked = event.frequency else { return nil }
        let lowered = slices.last?.rings.compactMap(\.loweredTo).min()
        return min(asked, lowered ?? asked)
    }

    /// Events per sample at the end; nil where a frequency is set.
    public func period(of event: Int) -> UInt64? {
        guard event < session.events.count else { return nil }
        return slices.last?.raised[event] ?? session.events[event].period
    }

    /// What the session gave up, and one sentence for the first record of each kind that made no sense.
    public var notes: [String] {
        var kinds: Set<BadRecord.Kind> = []
        var notes = session.notes
        for ring in slices.last?.rings ?? [] {
            for record in ring.badRecords where kinds.insert(record.kind).inserted {
                let place = ring.cpu < 0 ? "" : " of CPU \(ring.cpu)"
                notes.append(
                    "the first bad record\(place), \(record.size) bytes: \(record.reason): \(record.hex)")
            }
        }
        return notes
    }

    /// What is missing from the slices, and where.
    public var health: Health {
        var health = Health()
        for slice in slices { health.userless = health.userless.addingSaturating(slice.userless) }
        for slice in slices { health.folded = health.folded.addingSaturating(slice.folded) }
        let rings = self.rings
        health.runningPercent = Self.runningPercent(rings.filter { $0.purpose == .samples })
        for ring in rings {
            health.lost = health.lost.addingSaturating(ring.missing)
            if ring.purpose == .samples {
                health.lostSamples = health.lostSamples.addingSaturating(ring.missing)
            }
            health.kept = health.kept.addingSaturating(ring.samples)
            health.throttled = health.throttled.addingSaturating(ring.throttled)
            health.undecodable = health.undecodable.addingSaturating(ring.undecodable)
            health.unread = health.unread.addingSaturating(ring.unread)
            health.overrunBytes = health.overrunBytes.addingSaturating(ring.overrunBytes)
            if ring.missing > 0, ring.missing > (health.worstRing?.missing ?? 0) { health.worstRing = ring }
        }
        return health
    }

    /// A thread's events are wanted on all CPUs at once and counted on one: their times add up to one CPU's.
    private static func runningPercent(_ rings: [RingFigures]) -> Double {
        var (enabled, running) = (0.0, 0.0)
        for ring in rings where !ring.followsThread {
            enabled += Double(ring.enabledNanoseconds)
            running += Double(ring.runningNanoseconds)
        }
        let following = rings.filter(\.followsThread)
        enabled += Double(following.map(\.enabledNanoseconds).max() ?? 0)
        running += following.reduce(0) { $0 + Double($1.runningNanoseconds) }
        // The pages are written when events are switched, on each CPU at its own time: a little less means nothing.
        return running < 0.95 * enabled ? 100 * running / enabled : 100
    }

    /// The functions that its samples are in.
    public var functions: Set<FunctionID> {
        var found: Set<FunctionID> = []
        for slice in slices {
            for cell in slice.cells where Int(cell.stack.index) < stacks.count {
                if let function = stacks[Int(cell.stack.index)].function { found.insert(function) }
            }
        }
        return found
    }

    /// Time covered by the slices, in seconds.
    public var seconds: Double {
        guard let first = slices.first, let last = slices.last else { return 0 }
        return Double(last.end.nanoseconds(since: first.start)) / 1e9
    }

    /// This program's own share of one CPU over the slices, in percent.
    public var ownCPUPercent: Double {
        let used = slices.reduce(0) { $0 + Double($1.cost.processorNanoseconds) }
        return seconds > 0 ? used / (seconds * 1e7) : 0
    }

    /// What of it names take, with the tables they are found in; and the descriptors of the files they are read from.
    public var nameKilobytes: UInt64 { (slices.last?.cost.nameBytes ?? 0) / 1024 }
    public var nameDescriptors: Int { slices.last?.cost.nameDescriptors ?? 0 }

    /// This program's resident memory at the end of the newest slice.
    public var residentKilobytes: UInt64 { slices.last?.cost.residentKilobytes ?? 0 }
}
