/// What the kernel, the rings and the reader did not keep, over some slices.
public struct Health: Sendable, Equatable {
    /// Records refused by full rings or dropped by a driver.
    public var lost: UInt64 = 0
    public var kept: UInt64 = 0
    public var throttled: UInt64 = 0
    public var undecodable: UInt64 = 0
    public var overrunBytes: UInt64 = 0
    /// Samples counted under `[other]` because the table of cells was full.
    public var folded: UInt64 = 0
    /// Samples left out because nobody could tell whether their process is the wanted user's.
    public var userless: UInt64 = 0
    /// The ring that lost most; nil where none lost anything.
    public var worstRing: RingFigures?

    /// Lost records as a share of all that were offered, 0…100.
    public var missingPercent: Double {
        lost == 0 ? 0 : 100 * Double(lost) / (Double(kept) + Double(lost))
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

    /// What is missing from the slices, and where.
    public var health: Health {
        var health = Health()
        for slice in slices { health.userless = health.userless.addingSaturating(slice.userless) }
        for slice in slices { health.folded = health.folded.addingSaturating(slice.folded) }
        for ring in rings {
            health.lost = health.lost.addingSaturating(ring.missing)
            health.kept = health.kept.addingSaturating(ring.samples)
            health.throttled = health.throttled.addingSaturating(ring.throttled)
            health.undecodable = health.undecodable.addingSaturating(ring.undecodable)
            health.overrunBytes = health.overrunBytes.addingSaturating(ring.overrunBytes)
            if ring.missing > 0, ring.missing > (health.worstRing?.missing ?? 0) { health.worstRing = ring }
        }
        return health
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

    /// This program's resident memory at the end of the newest slice.
    public var residentKilobytes: UInt64 { slices.last?.cost.residentKilobytes ?? 0 }
}
