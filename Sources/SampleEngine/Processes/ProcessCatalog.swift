/// What the resolver knows of the processes that were sampled: the sampler's sightings, filled up from `/proc`.
package struct ProcessCatalog: ~Copyable {
    var entries: [Generation: Entry] = [:]
    let proc: ProcReader
    var scans = ScanBudget()

    package init(proc: ProcReader = ProcReader()) { self.proc = proc }

    struct Entry {
        var sighting: ProcessSighting
        var comm: [UInt8]?
        var user: UInt32?
        var hasAskedProc = false
        /// Its user is its own, not its parent's.
        var hasOwnUser = false
        /// When its user was asked for; it may change it.
        var askedUser: Instant?
        /// What `/proc` said is mapped; nil until it was asked.
        var lines: [MapLine]?
        /// The task whose maps these were: the process, or a thread that has outlived its leader.
        var task: Int32?
        var scanned: Instant?
        /// Nanoseconds until they may be read again.
        var scanPause: UInt64 = 0
        /// Another generation with the same origin, to ask in its stead once it is gone.
        var heir: Generation?
    }

    /// Takes up what the sampler saw.
    package mutating func note(_ sighting: ProcessSighting) {
        var entry = entries[sighting.generation] ?? Entry(sighting: sighting)
        let isLost = sighting.lastLoss > entry.sighting.lastLoss
        let mappings = sighting.mappings.isEmpty && !isLost ? entry.sighting.mappings : sighting.mappings
        if let death = sighting.death, let scanned = entry.scanned, death < scanned.nanoseconds {
            // It had ended before /proc was asked: that was another program's answer.
            entry.lines = nil
        }
        if let scanned = entry.scanned, scanned.nanoseconds < sighting.lastLoss {
            // No record told of what changed since.
            entry.lines = nil
            entry.scanned = nil
        }
        entry.sighting = sighting
        entry.sighting.mappings = mappings
        if let comm = sighting.comm { entry.comm = comm }
        entries[sighting.generation] = entry
        if sighting.origin != sighting.generation { entries[sighting.origin]?.heir = sighting.generation }
    }

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

    /// The effective user of a generation, asked again every second while it lives; nil where nobody could tell.
    package mutating func user(of generation: Generation, now: Instant) -> UInt32? {
        let known = identity(of: generation)?.user
        guard let entry = entries[generation], entry.sighting.death == nil, let asked = entry.askedUser,
            now.nanoseconds(since: asked) > 1_000_000_000
        else { return known }
        entries[generation]?.askedUser = now
        guard isSame(entry.sighting), let user = proc.user(of: entry.sighting.pid) else { return known }
        entries[generation]?.user = user
        return user
    }

    /// Asks `/proc` for name and user; false where something is still missing.
    private mutating func askProc(_ generation: Generation) -> Bool {
        guard var entry = entries[generation] else { return true }
        entry.hasAskedProc = true
        entry.askedUser = .now
        if entry.sighting.death == nil, isSame(entry.sighting) {
            if entry.comm == nil { entry.comm = proc.comm(of: entry.sighting.pid) }
            entry.user = proc.user(of: entry.sighting.pid)
            entry.hasOwnUser = entry.user != nil
        }
        entries[generation] = entry
        return entry.comm != nil && entry.user != nil
    }

    /// Reads name, user and mappings of a process while it lives.
    package mutating func look(at generation: Generation, now: Instant) {
        _ = identity(of: generation)
        if entries[generation]?.sighting.origin == generation { scan(generation, at: now) }
    }

    /// A task that still has the memory of a process.
    package func livingTask(of pid: Int32) -> Int32 { proc.livingTask(of: pid) }

    /// Whether its own user is known, and not only its parent's.
    package func wasAsked(_ generation: Generation) -> Bool { entries[generation]?.hasOwnUser ?? false }

    /// Whether the pid still belongs to the process that was seen: one that started later is another.
    func isSame(_ sighting: ProcessSighting) -> Bool {
        guard let started = proc.startTime(of: sighting.pid) else { return false }
        return started <= sighting.firstSeen.addingSaturating(20_000_000)
    }

    /// What the sampler told of a generation last.
    package func sighting(of generation: Generation) -> ProcessSighting? { entries[generation]?.sighting }

    /// Forgets processes that ended before a time, once there are many; gives those.
    package mutating func forget(before time: Instant) -> [Generation] {
        guard entries.count > 1024 else { return [] }
        func isAlive(_ entry: Entry) -> Bool { (entry.sighting.death ?? .max) >= time.nanoseconds }
        // The dead stay while a living process that was forked from them may need their mappings.
        let all = entries
        entries = all.filter { _, entry in isAlive(entry) || entry.heir.flatMap { all[$0] }.map(isAlive) ?? false }
        return all.keys.filter { entries[$0] == nil }
    }
}
