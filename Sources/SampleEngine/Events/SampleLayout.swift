/// Which fields a sample of one event carries and where, in bytes from the record's header.
///
/// All our events share the fixed fields (perf_event_open(2), PERF_RECORD_SAMPLE); behind them stand the period, where
/// the kernel chooses it, and what was read of the event's group:
///
///     8      16       24   28      32    40   48        48 or 56
///     [ id ][ address ][ pid | thread ][ time ][ cpu ][ period ]?[ members | enabled | running | (value, id, lost)… ]?
package struct SampleLayout: Sendable {
    package static let id = 8
    package static let address = 16
    package static let pid = 24
    package static let thread = 28
    package static let time = 32
    package static let cpu = 40
    package static let period = 48

    /// Bytes a record must have, no more and no less, header included.
    package let size: Int
    /// Weight of a sample that carries no period.
    package let fixedPeriod: UInt64?
    /// The counts of a group, nil where an event samples for itself alone.
    package let group: Group?

    /// The kernel goes on telling the period that a clock was opened with when it is given another one.
    package var isClock = false
    /// The true periods of a clock, or of what comes in floods, newest first: what is still in the rings is weighed by what
    /// held when it was sampled. Four are enough: a rate falls four times a second at the most, and by half at least.
    /// An array, so that the layout stays small: every sample asks it.
    private var steps: [Step] = []

    private struct Step {
        let period: UInt64
        let since: UInt64
    }

    /// What `PERF_SAMPLE_READ` with `PERF_FORMAT_GROUP` appends.
    package struct Group: Hashable, Sendable {
        /// Events of the group, the leader included, and the witness where there is one.
        package let members: Int
        /// The last member is not one that was asked for: it counts the task switches of the group's CPU.
        package let hasWitness: Bool
        /// Bytes from the record's start to the number of members.
        package let offset: Int
        /// Value and id, and behind them the records lost where the kernel counts those (6.0).
        package let entrySize: Int

        /// Events that were asked for, the leader included.
        package var shown: Int { hasWitness ? members - 1 : members }
        package var enabled: Int { offset + 8 }
        package var running: Int { offset + 16 }

        /// Bytes from the record's start to a member's value; its id is behind it.
        package func value(of member: Int) -> Int { offset + 24 + member * entrySize }
    }

    /// - Parameters:
    ///   - fixedPeriod: nil where each sample carries its own period.
    ///   - members: events of its group that were asked for; 1 where it has no siblings.
    ///   - hasWitness: task switches are counted behind them.
    ///   - readsLost: the kernel tells with each count how many records were lost.
    package init(fixedPeriod: UInt64?, members: Int = 1, hasWitness: Bool = false, readsLost: Bool = true) {
        self.fixedPeriod = fixedPeriod
        let fixed = fixedPeriod == nil ? Self.period + 8 : Self.period
        guard members > 1 else {
            group = nil
            size = fixed
            return
        }
        let group = Group(
            members: members + (hasWitness ? 1 : 0), hasWitness: hasWitness, offset: fixed,
            entrySize: readsLost ? 24 : 16)
        size = group.value(of: group.members)
        self.group = group
    }

    /// The sample's weight: its own period, or the fixed one. The record must have `size` bytes.
    @inline(__always)
    package func period(in bytes: RawSpan) -> UInt64 {
        guard bytes.byteCount >= Self.period else { return 0 }
        if !steps.isEmpty, let period = Self.steppedPeriod(of: bytes, steps) { return period }
        if let fixedPeriod { return fixedPeriod }
        guard bytes.byteCount >= Self.period + 8 else { return 0 }
        return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: Self.period, as: UInt64.self)
    }

    /// What held when the sample was taken; nil where that was before the first change. Apart, and without the layout, which
    /// would be copied for it with every sample.
    @inline(never)
    private static func steppedPeriod(of bytes: RawSpan, _ steps: [Step]) -> UInt64? {
        guard bytes.byteCount >= period else { return nil }
        let sampled = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: time, as: UInt64.self)
        return steps.first { sampled >= $0.since }?.period
    }

    /// A clock is sampled less often from a time on; what has a period of its own, or tells it truly, stays as it is.
    package mutating func lower(to frequency: UInt64, since time: UInt64) {
        guard isClock, fixedPeriod == nil else { return }
        change(to: EventAttributes.clockPeriod(frequency), since: time)
    }

    /// What was sampled one by one is sampled once in so many from a time on; between the two nothing was counted.
    package mutating func raise(to period: UInt64, since time: UInt64) { change(to: period, since: time) }

    private mutating func change(to period: UInt64, since time: UInt64) {
        steps = [Step(period: period, since: time)] + steps.prefix(3)
    }

    /// What `sample_id_all` appends to every other record: pid/tid, time, cpu, id; counted from the record's end.
    package enum Trailer {
        package static let size = 32
        package static let timeFromEnd = 24
    }
}
