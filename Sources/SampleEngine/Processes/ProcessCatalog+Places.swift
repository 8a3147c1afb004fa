extension ProcessCatalog {
    /// What an address of a process turned out to be.
    package enum Place: Sendable {
        /// A file's mapping, with a task that has it.
        case file(MapLine, task: Int32)
        /// A place in an image that records told of: a hole in its mapping, filled with a copy of the file's code.
        case image(SpaceID, FileOffset, memory: UInt64)
        /// Memory that is no file, by the start of its mapping.
        case memory(start: UInt64)
        /// The kernel's code page as every process of our own kind has it.
        case vdso(offset: UInt64)
        /// The one that a process of another kind has (32 bits): only its own memory shows it.
        case foreignVDSO(MapLine, task: Int32)
        /// The fixed page of old system calls, by the offset in it.
        case vsyscall(offset: UInt64)
        /// What the kernel mapped for a purpose of its own, by its name in brackets.
        case kernelPage(name: [UInt8])
        /// - Parameter mayCome: it lives, and a later look may tell.
        case unknown(mayCome: Bool)
    }

    /// What lay at an address that only the generation itself can explain; nil: its mappings are being read.
    ///
    /// `/proc` tells of a later time than the sample's. It is believed only where no record told of a mapping since.
    /// - Parameter isMemory: it was memory and no file when it was sampled.
    package mutating func place(
        _ address: UInt64, in generation: Generation, isMemory: Bool = false, at now: Instant,
        _ explanation: inout Explanation
    ) -> Place? {
        if address & ~0xfff == Self.vsyscallPage { return .vsyscall(offset: address & 0xfff) }
        uses += 1
        entries[generation]?.lastUse = uses
        guard let entry = entries[generation] else { return .unknown(mayCome: false) }
        let mappings = entry.sighting.mappings
        let next = lowerBound(mappings.count) { mappings[$0].end <= address }
        if next < mappings.count, mappings[next].start <= address, !mappings[next].space.isUnmapped {
            let mapping = mappings[next]
            explanation.add("mapping \(hex(mapping.start))-\(hex(mapping.end)), by the kernel's record")
            // A file here, and the sample has not found it: it came after the sample.
            guard mapping.space.owner != nil else { return .unknown(mayCome: false) }
            if let place = Self.filled(next, of: mappings, address) { return place }
            return placeInMemory(address, mapping.start, in: generation, at: now, &explanation)
        }
        let isAlive = entry.sighting.death == nil
        if entry.isIncomplete, !isMemory {
            explanation.add("its mappings were dropped for want of room: what /proc has there may have come later")
            return .unknown(mayCome: isAlive)
        }
        guard let known = scannedLine(of: address, in: generation, at: now) else { return nil }
        guard let line = known.line else {
            let maps = "\(proc.root)/\(entry.sighting.pid)/maps"
            explanation.add(
                entries[generation]?.isLeft == true
                    ? "\(maps) does not answer"
                    : entries[generation]?.maps == nil
                        ? "\(maps) cannot be read: the process is gone, or it is not this user's to look into"
                        : "no mapping covers it in \(maps)")
            return .unknown(mayCome: isAlive)
        }
        let task = entries[generation]?.maps?.task ?? entry.sighting.pid
        explanation.add("mapping \(line.summary), by /proc/\(task)/maps")
        if isMemory {
            // What is no memory now came after the sample.
            guard line.isMemory || Self.isFileInMemory(line) else { return .unknown(mayCome: false) }
            return placeInMemory(address, line.start, in: generation, at: now, &explanation)
        }
        if line.path.elementsEqual("[vdso]".utf8) {
            return line.start >> 32 == 0
                ? .foreignVDSO(line, task: task) : .vdso(offset: address - line.start)
        }
        if line.isMemory { return placeInMemory(address, line.start, in: generation, at: now, &explanation) }
        if line.inode == 0 { return .kernelPage(name: line.path) }
        return .file(line, task: task)
    }

    static var scanPause: UInt64 { 250_000_000 }
    private static var restAfterNone: UInt64 { 60_000_000_000 }
    private static var vsyscallPage: UInt64 { 0xffff_ffff_ff60_0000 }

    // MARK: Memory that is no file

    /// Memory may still be a file's code: a memfd, or a copy of a file's own text in larger pages.
    private mutating func placeInMemory(
        _ address: UInt64, _ start: UInt64, in generation: Generation, at now: Instant,
        _ explanation: inout Explanation
    ) -> Place? {
        guard let known = scannedLine(of: address, in: generation, at: now) else { return nil }
        guard let line = known.line, let task = entries[generation]?.maps?.task else { return .memory(start: start) }
        if line.isMoved { explanation.add("memory in a hole of \(line.summary): text moved to other pages") }
        return Self.isFileInMemory(line) ? .file(line, task: task) : .memory(start: start)
    }

    private static func isFileInMemory(_ line: MapLine) -> Bool {
        line.isMoved || line.inode != 0 && line.path.starts(with: "/memfd:".utf8)
    }

    /// The same by what the records told: an image below and above the memory, with one distance between address and
    /// offset. Few pieces of memory fill a hole, so not many are looked past.
    private static func filled(_ hole: Int, of mappings: [Mapping], _ address: UInt64) -> Place? {
        let few = 64
        guard
            let below = mappings[max(0, hole - few)..<hole].last(where: { $0.space.owner == nil }),
            below.space.isImage,
            let above = mappings[(hole + 1)..<min(mappings.count, hole + 1 + few)].first(where: {
                $0.space.owner == nil
            }),
            above.space == below.space, below.start &- below.offset == above.start &- above.offset
        else { return nil }
        return .image(
            below.space, FileOffset(address &- below.start &+ below.offset), memory: mappings[hole].start)
    }

    // MARK: /proc/PID/maps

    /// What `/proc` was asked for, and what it said.
    package struct Scanned: Sendable {
        package let generation: Generation
        fileprivate let maps: ProcessMaps?
        /// Nanoseconds that it took, and those of them that were a processor's: one whose `/proc` is slow to answer keeps
        /// nobody else from being asked.
        fileprivate let cost: UInt64
        fileprivate let used: UInt64
        fileprivate let time: Instant
    }

    /// Asks `/proc` what a process has mapped.
    package struct Scan: Sendable {
        let generation: Generation
        /// The process, and another one with the same mappings in case it is gone.
        fileprivate let sightings: [ProcessSighting]
        fileprivate let wanted: [UInt64]
        fileprivate let proc: ProcReader
        var pid: Int32? { sightings.first?.pid }

        /// - Parameter time: the moment that the answer is of.
        package func run(at time: Instant) -> Scanned {
            let (begun, before) = (Instant.now, ownThreadNanoseconds())
            var maps: ProcessMaps?
            for sighting in sightings where maps == nil {
                // The pid may be another process's by now: the same one before and after, or no answer.
                guard sighting.death == nil, proc.isSame(sighting) else { continue }
                maps = proc.maps(of: sighting.pid, wanted: wanted)
                if !proc.isSame(sighting) { maps = nil }
            }
            return Scanned(
                generation: generation, maps: maps, cost: Instant.now.nanoseconds(since: begun),
                used: ownThreadNanoseconds() &- before, time: time)
        }
    }

    /// The line of an address, nil where it has none; nil in all: its maps are being read.
    private mutating func scannedLine(
        of address: UInt64, in generation: Generation, at now: Instant
    ) -> (line: MapLine?, Void)? {
        if let known = line(of: address, in: generation) { return (known, ()) }
        guard scan(generation, at: now, for: address) else { return (nil, ()) }
        return nil
    }

    private func line(of address: UInt64, in generation: Generation) -> MapLine? {
        guard let lines = entries[generation]?.maps?.lines else { return nil }
        // By rising start, as the kernel writes them.
        let next = lowerBound(lines.count) { lines[$0].end <= address }
        guard next < lines.count, lines[next].start <= address else { return nil }
        return lines[next]
    }

    /// Wants the maps of a generation read, or again where that is a while ago and it did not have the address.
    ///
    /// - Returns: false where that is not due.
    mutating func scan(_ generation: Generation, at now: Instant, for address: UInt64? = nil) -> Bool {
        guard var entry = entries[generation] else { return false }
        if entry.scanning == .no {
            if let scanned = entry.scanned, now.nanoseconds(since: scanned) < entry.scanPause { return false }
            guard entry.sighting.death == nil || entry.heir != nil && entry.maps == nil, scans.take(at: now) else {
                return false
            }
            entry.scanning = .wanted
            unscanned.append(generation)
        }
        let isAddressWanted = entry.wanted.count < ProcessMaps.wantedLimit
        entries[generation] = consume entry
        // In place: a copy of the entry would copy all of them for each one.
        if let address, isAddressWanted { entries[generation]?.wanted.append(address) }
        return true
    }

    /// What is to be asked of `/proc` now.
    package mutating func takeScans(at now: Instant) -> [Scan] {
        defer { unscanned = [] }
        return unscanned.compactMap { generation in
            guard let entry = entries[generation] else { return nil }
            entries[generation]?.scanning = .underWay
            entries[generation]?.wanted = []
            let heir = entry.maps == nil ? entry.heir.flatMap { entries[$0]?.sighting } : nil
            return Scan(
                generation: generation, sightings: [entry.sighting] + [heir].compactMap(\.self),
                wanted: entry.wanted.sorted(), proc: proc)
        }
    }

    /// `/proc` does not answer for a process.
    mutating func leave(_ generation: Generation, at now: Instant) {
        entries[generation]?.isLeft = true
        entries[generation]?.scanning = .no
        entries[generation]?.scanned = now
        entries[generation]?.scanPause = Self.restAfterNone
    }

    /// Takes in what `/proc` said.
    package mutating func take(_ scanned: Scanned) {
        scans.spend(scanned.used)
        guard var entry = entries[scanned.generation] else { return }
        entry.scanning = .no
        entry.isLeft = false
        entry.scanned = scanned.time
        // Sixty thousand mappings take a while: never more than an eighth of the time.
        entry.scanPause = max(Self.scanPause, 8 * min(scanned.cost, 1 << 40))
        let hasEnded = entry.sighting.death.map { $0 < scanned.time.nanoseconds } ?? false
        let isLost = scanned.time.nanoseconds < entry.sighting.lastLoss
        // It had ended before, or something was lost since: that was another program's answer, or is no answer any more.
        if let maps = scanned.maps, !isLost, !hasEnded || entry.heir != nil { entry.maps = maps }
        put(entry, for: scanned.generation)
        makeRoom(for: scanned.generation)
    }
}

/// What all readings of maps together may take of each second: so many, and so much time.
struct ScanBudget: Sendable {
    private static let count = 50
    private var share = TimeShare(perSecond: 250_000_000)
    private var second: UInt64 = 0
    private var taken = 0

    mutating func take(at now: Instant) -> Bool {
        let current = now.nanoseconds / 1_000_000_000
        if current != second { (second, taken) = (current, 0) }
        taken += 1
        return share.isLeft(at: now) && taken <= Self.count
    }

    mutating func spend(_ nanoseconds: UInt64) { share.spend(nanoseconds) }
}

/// `0x…`
func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
