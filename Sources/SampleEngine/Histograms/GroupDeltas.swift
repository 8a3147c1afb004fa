/// From the running counts that a group's samples carry to what was counted since the sample before.
///
/// Counts belong to an event and, where it is inherited, to each thread (perf_event_open(2), `inherit` with
/// PERF_SAMPLE_READ), so that is what they are told apart by. They begin at 0.
package struct GroupDeltas: ~Copyable {
    private struct Entry {
        let id: UInt64
        let thread: Int32
        var value: UInt64
        var enabled: UInt64
        var running: UInt64
    }

    private var entries: [Entry] = []
    private var index = HashIndex()
    private let limit: Int
    /// Everything was forgotten once: of what is met for the first time now nobody knows where it stood.
    private var hasForgotten = false

    /// - Parameter limit: most counts remembered; when there are more, all are forgotten, and one step of each is lost.
    package init(limit: Int = 1 << 16) { self.limit = limit }

    /// Visits each sibling of a sample with what it counted since the last one.
    ///
    /// - Parameter thread: whose counts these are; nil where they are the CPU's, and scaled where events take turns.
    ///   A thread's are as they were counted: see `CountReading.steps`.
    package mutating func read(
        _ bytes: RawSpan, _ group: SampleLayout.Group, thread: Int32?, _ visit: (Int, UInt64) -> Void
    ) {
        guard RecordBytes.word(bytes, at: group.offset) == UInt64(group.members),
            var enabled = RecordBytes.word(bytes, at: group.enabled),
            let running = RecordBytes.word(bytes, at: group.running)
        else { return }
        if thread != nil { enabled = running }
        for member in 1..<group.members {
            let place = group.value(of: member)
            guard let value = RecordBytes.word(bytes, at: place), let id = RecordBytes.word(bytes, at: place + 8)
            else { return }
            let now = Entry(id: id, thread: thread ?? 0, value: value, enabled: enabled, running: running)
            if let count = step(to: now), count > 0 { visit(member, count) }
        }
    }

    private mutating func step(to now: Entry) -> UInt64? {
        let hash = Self.hash(now)
        let known = index.find(hash) { entries[$0].id == now.id && entries[$0].thread == now.thread }
        if let known {
            let before = entries[known]
            entries[known] = now
            // Counts of one event and thread come in order, and do not go back: this is a thread that has the number of
            // one that ended, and began at 0.
            guard now.value >= before.value, now.running >= before.running else { return now.value }
            return CountReading.scaled(
                now.value - before.value, enabled: now.enabled &- before.enabled, running: now.running &- before.running
            )
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
