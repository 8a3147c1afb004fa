/// The counters of one CPU: those that sample share one ring, those that follow processes another.
package struct CPUCounters: Sendable {
    package let cpu: Int
    package var samples: [Counter] = []
    package var sideBand: [Counter] = []
}

/// Everything that was opened for a session, and what was given up on the way.
package struct OpenCounters: Sendable {
    package var cpus: [CPUCounters]
    package var events: [EventInUse]
    /// Layout of each event's samples, by the event's place in `events`.
    package var layouts: [SampleLayout]
    package var targetText: String
    package var notes: [String]
    /// Counters follow threads, and are dead when these are.
    package var followsThreads: Bool
    /// The kernel enables the samples at the target's exec.
    package var fromExec: Bool
    /// Only samples of these processes and their children are kept; nil keeps all.
    package var wantedProcesses: [Int32]?
    /// Only processes of this user are kept; nil keeps all.
    package var wantedUser: UInt32?
    /// Data pages to try first for each ring; halved while the kernel refuses the memory.
    package var samplePages: Int
    package var sideBandPages: Int
    /// Some threads may have both counters of their own and inherited ones.
    package var mayCountTwice = false

    /// Starts counting: what happens to processes first, so that no sample precedes its mapping.
    package func enable() {
        for cpu in cpus { for counter in cpu.sideBand { counter.enable() } }
        if fromExec { return }
        for cpu in cpus { for counter in cpu.samples { counter.enable() } }
    }
}
