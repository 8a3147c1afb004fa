/// The resolver thread: slices in, profiles out. Everything slow happens here: `/proc`, files, names.
struct ResolveStage: ~Copyable {
    private let toResolver: Mailbox<OpenSlice>
    private let toSampler: Mailbox<OpenSlice>
    private let newcomers: Mailbox<[ProcessSighting]>
    private let resolverBell: Bell
    private let samplerBell: Int32
    private let profiles: Mailbox<Profile>
    private let profileBell: Bell
    private var builder: ProfileBuilder

    init(
        builder: consuming ProfileBuilder, toResolver: Mailbox<OpenSlice>, toSampler: Mailbox<OpenSlice>,
        newcomers: Mailbox<[ProcessSighting]>, resolverBell: Bell, samplerBell: Int32, profiles: Mailbox<Profile>,
        profileBell: Bell
    ) {
        self.builder = builder
        self.toResolver = toResolver
        self.toSampler = toSampler
        self.newcomers = newcomers
        self.resolverBell = resolverBell
        self.samplerBell = samplerBell
        self.profiles = profiles
        self.profileBell = profileBell
    }

    /// Names may take this long before a picture goes out without the rest of them: the first picture is waited for,
    /// a later one need not be drawn twice.
    private static var firstNamingBudget: UInt64 { 30_000_000 }
    private static var namingBudget: UInt64 { 200_000_000 }

    /// Runs until the sampler's last slice is a profile.
    mutating func run() {
        publish()
        var budget = Self.firstNamingBudget
        while true {
            resolverBell.wait()
            // Before anything slow: what is looked at now may be gone a moment later.
            if let met = newcomers.take() { builder.look(at: met) }
            guard var slice = toResolver.take() else { continue }
            let (isLast, isPart) = (slice.isLast, slice.isPart)
            if !isPart, let untaken = profiles.take() { builder.takeBack(untaken) }
            builder.add(slice)
            slice.reset()
            toSampler.put(slice)
            if isLast { Bell.ring(samplerBell) }
            while true {
                let isNamed = builder.name(until: Instant.now.advanced(byNanoseconds: budget))
                // A profile that leaves for good must be complete; a live picture can be followed by a better one.
                if !isPart, isNamed || builder.isLive { publish() }
                if isNamed { break }
            }
            if isPart { continue }
            budget = Self.namingBudget
            if isLast { return }
        }
    }

    private mutating func publish() {
        profiles.put(builder.profile())
        profileBell.ring()
    }
}
