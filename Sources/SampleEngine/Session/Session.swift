/// One run of sampling: opens the counters, runs the engine threads, hands out profiles.
///
///     sampler thread                resolver thread              the caller's thread
///     rings → OpenSlice  ────────►  names, slices → Profile ───► takeLatest()
///             ◄──────── the emptied OpenSlice
public final class Session: ProfileSource {
    private let profiles: Mailbox<Profile>
    private let profileBell: Bell
    private let stopFlag = StopFlag()
    private let dial = DelayDial()
    private let samplerBell: Int32
    private let rings: RingSet
    private let scannerBell: Bell
    private let pulse = Pulse()
    private let holding = Mailbox<Set<FunctionID>>()
    private let threads: EngineThreads

    /// Opens all counters, starts the threads and has the counters enabled.
    ///
    /// - Throws: what was asked, why it failed and what to do, where nothing can be sampled.
    public convenience init(_ sampling: Sampling, pace: Pace) throws(EngineError) {
        var opener = EventOpener(sampling)
        let counters = try opener.open()
        let source = try RecordSource(counters)
        try self.init(source, counters, pace: pace)
    }

    /// Reads rings that somebody else writes, each handed over as the descriptors of its memory and of its bell.
    ///
    /// - Parameter sampling: what the kernel samples beside them, nil for nothing.
    public convenience init(
        handedOver descriptors: [(memory: Int32, wake: Int32)], beside sampling: Sampling?, pace: Pace
    ) throws(EngineError) {
        var rings: [SoftwareRing] = []
        for pair in descriptors {
            rings.append(
                try SoftwareRing(memory: Descriptor(owning: pair.memory), wake: Descriptor(owning: pair.wake)))
        }
        var counters: OpenCounters?
        if let sampling {
            var opener = EventOpener(sampling)
            counters = try opener.open()
        }
        let source = try RecordSource(handedOver: rings, beside: counters)
        try self.init(source, counters, pace: pace)
    }

    /// Returns once there is sampling.
    ///
    /// - Parameter counters: the kernel's counters among the source's writers, kept open as long as it is read.
    package init(_ source: RecordSource, _ counters: OpenCounters? = nil, pace: Pace) throws(EngineError) {
        let opened = source.clock.now
        let facts = SessionFacts(
            target: source.targetText, events: source.events, notes: source.notes, window: pace.window,
            history: pace.history,
            kernelRate: source.kernelRate)
        let toResolver = Mailbox<OpenSlice>()
        let toSampler = Mailbox<OpenSlice>()
        let profiles = Mailbox<Profile>()
        let resolverBell = try Bell()
        let profileBell = try Bell()
        let newcomers = Mailbox<[ProcessSighting]>()
        let followed = Mailbox<Followed>()
        let scannerBell = try Bell()
        let isSampling = try Bell()
        toSampler.put(OpenSlice())
        let samplerBell = source.rings.wakeDescriptor
        let stopFlag = self.stopFlag
        let dial = self.dial
        let pulse = self.pulse
        let holding = self.holding
        rings = source.rings
        self.scannerBell = scannerBell
        self.profiles = profiles
        self.profileBell = profileBell
        self.samplerBell = samplerBell

        let resolver = try EngineThread(name: "resolver", stackSize: 8 << 20, realTime: pace.realTime) {
            let facts = facts.scheduled(.claim(pace.realTime), wish: pace.realTime)
            var stage = ResolveStage(
                builder: ProfileBuilder(
                    session: facts, wantedUser: source.wantedUser, residentLimit: pace.residentLimit),
                toResolver: toResolver, toSampler: toSampler, newcomers: newcomers, resolverBell: resolverBell,
                samplerBell: samplerBell, profiles: profiles, profileBell: profileBell, stop: stopFlag, pulse: pulse,
                holding: holding, pace: pace)
            stage.run()
        }
        let sampler = try EngineThread(name: "sampler", stackSize: 1 << 20, realTime: pace.realTime) {
            Scheduling.claim(pace.realTime)
            var stage = SampleStage(
                source: source, pace: pace, toResolver: toResolver, toSampler: toSampler, newcomers: newcomers,
                followed: followed, resolverBell: resolverBell, stop: stopFlag, dial: dial, pulse: pulse)
            // By who reads them: where samples leave the machine no time for anything else, nobody else need come to it, and
            // the first interval begins when they do.
            let start = source.clock.now
            counters?.enable()
            isSampling.ring()
            stage.run(from: start)
        }
        var scanner: EngineThread?
        if let counters, let follower = counters.follower {
            scanner = try EngineThread(name: "scanner", stackSize: 1 << 20) {
                var stage = FollowStage(
                    follower, beside: counters, since: opened, followed: followed, samplerBell: samplerBell,
                    bell: scannerBell, stop: stopFlag)
                stage.run()
            }
        }
        threads = EngineThreads(sampler, resolver, scanner)
        isSampling.wait()
    }

    public var wakeDescriptor: Int32 { profileBell.fd }

    public var pictureDue: Instant { pulse.due }

    public func hold(_ functions: Set<FunctionID>) { holding.put(functions) }

    public func setDelay(_ nanoseconds: UInt64) {
        dial.set(nanoseconds)
        Bell.ring(samplerBell)
    }

    public func takeLatest() -> Profile? {
        profileBell.clear()
        return profiles.take()
    }

    /// Asks for the end, without waiting for it: the last profile, which says that it is the last, comes as the others do.
    ///
    /// - Parameter patience: nanoseconds that it may wait for names.
    public func requestStop(patience: UInt64) {
        stopFlag.set(patience: patience)
        Bell.ring(samplerBell)
        scannerBell.ring()
    }

    /// Stops sampling and returns the last profile: what came since the one that was taken before, nothing is dropped.
    public func stop() -> Profile? {
        let patience: UInt64 = 5_000_000_000
        requestStop(patience: patience)
        threads.join(within: 2 * patience)
        return takeLatest()
    }
}
