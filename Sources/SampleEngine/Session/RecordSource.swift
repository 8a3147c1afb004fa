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
    /// Some threads may have both counters of their own and inherited ones.
    package var mayCountTwice = false
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
        var mapper = RingMapper(counters)
        var samples: [Ring] = []
        var sideBand: [Ring] = []
        for cpu in counters.cpus where !cpu.samples.isEmpty {
            let pair = try mapper.map(cpu)
            samples.append(pair.samples)
            sideBand.append(pair.sideBand)
        }
        self.init(
            rings: try RingSet(samples: samples, sideBand: sideBand), events: counters.events,
            layouts: counters.layouts, targetText: counters.targetText)
        notes = counters.notes + mapper.notes
        wantedProcesses = counters.wantedProcesses
        wantedUser = counters.wantedUser
        mayCountTwice = counters.mayCountTwice
        isOpenEnded = counters.follower != nil
    }

    /// Every process is looked at by the resolver, not only those that were there before us.
    var looksAtAll: Bool { wantedUser != nil }
}
