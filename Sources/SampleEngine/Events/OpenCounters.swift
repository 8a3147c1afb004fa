internal import CLinuxShims

/// The counters of one CPU: those that sample share one ring, those that follow processes another.
package struct CPUCounters: Sendable {
    package let cpu: Int
    /// With the siblings that only count, each behind its leader.
    package var samples: [Counter] = []
    package var sideBand: [Counter] = []

    /// Starts counting: what happens to processes first, so that no sample precedes its mapping.
    ///
    /// - Parameter fromExec: the kernel starts the samples at the target's exec.
    package func enable(fromExec: Bool = false) {
        for counter in sideBand { counter.enable() }
        if fromExec { return }
        for counter in samples { if case .samples = counter.purpose { counter.enable() } }
    }
}

/// Everything that was opened for a session, and what was given up on the way.
package struct OpenCounters: Sendable {
    package var cpus: [CPUCounters]
    package var events: [EventInUse]
    /// Layout of each event's samples, by the event's place in `events`.
    package var layouts: [SampleLayout]
    package var targetText: String
    package var notes: [String]
    /// The kernel enables the samples at the target's exec.
    package var fromExec: Bool
    /// The newest samples replace the oldest.
    package var overwrites: Bool
    /// Some event needs one of the processor's counters, of which there are few.
    package var usesHardware: Bool
    /// Only samples of these processes and their children are kept; nil keeps all.
    package var wantedProcesses: [Int32]?
    /// Only processes of this user are kept; nil keeps all.
    package var wantedUser: UInt32?
    /// Data pages to try first for each ring; halved while the kernel refuses the memory.
    package var samplePages: Int
    package var sideBandPages: Int
    /// Some threads may have both counters of their own and inherited ones.
    package var mayCountTwice = false
    /// Opens counters for what starts later and is no child; nil where the counters see everything they should.
    package var follower: Follower?

    package func enable() { for cpu in cpus { cpu.enable(fromExec: fromExec) } }
}

extension [Counter] {
    /// Lets all of them write into the ring of another one of the same CPU.
    package func redirect(to owner: Counter) throws(Errno) {
        for counter in self where counter.id != owner.id {
            if counter.purpose.writesNothing { continue }
            _ = try systemCall { pt_perf_set_output(counter.fd, owner.fd) }
        }
    }
}
