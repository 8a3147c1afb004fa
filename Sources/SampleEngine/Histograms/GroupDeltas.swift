/// From the running counts that a group's samples carry to what was counted since the sample before, and whose that is.
///
/// Counts belong to an event and, where it is inherited, to each thread (perf_event_open(2), `inherit` with
/// PERF_SAMPLE_READ), so that is what they are told apart by. They begin at 0.
///
/// An event on a whole CPU counts for every task that runs there. Its count is proven to be the sampled task's only where
/// the same task was sampled before, the witness saw no switch since, and the group was on its counters all the time: a
/// switch it could not see is none it would have counted.
package struct GroupDeltas: ~Copyable {
    /// Who was sampled on a CPU.
    package struct Runner: Equatable {
        package let thread: Int32
        /// The same thread after an exec is another program.
        package let generation: Generation

        package init(thread: Int32, generation: Generation) {
            self.thread = thread
            self.generation = generation
        }
    }

    /// Whose the counts of a sample are.
    package enum Owner {
        /// They follow the thread: as they were counted, see `CountReading.steps`.
        case thread(Int32)
        /// They are a CPU's, scaled where events take turns; the runner is nil where the sample is not wanted.
        case cpu(runner: Runner?)
    }

    private struct Entry {
        let id: UInt64
        let thread: Int32
        var value: UInt64
        var enabled: UInt64
        var running: UInt64
    }

    /// How a witness stood at the sample before.
    private struct Stretch {
        let id: UInt64
        let switches: UInt64
        let enabled: UInt64
        let running: UInt64
        let runner: Runner?
    }

    private var entries: [Entry] = []
    private var index = HashIndex()
    private var stretches: [Stretch] = []
    private var stretchIndex = HashIndex()
    private let limit: Int
    /// Everything was forgotten once: of what is met for the first time now nobody knows where it stood.
    private var hasForgotten = false

    /// - Parameter limit: most counts remembered; when there are more, all are forgotten, and one step of each is lost.
    package init(limit: Int = 1 << 16) { self.limit = limit }

    /// Visits each sibling of a sample with what it counted since the last one, and whether that is the sampled task's.
    package mutating func read(
        _ bytes: RawSpan, _ group: SampleLayout.Group, of owner: Owner, _ visit: (Int, UInt64, Bool) -> Void
    ) {
        guard RecordBytes.word(bytes, at: group.offset) == UInt64(group.members),
            let enabled = RecordBytes.word(bytes, at: group.enabled),
            let running = RecordBytes.word(bytes, at: group.running)
        else { return }
        func entry(_ member: Int) -> Entry? {
            let place = group.value(of: member)
            guard let value = RecordBytes.word(bytes, at: place), let id = RecordBytes.word(bytes, at: place + 8)
            else { return nil }
            guard case .thread(let thread) = owner else {
                return Entry(id: id, thread: 0, value: value, enabled: enabled, running: running)
            }
            return Entry(id: id, thread: thread, value: value, enabled: running, running: running)
        }
        var isProven = true
        if case .cpu(let runner) = owner {
            isProven = group.hasWitness && entry(group.members - 1).map { ranThroughout($0, runner) } ?? false
        }
        for member in 1..<group.shown {
            guard let now = entry(member) else { return }
            if let count = step(to: now, of: owner), count > 0 { visit(member, count, isProven) }
        }
    }

    /// Visits each sibling of a CPU's group with what it has counted since the last sample, which is nobody's: nor is
    /// that proven which comes until the next one.
    package mutating func settle(_ group: GroupReading, _ visit: (Int, UInt64) -> Void) {
        let read = group.counts
        for (member, count) in read.counts.enumerated().dropFirst() {
            let now = Entry(id: count.id, thread: 0, value: count.value, enabled: read.enabled, running: read.running)
            if member >= group.members {
                _ = ranThroughout(now, nil)
            } else if let count = step(to: now, of: .cpu(runner: nil)), count > 0 {
                visit(member, count)
            }
        }
    }

    /// Whether one task had the CPU since the sample before, as its witness tells.
    private mutating func ranThroughout(_ witness: Entry, _ runner: Runner?) -> Bool {
        let now = Stretch(
            id: witness.id, switches: witness.value, enabled: witness.enabled, running: witness.running, runner: runner)
        guard let known = stretchIndex.find(mixed(now.id), where: { stretches[$0].id == now.id }) else {
            if stretches.count >= limit {
                stretches.removeAll(keepingCapacity: true)
                stretchIndex.removeAll()
            }
            stretchIndex.insert(mixed(now.id), entry: stretches.count) { mixed(stretches[$0].id) }
            stretches.append(now)
            return false
        }
        let before = stretches[known]
        stretches[known] = now
        return runner != nil && runner == before.runner && now.switches == before.switches
            && now.enabled &- before.enabled == now.running &- before.running
    }

    private mutating func step(to now: Entry, of owner: Owner) -> UInt64? {
        let hash = Self.hash(now)
        let known = index.find(hash) { entries[$0].id == now.id && entries[$0].thread == now.thread }
        if let known {
            let before = entries[known]
            let isLater =
                now.value >= before.value && now.running >= before.running && now.enabled >= before.enabled
            // A sample of a CPU that was written before its counts were read: what it tells is known.
            if !isLater, case .cpu = owner { return nil }
            entries[known] = now
            // Counts of one event and thread come in order, and do not go back: this is a thread that has the number of
            // one that ended, and began at 0.
            guard isLater else { return now.value }
            return CountReading.scaled(
                now.value - before.value, enabled: now.enabled - before.enabled, running: now.running - before.running)
        }
        if entries.count >= limit {
            entries.removeAll(keepingCapacity: true)
            index.removeAll()
            hasForgotten = true
        }
        index.insert(hash, entry: entries.count) { Self.hash(entries[$0]) }
        entries.append(now)
        return hasForgotten ? nil : CountReading.scaled(now.value, enabled: now.enabled, running: now.running)
    }

    private static func hash(_ entry: Entry) -> UInt64 { mixed(entry.id, UInt64(UInt32(bitPattern: entry.thread))) }
}
