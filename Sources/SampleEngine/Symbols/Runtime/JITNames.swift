/// A process whose code may have names of its own making.
package struct JITProcess: Sendable {
    package let generation: Generation
    package let pid: Int32
    /// What was read of it stays.
    package let hasEnded: Bool
    /// A process of this number that started later is another one.
    package let firstSeen: UInt64

    package init(generation: Generation, pid: Int32, hasEnded: Bool = false, firstSeen: UInt64) {
        self.generation = generation
        self.pid = pid
        self.hasEnded = hasEnded
        self.firstSeen = firstSeen
    }

    package init(_ sighting: ProcessSighting) {
        self.init(
            generation: sighting.generation, pid: sighting.pid, hasEnded: sighting.death != nil,
            firstSeen: sighting.firstSeen)
    }
}

/// Names of code that was made at run time: the perf maps of all processes that were asked for. Used by the resolver.
package struct JITNames: ~Copyable {
    private var processes: [Generation: Followed] = [:]
    /// Processes that others were forked from which have no map of their own.
    private var forebears: [Forebear: Followed] = [:]
    private var uses: UInt64 = 0
    /// Processes whose names were dropped for want of room; they are read again when they are asked for.
    package private(set) var dropped = 0
    /// All reading together may take so much processor time of a second: what processes write must not keep us from
    /// everything else.
    private var share = TimeShare(perSecond: 250_000_000)
    /// Pays for what is read, and says whether it is still wanted; whoever lends the names sets it.
    var permit = ReadingPermit.unlimited
    private var refusals: [String] = []
    private var refused: Set<Generation> = []
    private let proc: String
    private let host: String
    private let byteLimit: Int

    /// - Parameters:
    ///   - proc: another directory in tests.
    ///   - host: our own root; another directory in tests.
    ///   - byteLimit: most bytes of names.
    package init(proc: String = ProcFolder.root, host: String = "/", byteLimit: Int = 16 << 20) {
        self.proc = proc
        self.host = host
        self.byteLimit = byteLimit
    }

    private static var processLimit: Int { 256 }
    /// A file is looked at four times a second at the most.
    private static var pause: UInt64 { 250_000_000 }
    private static var forebearLimit: Int { 32 }
    private static var refusalLimit: Int { 1024 }

    private struct Forebear: Hashable {
        let pid: Int32
        let tick: UInt64
    }

    private struct Followed {
        var file = PerfMapFile()
        var nextLook = Instant.beginning
        var lastUse: UInt64 = 0
        /// There was no time to look at the map of one that it was forked from.
        var isForebearPutOff = false
    }

    /// Takes in what a process wrote since the last look, where that is due; returns where its names have changed.
    package mutating func refresh(_ process: JITProcess, now: Instant) -> [Range<UInt64>] {
        look(at: process, now)
        if processes[process.generation]?.isForebearPutOff == true {
            processes[process.generation]?.isForebearPutOff = false
            return [0..<UInt64.max]
        }
        return processes[process.generation]?.file.takeChanged() ?? []
    }

    /// The name a process gave to the code at an address, as it wrote it, and the range around it where that holds.
    ///
    /// Looks at its file first, where that is due; what changes thereby, the next `refresh` tells.
    package mutating func name(
        at address: UInt64, in process: JITProcess, now: Instant, _ explanation: inout Explanation
    ) -> (name: [UInt8], start: UInt64, end: UInt64, source: NameSource)? {
        look(at: process, now)
        guard let file = processes[process.generation]?.file else { return nil }
        explanation.add(file.explanation)
        if file.state == .absent { return inheritedName(at: address, in: process, now, &explanation) }
        let found = file.map.find(address).map {
            (name: $0.name, start: $0.start, end: $0.end, source: NameSource.perfMap)
        }
        if case .refused = file.state, file.map.lines == 0 { return nil }
        explanation.add(
            found.map { "\(hex(address)) is in its line \(hex($0.start))-\(hex($0.end))" }
                ?? "\(hex(address)) is in none of its lines")
        return found
    }

    /// What became of a process's perf map; nil where nobody has asked for it.
    package func state(of generation: Generation) -> PerfMapState? { processes[generation]?.file.state }

    /// Why maps that are there were not read, each said once, with the process's number.
    package mutating func takeRefusals() -> [String] {
        defer { refusals = [] }
        return refusals
    }

    /// Forgets what a process wrote.
    package mutating func forget(_ generation: Generation) { processes[generation] = nil }

    /// Bytes of memory held.
    package var byteCount: Int {
        processes.values.reduce(0) { $0 + $1.file.map.byteCount }
            + forebears.values.reduce(0) { $0 + $1.file.map.byteCount }
    }

    // MARK: Inherited

    /// The name that a process which this one was forked from gave to code that both still have in common.
    private mutating func inheritedName(
        at address: UInt64, in process: JITProcess, _ now: Instant, _ explanation: inout Explanation
    ) -> (name: [UInt8], start: UInt64, end: UInt64, source: NameSource)? {
        let reader = ProcReader(root: proc)
        guard let own = ProcessCredentials(of: process.pid, proc: proc) else { return nil }
        var pid = process.pid
        // A server's helpers are forked from it, and theirs from them; few go deeper.
        for _ in 0..<4 {
            guard let parent = reader.parent(of: pid), parent > 0, let tick = reader.startTick(of: parent),
                SharedPage.isShared(address, by: process.pid, and: parent, proc: proc),
                let credentials = ProcessCredentials(of: parent, proc: proc),
                credentials.realUser == own.realUser, credentials.effectiveUser == own.effectiveUser
            else { break }
            pid = parent
            let key = Forebear(pid: parent, tick: tick)
            let isRead = look(atForebear: key, now)
            if !isRead { processes[process.generation]?.isForebearPutOff = true }
            guard let file = forebears[key]?.file, let found = file.map.find(address),
                reader.startTick(of: parent) == tick
            else { continue }
            explanation.add(
                "forked from \(parent), the page is still common to both: \(file.path), "
                    + "line \(hex(found.start))-\(hex(found.end))")
            return (found.name, found.start, found.end, .parentPerfMap)
        }
        explanation.add("no page in common with a process that it was forked from and that has a map")
        return nil
    }

    /// False where it has never been looked at, for want of time.
    private mutating func look(atForebear key: Forebear, _ now: Instant) -> Bool {
        uses += 1
        if forebears[key] == nil, forebears.count >= Self.forebearLimit,
            let oldest = forebears.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            forebears[oldest.key] = nil
        }
        forebears[key, default: Followed()].lastUse = uses
        if let due = forebears[key]?.nextLook, due <= now, share.isLeft(at: now) {
            let (begun, used) = (Instant.now, ownThreadNanoseconds())
            // In place: a copy of what is followed would copy the whole map.
            forebears[key]?.file.refresh(
                pid: key.pid, firstSeen: begun.nanoseconds, proc: proc, host: host, permit: permit)
            let nextLook = spend(since: begun, used, now)
            forebears[key]?.nextLook = nextLook
        }
        while forebears.count > 1, byteCount > byteLimit,
            let oldest = forebears.filter({ $0.key != key }).min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            forebears[oldest.key] = nil
        }
        return forebears[key].map { $0.nextLook > .beginning } ?? false
    }

    // MARK: Looking

    private mutating func look(at process: JITProcess, _ now: Instant) {
        uses += 1
        let generation = process.generation
        if processes[generation] == nil {
            if process.hasEnded { return }
            if processes.count >= Self.processLimit { dropOldest(but: generation) }
        }
        processes[generation, default: Followed()].lastUse = uses
        guard let due = processes[generation]?.nextLook, process.hasEnded || due <= now, share.isLeft(at: now) else {
            return
        }
        let (begun, used) = (Instant.now, ownThreadNanoseconds())
        if process.hasEnded {
            processes[generation]?.file.refreshLast(pid: process.pid, proc: proc, host: host, permit: permit)
        } else {
            processes[generation]?.file.refresh(
                pid: process.pid, firstSeen: process.firstSeen, proc: proc, host: host, permit: permit)
        }
        noteRefusal(of: process)
        let nextLook = spend(since: begun, used, now)
        processes[generation]?.nextLook = nextLook
        while processes.count > 1, byteCount > byteLimit { dropOldest(but: generation) }
    }

    private mutating func noteRefusal(of process: JITProcess) {
        guard let file = processes[process.generation]?.file, case .refused(let reason) = file.state,
            refused.count < Self.refusalLimit,
            refused.insert(process.generation).inserted
        else { return }
        let remedy = reason.remedy(file.path).map { "; \($0)" } ?? ""
        refusals.append("code that pid \(process.pid) makes has no names: \(file.path) \(reason.text)\(remedy)")
    }

    /// Counts what a look took; gives when its file may be looked at again.
    private mutating func spend(since begun: Instant, _ used: UInt64, _ now: Instant) -> Instant {
        share.spend(ownThreadNanoseconds() &- used)
        let wall = Instant.now.nanoseconds(since: begun)
        return now.advanced(byNanoseconds: max(Self.pause, 8 * min(wall, Self.pause)))
    }

    private mutating func dropOldest(but kept: Generation) {
        let others = processes.filter { $0.key != kept }
        guard let oldest = others.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
        processes[oldest.key] = nil
        dropped += 1
    }
}

extension PerfMapFile {
    fileprivate var explanation: String {
        switch state {
        case .absent: "no perf map: \(path) is not there"
        case .read:
            "perf map \(path): \(map.lines) lines, \(map.badLines) that make no sense"
                + (map.forgotten > 0 ? ", the oldest forgotten" : "")
        case .refused(let reason): "perf map \(path) \(reason.text)"
        case .processGone:
            map.lines > 0 ? "perf map \(path), read before the process ended" : "no perf map: the process is gone"
        }
    }
}
