/// Turns what the sampler hands over into profiles: keeps the slices of the window, names what they refer to.
///
/// The resolver's state. Slices arrive with stack numbers of their own; here they get the session's. Nothing here waits:
/// what has no name yet is a row that says so, and what must be read is left to errands.
package struct ProfileBuilder: ~Copyable {
    private let session: SessionFacts
    private let wantedUser: UInt32?
    /// Nanoseconds that stay in view; nil: each profile takes its slices with it.
    let window: UInt64?
    var symbolizer: Symbolizer
    var slices: [Slice] = []
    /// Reports whose time is over and whose names are still being read, the oldest first.
    var closed: [ClosedReport] = []
    /// The slices of the report that was given away last: it may come back, and its numbers must still be right then.
    var handedOut: [Slice] = []
    var frames = FrameTable()
    var names = NameTable()
    private var sequence: UInt64 = 0
    private var processorBefore = ownProcessorNanoseconds() + ReaderProcess.processorNanoseconds
    private var state = Profile.State.live
    /// From how many processes on the names of those that are in no slice are dropped.
    private var processLimit = 1024
    /// What ended before that found no room any more; nil while everything is kept that was asked for.
    var keptSince: Instant?
    /// Since when names have been waited for; nil while every place has one.
    var unnamedSince: Instant?
    /// Bytes of names and frames at which it is looked for what nobody refers to.
    var tidyLimit = Limits.tidyNames
    /// Most cells kept; tests have fewer.
    var cellLimit = Limits.cells
    /// Functions that somebody holds on to though no slice may refer to them.
    package var held: Set<FunctionID> = []
    private var nextTrim = Instant.beginning
    /// The process holds more than it should, with nothing left that is free: some of the past has to go.
    package var isOverLimit = false
    private let residentLimit: UInt64?
    /// Processes whose name and user are still to be asked for.
    var unknown: [Generation] = []
    /// What came up since the session began.
    private var news = SessionNews()
    /// What to do about hidden kernel names.
    private lazy var kernelNames = KernelLimits().namesOfKernel

    package init(
        session: SessionFacts, wantedUser: UInt32?, residentLimit: UInt64? = nil,
        symbolizer: consuming Symbolizer = Symbolizer()
    ) {
        self.session = session
        self.residentLimit = residentLimit
        window = session.window
        self.wantedUser = wantedUser
        self.symbolizer = symbolizer
    }

    /// A picture of a window can be followed by a better one; without one, each profile is the last of its slices.
    package var isLive: Bool { window != nil }

    /// Nanoseconds that asking for names of processes may take of one slice; the rest are asked for with the next.
    private static var identityTime: UInt64 { 40_000_000 }

    // MARK: Slices in

    /// Reads what only `/proc` can tell of processes, while they live.
    package mutating func look(at sightings: [ProcessSighting]) {
        let deadline = Instant.now.advanced(byNanoseconds: Self.identityTime)
        for sighting in sightings {
            symbolizer.processes.note(sighting)
            // Of a crowd the rest is asked for when it is counted.
            if Instant.now < deadline {
                symbolizer.processes.look(at: sighting.generation, now: .now)
            }
        }
    }

    /// Wants to know what was written, since the last look, about code that the slice has samples of; `isRenewing` tells
    /// when that is known. Before `add`: what was sampled since belongs to the new names.
    ///
    /// - Returns: false where there is nothing to wait for.
    package mutating func renewNames(for open: borrowing OpenSlice) -> Bool {
        for code in open.kernelCode { if let made = symbolizer.note(code) { frames.renew([made], in: .kernel) } }
        guard frames.hasChangeable else { return false }
        var owners: Set<Generation> = []
        for entry in open.stacks.entries where frames.isChangeable(entry.location.space) {
            if let owner = entry.location.space.owner { owners.insert(owner) }
        }
        for owner in owners { symbolizer.renewNames(of: owner) }
        return !owners.isEmpty || frames.isRenewing
    }

    /// Whether new names of code made at run time are being looked for.
    package var isRenewing: Bool { symbolizer.isRenewing || frames.isRenewing }

    /// Takes a slice's counts and news; the open slice can be used again afterwards.
    package mutating func add(_ open: borrowing OpenSlice) {
        var rewritten: [SpaceID: FunctionID] = [:]
        for sighting in open.images {
            if let lost = symbolizer.note(sighting) { rewritten[sighting.space] = names.intern(lost) }
        }
        let deadline = Instant.now.advanced(byNanoseconds: Self.identityTime)
        for sighting in open.processes {
            // What was mapped at its addresses until now names none of what is sampled there from now on, nor the other
            // way round.
            if symbolizer.processes.note(sighting) {
                rewritten[.unmapped(sighting.generation)] = names.intern(.unknown(in: Symbolizer.noModule))
            }
            // It may have another name now, and rows of earlier slices still need one.
            guard let old = names.processes[sighting.generation], old.name != Self.beingRead else { continue }
            if Instant.now < deadline {
                names.note(facts(of: sighting.generation) ?? old, of: sighting.generation)
            } else {
                unknown.append(sighting.generation)
            }
        }
        if !rewritten.isEmpty { frames.retire(rewritten) }
        if open.targetExited { state = .exited }
        for note in open.notes { news.addOfNumbers(note) }
        let slice = slice(of: open)
        slices.append(slice)
        boundSlices()
        if let window, let newest = slices.last?.end {
            let kept = max(window, session.history)
            slices.removeAll { newest.nanoseconds(since: $0.end) >= kept }
        }
        frames.doubt(at: .now)
        frames.orderUnasked(by: slice.cells)
        if !frames.isNamed, unnamedSince == nil { unnamedSince = .now }
        tidy()
        forgetUnusedProcesses(before: open.start)
    }

    private mutating func slice(of open: borrowing OpenSlice) -> Slice {
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
        // Looked up once of each process, and once of each root and stack: in a container all cells are elsewhere.
        var roots: [Generation: ProcessRoot?] = [:]
        var elsewhere: [RootedStack: StackID] = [:]
        let deadline = Instant.now.advanced(byNanoseconds: Self.identityTime)
        if wantedUser != nil {
            symbolizer.processes.askUsers(of: Set(open.cells.cells.map(\.generation)), for: Self.identityTime)
        }
        for var cell in open.cells.cells {
            let membership = memberships[cell.generation] ?? membership(of: cell.generation, until: deadline)
            memberships[cell.generation] = membership
            if membership == .unknown { outside &+= cell.count }
            guard membership == .member else { continue }
            let root = roots[cell.generation] ?? symbolizer.root(of: cell.generation)
            roots[cell.generation] = .some(root)
            if let root {
                let place = RootedStack(root: root, stack: cell.stack)
                cell.stack = elsewhere[place] ?? rooted(cell.stack, of: open, in: cell.generation)
                elsewhere[place] = cell.stack
            } else {
                cell.stack = ids[Int(cell.stack.index)]
            }
            cells.append(cell)
        }
        if !open.overflow.cells.isEmpty {
            let other = frames.intern(StackEntry(location: Location(space: .other, value: 0)))
            for var cell in open.overflow.cells where membership(of: cell.generation, until: deadline) == .member {
                cell.stack = other
                cells.append(cell)
            }
        }
        return Slice(
            start: open.start, end: open.end, cells: cells, rings: open.rings, counted: open.counted,
            folded: open.folded, userless: outside, cost: measureCost(), raised: open.raised)
    }

    private struct RootedStack: Hashable {
        let root: ProcessRoot
        let stack: StackID
    }

    /// The session's number of a stack in a root other than ours, where the places of images are others.
    private mutating func rooted(
        _ stack: StackID, of open: borrowing OpenSlice, in generation: Generation
    ) -> StackID {
        var chain: [Location] = []
        var next: StackID? = stack
        while let index = next {
            let entry = open.stacks.entries[Int(index.index)]
            let space = symbolizer.space(of: entry.location.space, seenBy: generation)
            chain.append(Location(space: space, value: entry.location.value))
            next = entry.caller
        }
        var caller: StackID?
        for location in chain.reversed() { caller = frames.intern(StackEntry(location: location, caller: caller)) }
        return caller ?? stack
    }

    /// Whether a process belongs to the target, with its name made sure of.
    private enum Membership { case member, outsider, unknown }

    private mutating func membership(of generation: Generation, until deadline: Instant) -> Membership {
        know(generation, until: deadline)
        guard let wantedUser else { return .member }
        if generation == .idle { return wantedUser == 0 ? .member : .outsider }
        // Some of it may be the user's.
        if generation == .otherTasks { return .member }
        if symbolizer.processes.knownUser(of: generation) == wantedUser { return .member }
        // One that was gone before it could be asked, or that there was no time for, has only its parent's word at most,
        // which is not enough to leave it out.
        return symbolizer.processes.wasAsked(generation) ? .outsider : .unknown
    }

    /// What a process is called until there was time to ask for its name.
    private static var beingRead: String { "[processes being read]" }

    private mutating func know(_ generation: Generation, until deadline: Instant) {
        if names.processes[generation] != nil { return }
        guard generation.isFixed || Instant.now < deadline else {
            // Twenty thousand at once: their rows are named a moment later.
            unknown.append(generation)
            names.note(ProcessFacts(pid: -1, name: Self.beingRead), of: generation)
            return
        }
        if let facts = facts(of: generation) { names.note(facts, of: generation) }
    }

    private mutating func facts(of generation: Generation) -> ProcessFacts? {
        switch generation {
        case .idle:
            let name = Self.isOutermostNamespace ? "swapper" : "[other pid namespace]"
            return ProcessFacts(pid: 0, name: name, user: 0)
        case .exiting: return ProcessFacts(pid: -1, name: "[exiting]")
        case .otherTasks: return ProcessFacts(pid: -1, name: "[other tasks]")
        default:
            guard let known = symbolizer.processes.identity(of: generation) else { return nil }
            return ProcessFacts(
                pid: known.pid, name: known.comm.map { foreignName($0, limit: 64) } ?? "[pid \(known.pid)]",
                user: known.user)
        }
    }

    /// Asks for names of processes that there was no time for.
    ///
    /// - Returns: false once none is left.
    package mutating func knowMore() -> Bool {
        let deadline = Instant.now.advanced(byNanoseconds: Self.identityTime)
        while let generation = unknown.popLast() {
            if let facts = facts(of: generation) { names.note(facts, of: generation) }
            if Instant.now >= deadline { break }
        }
        return !unknown.isEmpty
    }

    private mutating func measureCost() -> OwnCost {
        var cost = OwnCost()
        let used = ownProcessorNanoseconds() + ReaderProcess.processorNanoseconds
        cost.processorNanoseconds = used &- processorBefore
        processorBefore = used
        cost.residentKilobytes = ownResidentKilobytes()
        // What many short lives of tables and names have left behind lies scattered; looked at now and then.
        if cost.residentKilobytes > Limits.trimKilobytes, Instant.now > nextTrim {
            trimOwnMemory()
            if let residentLimit { isOverLimit = ownResidentKilobytes() > residentLimit }
            nextTrim = Instant.now.advanced(byNanoseconds: 5_000_000_000)
        }
        cost.nameBytes = UInt64(clamping: nameBytes)
        cost.nameDescriptors = symbolizer.descriptorCount
        return cost
    }

    private static let isOutermostNamespace = ownPIDNamespaceIsOutermost()

    // MARK: Profiles out

    /// The picture as it stands; without a window its slices leave with it.
    package mutating func profile(isLast: Bool = false) -> Profile {
        let profile = profile(of: slices, closed: nil, isLast: isLast)
        if window == nil { slices = [] }
        return profile
    }

    mutating func profile(of slices: [Slice], closed: ClosedReport?, isLast: Bool) -> Profile {
        sequence += 1
        for note in symbolizer.takeNews() { news.addOfNames(note) }
        var notes = session.notes + news.sentences
        if let note = loweredRate() { notes.append(note) }
        if symbolizer.kernelIsHidden { notes.append(kernelNames) }
        return Profile(
            sequence: sequence, session: session.with(notes: notes), state: closed?.state ?? state, slices: slices,
            stacks: frames.frames, names: names.names, wallClock: closed?.wallClock ?? wallClockNanoseconds(),
            backlog: backlog, keptSince: keptSince,
            namesWaitedFor: closed.map { Instant.now.nanoseconds(since: $0.time) },
            isLast: isLast)
    }

    /// Ends a report: its slices are its own from now on, and wait for their names.
    package mutating func close(isLast: Bool) {
        closed.append(
            ClosedReport(
                slices: slices, state: state, wallClock: wallClockNanoseconds(), time: .now, isLast: isLast))
        slices = []
    }

    /// The kernel lowers the highest rate by itself where interrupts take it too long, and samples less from then on.
    private func loweredRate() -> String? {
        guard let asked = session.kernelRate, let most = KernelLimits.maxSampleRate(),
            most < asked
        else { return nil }
        return "the kernel lowered kernel.perf_event_max_sample_rate to \(most): fewer samples than asked for"
    }

    private mutating func forgetUnusedProcesses(before time: Instant) {
        symbolizer.forget(before: time)
        guard names.processes.count > processLimit else { return }
        dropUnusedProcesses()
        // Looking through all cells pays once so many more have come.
        processLimit = max(1024, 2 * names.processes.count)
    }
}
