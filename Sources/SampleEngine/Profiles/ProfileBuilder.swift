/// Turns what the sampler hands over into profiles: keeps the slices of the window, names what they refer to.
///
/// The resolver's state. Slices arrive with stack numbers of their own; here they get the session's.
package struct ProfileBuilder: ~Copyable {
    private let session: SessionFacts
    private let wantedUser: UInt32?
    /// Nanoseconds that stay in view; nil: each profile takes its slices with it.
    private let window: UInt64?
    private var symbolizer = Symbolizer()
    private var slices: [Slice] = []
    private var frames = FrameTable()
    private var names = Names()
    private var functionIDs: [Function: FunctionID] = [:]
    private var moduleIDs: [Module: ModuleID] = [:]
    private var sequence: UInt64 = 0
    private var processorBefore = ownProcessorNanoseconds()
    private var state = Profile.State.live
    /// From how many processes on the names of those that are in no slice are dropped.
    private var processLimit = 1024
    /// What ended before that found no room any more; nil while everything is kept that was asked for.
    private var keptSince: Instant?
    /// Since when names have been waited for; nil while every place has one.
    private var unnamedSince: Instant?
    /// What came up since the session began.
    private var news: [String] = []
    /// What to do about hidden kernel names.
    private lazy var kernelNames = KernelLimits().namesOfKernel

    package init(session: SessionFacts, wantedUser: UInt32?) {
        self.session = session
        window = session.window
        self.wantedUser = wantedUser
    }

    /// A picture of a window can be followed by a better one; without one, each profile is the last of its slices.
    package var isLive: Bool { window != nil }

    /// Most frames kept; when there are more, those that no slice in view uses are forgotten.
    private static var frameLimit: Int { 1 << 18 }

    // MARK: Slices in

    /// Takes back a profile that nobody took: without a window its slices go with the next one.
    package mutating func takeBack(_ untaken: Profile) {
        if window == nil { slices = untaken.slices + slices }
    }

    /// Reads what only `/proc` can tell of processes, while they live.
    package mutating func look(at sightings: [ProcessSighting]) {
        for sighting in sightings {
            symbolizer.processes.note(sighting)
            symbolizer.processes.look(at: sighting.generation, now: .now)
        }
    }

    /// Takes a slice's counts and news; the open slice can be used again afterwards.
    package mutating func add(_ open: borrowing OpenSlice) {
        for sighting in open.images where symbolizer.note(sighting) { frames.retire(sighting.space) }
        for sighting in open.processes {
            symbolizer.processes.note(sighting)
            // It may have another name now, and rows of earlier slices still need one.
            if names.processes.removeValue(forKey: sighting.generation) != nil { know(sighting.generation) }
        }
        if open.targetExited { state = .exited }
        for note in open.notes where !news.contains(note) && news.count < 16 { news.append(note) }
        if frames.frames.count > Self.frameLimit { frames.keepOnly(usedBy: &slices) }
        renewNames(of: open)

        var ids: [StackID] = []
        ids.reserveCapacity(open.stacks.entries.count)
        for entry in open.stacks.entries {
            // A caller always stands before what it called.
            let caller = entry.caller.map { ids[Int($0.index)] }
            ids.append(frames.intern(StackEntry(location: entry.location, caller: caller)))
        }
        var cells: [Cell] = []
        cells.reserveCapacity(open.cells.cells.count + open.overflow.cells.count)
        var outside: UInt64 = 0
        var memberships: [Generation: Membership] = [:]
        for var cell in open.cells.cells {
            let membership = memberships[cell.generation] ?? membership(of: cell.generation)
            memberships[cell.generation] = membership
            if membership == .unknown { outside &+= cell.count }
            guard membership == .member else { continue }
            cell.stack = ids[Int(cell.stack.index)]
            cells.append(cell)
        }
        if !open.overflow.cells.isEmpty {
            let other = frames.intern(StackEntry(location: Location(space: .other, value: 0)))
            for var cell in open.overflow.cells where membership(of: cell.generation) == .member {
                cell.stack = other
                cells.append(cell)
            }
        }
        slices.append(
            Slice(
                start: open.start, end: open.end, cells: cells, rings: open.rings, counted: open.counted,
                folded: open.folded, userless: outside, cost: measureCost()))
        boundSlices()
        if let window, let newest = slices.last?.end {
            let kept = max(window, session.history)
            slices.removeAll { newest.nanoseconds(since: $0.end) >= kept }
        }
        frames.doubt(at: .now)
        frames.orderUnnamed(by: cells)
        forgetUnusedProcesses(before: open.start)
    }

    /// Looks for new names where code is made at run time: by the kernel, and by processes that were sampled again.
    private mutating func renewNames(of open: borrowing OpenSlice) {
        let made = open.kernelCode.compactMap { symbolizer.note($0) }
        guard frames.hasChangeable else { return }
        renew(made, in: .kernel)
        var spaces: Set<SpaceID> = []
        for entry in open.stacks.entries where frames.isChangeable(entry.location.space) {
            spaces.insert(entry.location.space)
        }
        for owner in Set(spaces.compactMap(\.owner)) {
            let changed = symbolizer.changedNames(of: owner, now: .now)
            for space in [.anonymous(owner), .unmapped(owner)] as [SpaceID] { renew(changed, in: space) }
        }
    }

    private mutating func renew(_ changed: [Range<UInt64>], in space: SpaceID) {
        for id in frames.touched(by: changed, in: space) {
            let frame = frames.frames[Int(id.index)]
            let symbol = symbolizer.answer(at: frame.location, now: .now).symbol
            let hadName = frame.function.map { names.functions[Int($0.index)].source != .none } ?? false
            frames.rename(id, intern(symbol), hadName: hadName)
        }
    }

    /// Whether a process belongs to the target, with its name made sure of.
    private enum Membership { case member, outsider, unknown }

    private mutating func membership(of generation: Generation) -> Membership {
        know(generation)
        guard let wantedUser else { return .member }
        if generation == .idle { return wantedUser == 0 ? .member : .outsider }
        let user = symbolizer.processes.user(of: generation, now: .now)
        if user == wantedUser { return .member }
        // One that was gone before it could be asked has only its parent's word, which is not enough to leave it out.
        return symbolizer.processes.wasAsked(generation) ? .outsider : .unknown
    }

    private mutating func know(_ generation: Generation) {
        if names.processes[generation] != nil { return }
        switch generation {
        case .idle:
            let name = Self.isOutermostNamespace ? "swapper" : "[other pid namespace]"
            names.processes[generation] = ProcessFacts(pid: 0, name: name, user: 0)
        case .exiting: names.processes[generation] = ProcessFacts(pid: -1, name: "[exiting]")
        default:
            guard let known = symbolizer.processes.identity(of: generation) else { return }
            names.processes[generation] = ProcessFacts(
                pid: known.pid, name: known.comm.map { displayText($0, limit: 64) } ?? "[pid \(known.pid)]",
                user: known.user)
        }
    }

    private mutating func measureCost() -> OwnCost {
        var cost = OwnCost()
        let used = ownProcessorNanoseconds()
        cost.processorNanoseconds = used &- processorBefore
        processorBefore = used
        cost.residentKilobytes = ownResidentKilobytes()
        return cost
    }

    private static let isOutermostNamespace = ownPIDNamespaceIsOutermost()

    // MARK: Names

    /// Names what has no name yet, until a time is reached.
    ///
    /// - Returns: true once everything in view has its name.
    package mutating func name(until deadline: Instant) -> Bool {
        if unnamedSince == nil, !frames.isNamed { unnamedSince = .now }
        while let id = frames.takeUnnamed() {
            let now = Instant.now
            let answer = symbolizer.answer(at: frames.frames[Int(id.index)].location, now: now)
            frames.name(
                id, intern(answer.symbol), isFinal: answer.isFinal,
                isChangeable: answer.symbol.isChangeable, now: now)
            if now > deadline { break }
        }
        if frames.isNamed { unnamedSince = nil }
        return frames.isNamed
    }

    /// What takes less than this needs no word.
    private static var patience: UInt64 { 150_000_000 }

    private var backlog: NamingBacklog? {
        guard let since = unnamedSince, Instant.now.nanoseconds(since: since) > Self.patience,
            let waiting = frames.waiting
        else { return nil }
        return NamingBacklog(
            places: waiting.places, spaces: waiting.spaces, next: symbolizer.name(of: waiting.next))
    }

    private mutating func intern(_ symbol: Symbol) -> FunctionID {
        let module: ModuleID
        if let known = moduleIDs[symbol.module] {
            module = known
        } else {
            module = ModuleID(UInt32(names.modules.count))
            names.modules.append(symbol.module)
            moduleIDs[symbol.module] = module
        }
        let function = Function(
            name: symbol.name, shortName: symbol.shortName, rawName: symbol.rawName, module: module, kind: symbol.kind,
            source: symbol.source)
        if let known = functionIDs[function] { return known }
        let id = FunctionID(UInt32(names.functions.count))
        names.functions.append(function)
        functionIDs[function] = id
        return id
    }

    // MARK: Profiles out

    /// The picture as it stands; without a window its slices leave with it.
    package mutating func profile() -> Profile {
        sequence += 1
        for note in symbolizer.takeNews() where news.count < 16 { news.append(note) }
        var notes = session.notes + news
        if let note = loweredRate() { notes.append(note) }
        if symbolizer.kernelIsHidden { notes.append(kernelNames) }
        let profile = Profile(
            sequence: sequence,
            session: session.with(notes: notes),
            state: state, slices: slices, stacks: frames.frames, names: names, wallClock: wallClockNanoseconds(),
            backlog: backlog, keptSince: keptSince)
        if window == nil { slices = [] }
        return profile
    }

    /// The kernel lowers the highest rate by itself where interrupts take it too long, and samples less from then on.
    private func loweredRate() -> String? {
        guard let asked = session.kernelRate, let most = KernelLimits.maxSampleRate(),
            most < asked
        else { return nil }
        return "the kernel lowered kernel.perf_event_max_sample_rate to \(most): fewer samples than asked for"
    }

    // MARK: Bounded memory

    /// Most cells kept (8 MB), and most slices.
    private static var cellLimit: Int { 1 << 18 }
    private static var sliceLimit: Int { 600 }

    /// Beyond the limits the oldest slice of the history goes first. Of the window two neighbors become one where they tell
    /// of the same places: it only gets coarser; where that would save nothing the oldest slice goes too, and it is said.
    /// Without a window a report waits for its slices: they are joined whatever it saves, and none goes.
    private mutating func boundSlices() {
        var cells = slices.reduce(0) { $0 + $1.cells.count }
        while slices.count > 1, cells > Self.cellLimit || slices.count > Self.sliceLimit {
            let isHistory = window.map { slices[slices.count - 1].end.nanoseconds(since: slices[0].end) >= $0 } ?? false
            if !isHistory, let pair = smallestPair() {
                let both = slices[pair].cells.count + slices[pair + 1].cells.count
                let joined = slices[pair].joined(with: slices[pair + 1])
                if joined.cells.count < both - both / 4 || cells <= Self.cellLimit || window == nil {
                    cells += joined.cells.count - both
                    slices.replaceSubrange(pair...(pair + 1), with: [joined])
                    continue
                }
            }
            if window == nil { return }
            keptSince = slices[0].end
            cells -= slices.removeFirst().cells.count
        }
    }

    /// The two neighbors with the fewest cells, without the newest slice, that are short enough to be one.
    private func smallestPair() -> Int? {
        // One that is long beside the window would be on the screen long after what is in it has left.
        let longest = window.map { $0 / 8 } ?? .max
        let pairs = (0..<max(slices.count - 2, 0)).filter {
            slices[$0 + 1].end.nanoseconds(since: slices[$0].start) <= longest
        }
        return pairs.min {
            slices[$0].cells.count + slices[$0 + 1].cells.count < slices[$1].cells.count + slices[$1 + 1].cells.count
        }
    }

    private mutating func forgetUnusedProcesses(before time: Instant) {
        symbolizer.forget(before: time)
        guard names.processes.count > processLimit else { return }
        var used: Set<Generation> = []
        for slice in slices { for cell in slice.cells { used.insert(cell.generation) } }
        names.processes = names.processes.filter { used.contains($0.key) }
        // Looking through all cells pays once so many more have come.
        processLimit = max(1024, 2 * names.processes.count)
    }
}
