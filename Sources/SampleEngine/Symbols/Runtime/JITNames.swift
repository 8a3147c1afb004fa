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
    private var uses: UInt64 = 0
    /// Processes whose names were dropped for want of room; they are read again when they are asked for.
    package private(set) var dropped = 0
    /// The second that `spent` is about, and the nanoseconds of it that went into reading.
    private var second = Instant.beginning
    private var spent: UInt64 = 0
    private var refusals: [String] = []
    private var refused: Set<Generation> = []
    private let proc: String
    private let host: String

    /// - Parameters:
    ///   - proc: another directory in tests.
    ///   - host: our own root; another directory in tests.
    package init(proc: String = "/proc", host: String = "/") {
        self.proc = proc
        self.host = host
    }

    private static var processLimit: Int { 256 }
    private static var byteLimit: Int { 512 << 20 }
    /// A file is looked at four times a second at the most.
    private static var pause: UInt64 { 250_000_000 }
    /// All reading together may take so much of a second: what processes write must not keep us from everything else.
    private static var share: UInt64 { 250_000_000 }

    private struct Followed {
        var file = PerfMapFile()
        var nextLook = Instant.beginning
        var lastUse: UInt64 = 0
    }

    /// Takes in what a process wrote since the last look, where that is due; returns where its names have changed.
    package mutating func refresh(_ process: JITProcess, now: Instant) -> [Range<UInt64>] {
        look(at: process, now)
        return processes[process.generation]?.file.takeChanged() ?? []
    }

    /// The name a process gave to the code at an address, as it wrote it, and the range around it where that holds.
    ///
    /// Looks at its file first, where that is due; what changes thereby, the next `refresh` tells.
    package mutating func name(
        at address: UInt64, in process: JITProcess, now: Instant, _ explanation: inout Explanation
    ) -> (name: [UInt8], start: UInt64, end: UInt64)? {
        look(at: process, now)
        guard let file = processes[process.generation]?.file else { return nil }
        explanation.add(file.explanation)
        let found = file.map.find(address)
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
    package var byteCount: Int { processes.values.reduce(0) { $0 + $1.file.map.byteCount } }

    // MARK: Looking

    private mutating func look(at process: JITProcess, _ now: Instant) {
        uses += 1
        let generation = process.generation
        if processes[generation] == nil {
            if process.hasEnded { return }
            if processes.count >= Self.processLimit { dropOldest(but: generation) }
        }
        processes[generation, default: Followed()].lastUse = uses
        guard let due = processes[generation]?.nextLook, process.hasEnded || due <= now, mayRead(now) else { return }
        let begun = Instant.now
        if process.hasEnded {
            processes[generation]?.file.refreshLast(pid: process.pid, proc: proc, host: host)
        } else {
            processes[generation]?.file.refresh(
                pid: process.pid, firstSeen: process.firstSeen, proc: proc, host: host)
        }
        noteRefusal(of: process)
        let cost = Instant.now.nanoseconds(since: begun)
        spent = spent.addingSaturating(cost)
        processes[generation]?.nextLook = now.advanced(byNanoseconds: max(Self.pause, 8 * min(cost, Self.pause)))
        while processes.count > 1, byteCount > Self.byteLimit { dropOldest(but: generation) }
    }

    private mutating func noteRefusal(of process: JITProcess) {
        guard let file = processes[process.generation]?.file, case .refused(let reason) = file.state,
            refused.count < 16,
            refused.insert(process.generation).inserted
        else { return }
        refusals.append("code that pid \(process.pid) makes has no names: \(file.path) \(reason.text)")
    }

    private mutating func mayRead(_ now: Instant) -> Bool {
        if now.nanoseconds(since: second) >= 1_000_000_000 {
            second = now
            spent = 0
        }
        return spent < Self.share
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
        case .read: "perf map \(path): \(map.lines) lines, \(map.badLines) that make no sense"
        case .refused(let reason): "perf map \(path) \(reason.text)"
        case .processGone:
            map.lines > 0 ? "perf map \(path), read before the process ended" : "no perf map: the process is gone"
        }
    }
}
