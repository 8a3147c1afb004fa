/// The resolver thread: slices in, profiles out, each when it is due. What is slow is done by others (`ErrandRunners`):
/// nothing here waits for a file, a process or a name.
///
///     slices ──► ProfileBuilder ──► profiles
///                  │        ▲
///               errands  findings
///                  ▼        │
///                ErrandRunners
struct ResolveStage: ~Copyable {
    private let toResolver: Mailbox<OpenSlice>
    private let toSampler: Mailbox<OpenSlice>
    private let newcomers: Mailbox<[ProcessSighting]>
    private let resolverBell: Bell
    private let samplerBell: Int32
    private let profiles: Mailbox<Profile>
    private let profileBell: Bell
    private let stop: StopFlag
    private let pulse: Pulse
    private let holding: Mailbox<Set<FunctionID>>
    private let runners: ErrandRunners
    private var builder: ProfileBuilder

    /// A slice whose names of code made at run time are being looked at, and until when that may take.
    private var waiting: OpenSlice?
    private var waitsUntil = Instant.beginning
    /// Something has changed since the last picture, which is shown at that time at the latest.
    private var pictureDue: Instant?
    private var pictures = 0
    private var hadSlice = false
    /// When the newest slice was handed over that is among what is known.
    private var taken = Instant.beginning
    /// How many reports are wanted still; nil: no end is known.
    private var reportsLeft: Int?
    /// Since when a report waits for whoever writes them.
    private var fullSince: Instant?
    private var isDone = false

    init(
        builder: consuming ProfileBuilder, toResolver: Mailbox<OpenSlice>, toSampler: Mailbox<OpenSlice>,
        newcomers: Mailbox<[ProcessSighting]>, resolverBell: Bell, samplerBell: Int32, profiles: Mailbox<Profile>,
        profileBell: Bell, stop: StopFlag, pulse: Pulse, holding: Mailbox<Set<FunctionID>>, pace: Pace
    ) {
        self.builder = builder
        self.toResolver = toResolver
        self.toSampler = toSampler
        self.newcomers = newcomers
        self.resolverBell = resolverBell
        self.samplerBell = samplerBell
        self.profiles = profiles
        self.profileBell = profileBell
        self.stop = stop
        self.pulse = pulse
        self.holding = holding
        reportsLeft = pace.reports
        runners = ErrandRunners(bell: resolverBell, realTime: pace.realTime)
    }

    /// Nanoseconds that a picture waits for its names: one that comes a moment later need not be drawn twice.
    private static var firstPatience: UInt64 { 30_000_000 }
    private static var patience: UInt64 { 80_000_000 }
    /// The same for what came after the picture: soon while the user waits for the first names, then not too often, as new
    /// places come with every slice.
    private static var laterPatience: (first: UInt64, then: UInt64) { (150_000_000, 450_000_000) }
    private static var firstPictures: Int { 8 }
    /// Nanoseconds that a slice waits for what compilers have written meanwhile.
    private static var renewalPatience: UInt64 { 80_000_000 }
    /// Nanoseconds that asking for names may take before it is looked whether something else is due.
    private static var askingTime: UInt64 { 20_000_000 }
    /// Nanoseconds that a report waits for its names, and the last one.
    private static var reportPatience: UInt64 { 2_000_000_000 }
    private static var lastReportPatience: UInt64 { 5_000_000_000 }
    /// Reports that wait for whoever writes them; then two become one.
    private static var reportLimit: Int { 32 }

    /// Runs until the sampler's last slice is a profile.
    mutating func run() {
        publish()
        while !isDone {
            resolverBell.wait(milliseconds: millisecondsToWait())
            // What is looked at now may be gone a moment later.
            if let held = holding.take() { builder.held = held }
            if let met = newcomers.take() { builder.look(at: met) }
            for findings in runners.takeFindings() { take(findings) }
            takeSlice()
            ask()
            runners.relieve()
            if builder.knowMore() || builder.hasUnasked { resolverBell.ring() }
            if builder.isLive { showPicture() } else { handOutReports() }
        }
        runners.stop()
    }

    private mutating func ask() {
        runners.submit(builder.ask(until: Instant.now.advanced(byNanoseconds: Self.askingTime)))
    }

    private mutating func take(_ findings: Errand.Findings) {
        builder.receive(findings)
        guard builder.isLive, pictureDue == nil else { return }
        let patience = pictures < Self.firstPictures ? Self.laterPatience.first : Self.laterPatience.then
        pictureDue = Instant.now.advanced(byNanoseconds: patience)
    }

    /// How long nothing is due; −1 for ever.
    private borrowing func millisecondsToWait() -> Int32 {
        var due: [Instant] = []
        let now = Instant.now
        if runners.relieve() { due.append(now.advanced(byNanoseconds: 50_000_000)) }
        if waiting != nil { due.append(waitsUntil) }
        if let pictureDue { due.append(pictureDue) }
        if builder.hasClosedReports { due.append(now.advanced(byNanoseconds: 20_000_000)) }
        if builder.hasPostponed { due.append(now.advanced(byNanoseconds: 250_000_000)) }
        guard let next = due.min() else { return -1 }
        return Clock.monotonic.milliseconds(until: next)
    }

    // MARK: Slices

    private mutating func takeSlice() {
        if waiting == nil, let slice = toResolver.take() {
            waitsUntil =
                builder.renewNames(for: slice) ? Instant.now.advanced(byNanoseconds: Self.renewalPatience) : .beginning
            waiting = consume slice
            ask()
        }
        guard waiting != nil, Instant.now >= waitsUntil || !builder.isRenewing, var slice = waiting.take() else {
            return
        }
        let (isLast, isPart) = (slice.isLast, slice.isPart)
        taken = slice.handedOver
        builder.add(slice)
        slice.reset()
        toSampler.put(slice)
        if isLast { Bell.ring(samplerBell) }
        if builder.isLive {
            let patience = hadSlice ? Self.patience : Self.firstPatience
            let due = Instant.now.advanced(byNanoseconds: patience)
            pictureDue = pictureDue.map { min($0, due) } ?? due
        } else if !isPart {
            builder.close(isLast: isLast)
        }
        hadSlice = true
        isEnding = isLast
        // Another one may have come meanwhile.
        resolverBell.ring()
    }

    private var isEnding = false

    // MARK: Profiles

    private mutating func showPicture() {
        guard let due = pictureDue, builder.isNamed || Instant.now >= due || isEnding else { return }
        publish()
        pictures += 1
        pictureDue = nil
        if isEnding { isDone = true }
    }

    private mutating func publish() {
        profiles.put(builder.profile(isLast: isEnding))
        pulse.published(upTo: taken)
        profileBell.ring()
    }

    private mutating func handOutReports() {
        builder.joinReports(beyond: Self.reportLimit)
        let isLate = stop.isSet && Instant.now >= stop.deadline
        let last = isLate ? 0 : Self.lastReportPatience
        let patience = isLate ? 0 : Self.reportPatience
        while builder.isReportReady(patience: reportsLeft == 1 ? last : patience, lastPatience: last) {
            if !profiles.isEmpty {
                let since = fullSince ?? .now
                fullSince = since
                // Whoever stops us may take none but the last.
                guard isEnding, Instant.now.nanoseconds(since: since) > 50_000_000 else { return }
                if profiles.take() != nil {
                    builder.putBackReport()
                    reportsLeft = reportsLeft.map { $0 + 1 }
                }
            }
            fullSince = nil
            guard let report = builder.takeReport() else { return }
            reportsLeft = reportsLeft.map { $0 - 1 }
            profiles.put(report)
            pulse.published(upTo: taken)
            profileBell.ring()
            if report.isLast { isDone = true }
        }
    }
}
