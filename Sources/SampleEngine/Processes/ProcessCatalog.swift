/// What the resolver knows of the processes that were sampled: the sampler's sightings, filled up from `/proc`.
package struct ProcessCatalog: ~Copyable {
    var entries: [Generation: Entry] = [:]
    let proc: ProcReader
    var scans = ScanBudget()
    var uses: UInt64 = 0
    /// Generations whose mappings are to be read.
    var unscanned: [Generation] = []
    /// Lines kept of all processes, and the mappings that records told of.
    private(set) var lineCount = 0
    private(set) var mappingCount = 0

    package init(proc: ProcReader = ProcReader()) { self.proc = proc }

    struct Entry {
        var sighting: ProcessSighting
        var comm: [UInt8]?
        var user: UInt32?
        var hasAskedProc = false
        /// Nil: it is ours, as far as anybody could tell.
        var foreignRoot: ProcessRoot?
        /// Its name may have changed with records that were lost: until `/proc` tells, it is what it was.
        var isNameDoubted = false
        /// Its user is its own, not its parent's.
        var hasOwnUser = false
        /// When its user was asked for; it may change it.
        var askedUser: Instant?
        /// What `/proc` said is mapped; nil until it was asked.
        var maps: ProcessMaps?
        var lastUse: UInt64 = 0
        var scanned: Instant?
        /// `/proc` is to be asked, or is being asked.
        var scanning = Scanning.no
        /// What its mappings are wanted for.
        var wanted: [UInt64] = []
        /// `/proc` has not answered.
        var isLeft = false
        /// Nanoseconds until they may be read again.
        var scanPause: UInt64 = 0
        /// Another generation with the same origin, to ask in its stead once it is gone.
        var heir: Generation?
        /// Mappings that records told of were dropped: until they are told again, nobody knows what of `/proc` is older than
        /// a place that was sampled.
        var isIncomplete = false

        enum Scanning { case no, wanted, underWay }
    }

    /// Takes up what the sampler saw.
    ///
    /// - Returns: whether what its own addresses meant until now says nothing of them any more: records were lost, or the
    ///   sampler has dropped its mappings.
    @discardableResult
    package mutating func note(_ sighting: ProcessSighting) -> Bool {
        var entry = entries[sighting.generation] ?? Entry(sighting: sighting)
        let isLost = sighting.lastLoss > entry.sighting.lastLoss
        let mappings = sighting.mappings.isEmpty && !isLost ? entry.sighting.mappings : sighting.mappings
        if let death = sighting.death, let scanned = entry.scanned, death < scanned.nanoseconds {
            // It had ended before /proc was asked: that was another program's answer.
            entry.maps = nil
        }
        if let scanned = entry.scanned, scanned.nanoseconds < sighting.lastLoss {
            // No record told of what changed since. It is asked again at once, unless that takes long.
            entry.maps = nil
            if entry.scanPause <= Self.scanPause { entry.scanned = nil }
        }
        if isLost || !sighting.mappings.isEmpty { entry.isIncomplete = false }
        // Who was forked before has what was mapped then.
        if isLost { entry.heir = nil }
        entry.sighting = sighting
        entry.sighting.mappings = mappings
        uses += 1
        entry.lastUse = uses
        if isLost {
            entry.hasAskedProc = false
            entry.isNameDoubted = true
        }
        if let comm = sighting.comm {
            entry.comm = comm
            entry.isNameDoubted = false
        }
        put(entry, for: sighting.generation)
        makeRoom(for: sighting.generation)
        if sighting.origin != sighting.generation { entries[sighting.origin]?.heir = sighting.generation }
        return isLost
    }

    // MARK: Bounded memory

    /// Most mappings (3 MB) and most lines (5 MB) kept of all processes together. What finds no room is read anew when
    /// it is asked for.
    private static var mappingLimit: Int { 65_536 }
    private static var lineLimit: Int { 32_768 }
    /// Mappings and lines that any process may have.
    private static var fairShare: Int { 1024 }

    /// Bytes of memory held, without names.
    package var byteCount: Int { 48 * mappingCount + 160 * lineCount + 400 * entries.count }

    /// Puts an entry in the place of the one before.
    mutating func put(_ entry: Entry?, for generation: Generation) {
        let old = entries[generation]
        lineCount += (entry?.maps?.weight ?? 0) - (old?.maps?.weight ?? 0)
        mappingCount += (entry?.sighting.mappings.count ?? 0) - (old?.sighting.mappings.count ?? 0)
        entries[generation] = entry
    }

    /// Drops the mappings of the processes not asked for longest, a quarter of all at once; first of those that have so
    /// many that others would go for them.
    mutating func makeRoom(for kept: Generation) {
        guard mappingCount > Self.mappingLimit || lineCount > Self.lineLimit else { return }
        let holders = entries.filter { $0.value.maps != nil || !$0.value.sighting.mappings.isEmpty }
        func standing(_ entry: Entry) -> (Int, UInt64) {
            (-max(entry.sighting.mappings.count + (entry.maps?.weight ?? 0), Self.fairShare), entry.lastUse)
        }
        for (generation, var entry) in holders.sorted(by: { standing($0.value) < standing($1.value) }) {
            if mappingCount < Self.mappingLimit / 4 * 3, lineCount < Self.lineLimit / 4 * 3 { return }
            if generation == kept { continue }
            entry.maps = nil
            entry.scanned = nil
            // Lines can be read again; what records told is told again only when it is needed.
            if mappingCount >= Self.mappingLimit / 4 * 3 {
                entry.isIncomplete = entry.isIncomplete || !entry.sighting.mappings.isEmpty
                entry.sighting.mappings = []
            }
            put(entry, for: generation)
        }
    }

    // MARK: Identity

    /// Pid, name and user of a generation; asks `/proc` once for what no record told.
    package mutating func identity(of generation: Generation) -> (pid: Int32, comm: [UInt8]?, user: UInt32?)? {
        guard entries[generation] != nil else { return nil }
        // From the process up to the first ancestor with nothing to ask. A loop: a chain of forks can be of any length.
        var chain: [Generation] = []
        var next: Generation? = generation
        while let asked = next, let entry = entries[asked] {
            chain.append(asked)
            if entry.hasAskedProc { break }
            next = askProc(asked) ? nil : entry.sighting.parent
        }
        for (asked, parent) in zip(chain, chain.dropFirst()).reversed() {
            guard var entry = entries[asked], let inherited = entries[parent] else { continue }
            entry.comm = entry.comm ?? inherited.comm
            entry.user = entry.user ?? inherited.user
            entries[asked] = entry
        }
        return entries[generation].map { ($0.sighting.pid, $0.comm, $0.user) }
    }

    /// Asks for the effective users of processes, and again every second while they live, for as long as there is time:
    /// first those that nobody has asked for yet, then those asked for longest ago. One at least, so that all have their
    /// turn.
    package mutating func askUsers(of generations: Set<Generation>, for nanoseconds: UInt64) {
        let known = generations.compactMap { generation in
            entries[generation].map { (generation: generation, asked: $0.askedUser ?? .beginning) }
        }
        let byTime = known.sorted { $0.asked < $1.asked }
        let begun = Instant.now
        for (generation, _) in byTime {
            let now = Instant.now
            askUser(of: generation, now: now)
            if now.nanoseconds(since: begun) >= nanoseconds { return }
        }
    }

    private mutating func askUser(of generation: Generation, now: Instant) {
        _ = identity(of: generation)
        guard let entry = entries[generation], entry.sighting.death == nil, let asked = entry.askedUser,
            now.nanoseconds(since: asked) > 1_000_000_000
        else { return }
        entries[generation]?.askedUser = now
        guard proc.isSame(entry.sighting), let user = proc.user(of: entry.sighting.pid) else { return }
        entries[generation]?.user = user
        entries[generation]?.hasOwnUser = true
    }

    /// The root that a process had when it was asked for, unless that is ours; who opens files there looks again.
    func foreignRoot(of generation: Generation) -> ProcessRoot? { entries[generation]?.foreignRoot }

    /// The effective user of a generation, as it was asked for last; nil where nobody could tell.
    package func knownUser(of generation: Generation) -> UInt32? { entries[generation]?.user }

    /// Asks `/proc` for name and user; false where something is still missing.
    private mutating func askProc(_ generation: Generation) -> Bool {
        guard var entry = entries[generation] else { return true }
        entry.hasAskedProc = true
        entry.askedUser = .now
        if entry.sighting.death == nil, proc.isSame(entry.sighting) {
            if entry.comm == nil || entry.isNameDoubted {
                entry.comm = proc.comm(of: entry.sighting.pid) ?? entry.comm
                entry.isNameDoubted = false
            }
            entry.user = proc.user(of: entry.sighting.pid)
            entry.hasOwnUser = entry.user != nil
            entry.foreignRoot = proc.processRoot(of: entry.sighting.pid).flatMap { $0 == .own ? nil : $0 }
        }
        entries[generation] = entry
        return entry.comm != nil && entry.user != nil
    }

    /// Reads name and user of a process while it lives, and wants its mappings.
    package mutating func look(at generation: Generation, now: Instant) {
        _ = identity(of: generation)
        if entries[generation]?.sighting.origin == generation { _ = scan(generation, at: now) }
    }

    /// Whether its own user is known, and not only its parent's.
    package func wasAsked(_ generation: Generation) -> Bool { entries[generation]?.hasOwnUser ?? false }

    /// What the sampler told of a generation last.
    package func sighting(of generation: Generation) -> ProcessSighting? { entries[generation]?.sighting }

    /// Forgets processes that ended before a time, once there are many; gives those.
    package mutating func forget(before time: Instant) -> [Generation] {
        guard entries.count > 1024 else { return [] }
        func isAlive(_ entry: Entry) -> Bool { (entry.sighting.death ?? .max) >= time.nanoseconds }
        // The dead stay while a living process that was forked from them may need their mappings.
        let gone = entries.compactMap { generation, entry in
            isAlive(entry) || (entry.heir.flatMap { entries[$0] }.map(isAlive) ?? false) ? nil : generation
        }
        for generation in gone { put(nil, for: generation) }
        // A dictionary keeps room for the most that it ever held.
        if entries.count < entries.capacity / 4 { entries = entries.filter { _ in true } }
        return gone
    }
}
