/// One run of sampling: opens the counters, runs the two engine threads, hands out profiles.
///
///     sampler thread                resolver thread              the caller's thread
///     rings → OpenSlice  ────────►  names, slices → Profile ───► takeLatest()
///             ◄──────── the emptied OpenSlice
public final class Session: ProfileSource {
    private let profiles: Mailbox<Profile>
    private let profileBell: Bell
    private let stopFlag = StopFlag()
    private let samplerBell: Int32
    private let rings: RingSet
    private let threads: EngineThreads

    /// Opens and enables all counters, then starts the threads.
    ///
    /// - Throws: what was asked, why it failed and what to do, where nothing can be sampled.
    public init(_ sampling: Sampling, pace: Pace) throws(EngineError) {
        var opener = EventOpener(sampling)
        let counters = try opener.open()
        let rings = try RingSet(counters)
        counters.enable()
        let start = Instant.now

        let facts = SessionFacts(
            target: counters.targetText, events: counters.events, notes: counters.notes + rings.notes,
            window: pace.window)
        let toResolver = Mailbox<OpenSlice>()
        let toSampler = Mailbox<OpenSlice>()
        let profiles = Mailbox<Profile>()
        let resolverBell = try Bell()
        let profileBell = try Bell()
        let newcomers = Mailbox<[ProcessSighting]>()
        toSampler.put(OpenSlice())
        let samplerBell = rings.wakeDescriptor
        let stopFlag = self.stopFlag
        self.rings = rings
        self.profiles = profiles
        self.profileBell = profileBell
        self.samplerBell = samplerBell

        let resolver = try EngineThread(name: "resolver", stackSize: 8 << 20) {
            var stage = ResolveStage(
                builder: ProfileBuilder(session: facts, wantedUser: counters.wantedUser),
                toResolver: toResolver, toSampler: toSampler, newcomers: newcomers, resolverBell: resolverBell,
                samplerBell: samplerBell,
                profiles: profiles, profileBell: profileBell)
            stage.run()
        }
        let sampler = try EngineThread(name: "sampler", stackSize: 1 << 20) {
            var stage = SampleStage(
                rings: rings, counters: counters, pace: pace, toResolver: toResolver, toSampler: toSampler,
                newcomers: newcomers, resolverBell: resolverBell, stop: stopFlag)
            stage.run(from: start)
        }
        threads = EngineThreads(sampler, resolver)
    }

    public var wakeDescriptor: Int32 { profileBell.fd }

    public func takeLatest() -> Profile? {
        profileBell.clear()
        return profiles.take()
    }

    /// Stops sampling and returns the last profile: what came since the one before, nothing is dropped.
    public func stop() -> Profile? {
        stopFlag.set()
        Bell.ring(samplerBell)
        threads.join()
        return takeLatest()
    }
}
