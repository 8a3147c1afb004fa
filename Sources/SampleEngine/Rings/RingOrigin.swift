/// Who writes into a ring, as far as its reader must know; used by the sampler thread.
package protocol RingOrigin: AnyObject, Sendable {
    /// What epoll(7) is to watch: readable once the ring has crossed its watermark. Nil where nobody is left to write.
    var watched: Int32? { get }
    /// The watched descriptor says that its event has ended: another takes its place, where one lives.
    func moveWatch()
    /// Takes a wake-up back where the descriptor stays readable by itself.
    func silence()
    /// Called before every ring is read: writers that died are dealt with, `watched` says whether any is left.
    func refresh()
    /// Every writer is gone, whether a wait has seen it or not.
    var isExhausted: Bool { get }
    /// Records refused so far by the writers' own count, nil where they keep none.
    var lost: UInt64? { get }
    /// `lost` costs system calls: it is asked only where the ring was so full that something may have been refused.
    var isDearToAsk: Bool { get }
    /// How long its events were wanted and were counted, in nanoseconds, where its page alone does not tell; else nil.
    var times: (enabled: UInt64, running: UInt64)? { get }
    /// Takes in counters that were opened later and already write into this ring.
    func add(_ counters: [Counter])
    /// What each event has counted since the last call, with its place in the session; nil where that is not known.
    /// Costs a system call for each event on the CPU.
    ///
    /// - Parameter groupWasRead: told of each group that counts for a whole CPU.
    func takeCounts(_ groupWasRead: (GroupReading) -> Void) -> [(event: Int, count: UInt64)]?
    /// Nothing more is wanted: whoever can be told to write no more is told.
    func disable()
    /// Asks for fewer samples, where they come by a frequency that is higher.
    func lower(to frequency: UInt64)
    /// Stops an event that samples here, or goes on with it.
    func pause(_ event: Int, _ isPaused: Bool)
    /// Samples an event that is paused once in so many from now on.
    func raise(_ event: Int, to period: UInt64)
    /// The ids of what writes here, with the event's place in the session and the thread it was opened for.
    var ids: [(id: UInt64, event: Int, owner: Int32?)] { get }
}

extension RingOrigin {
    package var times: (enabled: UInt64, running: UInt64)? { nil }
    package func add(_ counters: [Counter]) {}
    package func disable() {}
    package func lower(to frequency: UInt64) {}
    package func pause(_ event: Int, _ isPaused: Bool) {}
    package func raise(_ event: Int, to period: UInt64) {}
}

/// What was read of a group that counts for a whole CPU.
package struct GroupReading: Sendable {
    /// The leader's place in the session; its siblings are numbered behind it.
    package let leader: Int
    package let cpu: Int
    /// Events that were asked for, the leader included.
    package let members: Int
    package let counts: CountReading

    package init(leader: Int, cpu: Int, members: Int, counts: CountReading) {
        self.leader = leader
        self.cpu = cpu
        self.members = members
        self.counts = counts
    }
}
