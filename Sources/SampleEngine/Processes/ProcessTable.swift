/// What the resolver is told of a process that was sampled.
package struct ProcessSighting: Sendable {
    package let generation: Generation
    package let pid: Int32
    /// Nil where no record told it: `/proc` knows.
    package let comm: [UInt8]?
    package let parent: Generation?
    /// The generation whose `/proc/PID/maps` fills the gaps of `mappings`: itself, or the one it was forked from.
    package let origin: Generation
    /// When it was first heard of; a process that started later is another one with the same pid.
    package let firstSeen: UInt64
    /// When it ended by exec or exit; nil while it lives.
    package let death: UInt64?
    /// What the records told of its mappings; where something is mapped by them, `/proc` tells of a later time.
    package var mappings: [Mapping]
    /// When records were lost last: what was known of mappings before says nothing any more. 0 for never.
    package let lastLoss: UInt64
}

/// Follows the processes by the kernel's records: pid and time → generation, address and time → location.
///
/// Records may run ahead of samples: everything is kept by time until no older sample can come. Used by the sampler.
package struct ProcessTable: ~Copyable {
    private var lives: [Life] = []
    private var free: [Int] = []
    private var newest = HashIndex()
    private var byGeneration = HashIndex()
    private var images = ImageRegistry()
    private var nextGeneration = Generation.first
    private var touched: [Int] = []
    private var dead: [Int] = []
    private var newcomers: [Int] = []
    private var lastLoss: UInt64 = 0
    /// Mappings of all lives together, those that were replaced lately included.
    package private(set) var mappingCount = 0
    private let mappingLimit: Int
    private let lifeLimit: Int
    /// Some were taken for ended for want of room, which was not said yet.
    private var hasRetired = false
    /// The place in `lives` up to which it was looked at whether they are still there.
    private var verified = 0
    private let wanted: Set<Int32>?
    private let looksAtAll: Bool

    /// - Parameters:
    ///   - wanted: processes whose samples, and whose children's, are kept; nil keeps all.
    ///   - looksAtAll: every process is a newcomer to the resolver, not only those that were there before us.
    ///   - mappingLimit: most mappings kept of all processes together (48 bytes each).
    ///   - lifeLimit: most generations kept (some 500 bytes each, with what the resolver knows of them).
    package init(
        wanted: [Int32]?, looksAtAll: Bool = false, mappingLimit: Int = 131_072, lifeLimit: Int = 65_536
    ) {
        self.mappingLimit = mappingLimit
        self.lifeLimit = lifeLimit
        self.wanted = wanted.map(Set.init)
        self.looksAtAll = looksAtAll
    }

    // MARK: Records

    /// Applies what happened at a time.
    package mutating func apply(_ record: SideBandRecord, name: Range<Int>, in bytes: RawSpan, at time: UInt64) {
        switch record {
        case .mapping(let mapping): map(mapping, path: name, in: bytes, at: time)
        case .comm(let pid, let thread, let isExec):
            let comm = name.map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            if isExec {
                let before = newestLife(of: pid, seen: time)
                end(before, at: time)
                let life = begin(pid: pid, birth: time, origin: nil)
                lives[life].comm = comm
                lives[life].isWanted = lives[before].isWanted
                // exec ends every other thread, and the one that called it becomes the leader.
                lives[life].threads = 1
                lives[life].parent = lives[before].parent
            } else if pid == thread {
                let life = newestLife(of: pid, seen: time)
                lives[life].comm = comm
                lives[life].isNews = true
            }
        case .fork(let pid, let parent, _):
            // The same pid: a new thread, which shares everything.
            if pid == parent {
                if let life = find(pid), let threads = lives[life].threads { lives[life].threads = threads + 1 }
                return
            }
            let from = newestLife(of: parent, seen: time)
            let life = begin(pid: pid, birth: time, origin: lives[from].origin)
            lives[life].comm = lives[from].comm
            lives[life].space = lives[from].space.forked
            mappingCount += lives[life].space.count
            if mappingCount > mappingLimit { makeRoom(at: time) }
            lives[life].parent = lives[from].generation
            lives[life].threads = 1
            // Not by its own number: a stranger may get a wanted pid once its owner is gone.
            lives[life].isWanted = lives[from].isWanted
            // The child is no use to the resolver without what the parent is.
            if !lives[from].isTouched { touch(from) }
        case .exit(let pid, let thread):
            guard let life = find(pid) else { return }
            // The leader may exit before the others. Where they were never counted, its exit is taken for the end,
            // and a later sample tells better.
            if let threads = lives[life].threads { lives[life].threads = threads - 1 }
            if lives[life].threads.map({ $0 <= 0 }) ?? (pid == thread) {
                end(life, at: time)
                dead.append(life)
            }
        }
    }

    /// Records were lost: what was known by them cannot be trusted any more, neither threads nor names nor mappings.
    ///
    /// An exec or a mapping may be among them, and a name out of what was there before would be wrong. So every process
    /// is a blank page, and `/proc` tells what is on it now.
    package mutating func noteLoss(at time: UInt64) {
        lastLoss = max(lastLoss, time)
        for life in lives.indices where !lives[life].isFree {
            lives[life].threads = nil
            lives[life].comm = nil
            lives[life].space = AddressSpace()
            lives[life].origin = lives[life].generation
            lives[life].isNews = true
        }
        mappingCount = 0
    }

    /// Drops the mappings of the processes that have most, where all together have too many: for what they have, `/proc` is
    /// asked again, and no name is taken from what they had. A quarter of all at once: what looks through every process must
    /// not come with every record.
    private mutating func makeRoom(at time: UInt64) {
        let holders = lives.indices.filter { lives[$0].space.count > 0 }
        var left = mappingCount
        var largest: [Int] = []
        for life in holders.sorted(by: { lives[$0].space.count > lives[$1].space.count }) {
            if left <= mappingLimit / 4 * 3 { break }
            left -= lives[life].space.count
            largest.append(life)
        }
        blank(largest, at: time)
    }

    /// Drops the mappings of processes.
    private mutating func blank(_ gone: [Int], at time: UInt64) {
        var generations: Set<Generation> = []
        for life in gone {
            generations.insert(lives[life].generation)
            mappingCount -= lives[life].space.count
            lives[life].space = AddressSpace()
            lives[life].blanked = time
            lives[life].isNews = true
        }
        // Whoever was forked from one has what was mapped then, and no longer what `/proc` has of it.
        for life in lives.indices where generations.contains(lives[life].origin) {
            if lives[life].origin != lives[life].generation { lives[life].isNews = true }
            lives[life].origin = lives[life].generation
        }
        for life in gone { lives[life].origin = lives[life].generation }
    }

    private mutating func map(_ record: MappingRecord, path: Range<Int>, in bytes: RawSpan, at time: UInt64) {
        // Pid 0 is every task outside our pid namespace: what they map is not one address space.
        if record.pid <= 0 { return }
        let (end, overflow) = record.start.addingReportingOverflow(record.length)
        if overflow { return }
        let life = newestLife(of: record.pid, seen: time)
        let generation = lives[life].generation
        let space =
            switch PathClass(path, in: bytes) {
            // A compiler's code, unless it has a build-id: named by addresses, which may be mapped from anywhere in it. No
            // file that is mapped there later names it.
            case .memoryFile where record.identity.buildIDBytes.isEmpty: SpaceID.anonymous(generation)
            case .file, .memoryFile: images.intern(record, path: path, in: bytes) ?? .unmapped(generation)
            case .memory: SpaceID.anonymous(generation)
            // A 32-bit process has another one: its own memory must tell.
            case .vdso: record.start >> 32 == 0 ? SpaceID.unmapped(generation) : .vdso
            case .kernelPage: SpaceID.unmapped(generation)
            }
        let offset = space == .vdso ? 0 : record.offset
        if lives[life].space.isFull { blank([life], at: time) }
        let before = lives[life].space.count
        lives[life].space.insert(
            Mapping(start: record.start, end: end, offset: offset, space: space, birth: time))
        mappingCount += lives[life].space.count - before
        if mappingCount > mappingLimit { makeRoom(at: time) }
    }

    // MARK: Samples

    /// The generation a sample belongs to, and whether its samples are wanted.
    @inline(__always)
    package mutating func life(of pid: Int32, at time: UInt64) -> Int {
        var life = newestLife(of: pid, seen: time)
        while lives[life].birth > time, let earlier = lives[life].earlier { life = earlier }
        if time > lives[life].death { revive(life, at: time) }
        if !lives[life].isTouched { touch(life) }
        return life
    }

    /// Sampled after its end: a process whose leader went before its other threads.
    ///
    /// The last steps of an exit are sampled after its record; those do not count.
    private mutating func revive(_ life: Int, at time: UInt64) {
        guard time - lives[life].death > 20_000_000, find(lives[life].pid) == life else { return }
        lives[life].death = .max
        lives[life].isNews = true
    }

    @inline(__always)
    package func generation(of life: Int) -> Generation { lives[life].generation }

    @inline(__always)
    package func isWanted(_ life: Int) -> Bool { lives[life].isWanted }

    /// Where a user-mode address of a life lay at a time.
    @inline(__always)
    package mutating func locate(_ address: UInt64, in life: Int, at time: UInt64) -> Location {
        let location =
            lives[life].space.find(address, at: time)?.location(of: address)
            ?? Location(space: .unmapped(lives[life].origin), value: address)
        if let owner = location.space.owner { needMappings(of: owner, for: life) }
        return location
    }

    /// The resolver will ask the owner of an address, which may be what this process was forked from.
    private mutating func needMappings(of owner: Generation, for life: Int) {
        guard let place = lives[life].generation == owner ? life : find(owner) else { return }
        lives[place].hasOwnAddresses = true
        if !lives[place].isTouched { touch(place) }
    }

    // MARK: Handing over

    /// Processes were met that the resolver should look at while they live.
    package var hasNewcomers: Bool { !newcomers.isEmpty }

    /// Tells of them ahead of the slice, which will tell again.
    package mutating func takeNewcomers(into sightings: inout [ProcessSighting]) {
        for life in newcomers where !lives[life].isTold && !lives[life].isFree {
            lives[life].isTold = true
            sightings.append(sighting(of: lives[life]))
        }
        newcomers.removeAll(keepingCapacity: true)
    }

    private func sighting(of life: Life) -> ProcessSighting {
        ProcessSighting(
            generation: life.generation, pid: life.pid, comm: life.comm, parent: life.parent, origin: life.origin,
            firstSeen: life.firstSeen, death: life.death == .max ? nil : life.death,
            mappings: life.hasOwnAddresses ? life.space.mappings : [], lastLoss: max(lastLoss, life.blanked))
    }

    /// Some process that is wanted, or a child of one, is known to live.
    package var hasLivingWanted: Bool { lives.contains { !$0.isFree && $0.isWanted && $0.death == .max } }

    /// Tells of every process touched since the last call that the resolver does not know well enough.
    package mutating func takeSightings(processes: inout [ProcessSighting], images sightings: inout [ImageSighting]) {
        for number in touched {
            lives[number].isTouched = false
            let life = lives[number]
            if !life.isNews, !life.hasOwnAddresses { continue }
            lives[number].isNews = false
            lives[number].isTold = true
            lives[number].hasOwnAddresses = false
            processes.append(sighting(of: life))
        }
        touched.removeAll(keepingCapacity: true)
        images.takeFresh(into: &sightings)
    }

    /// Forgets what ended before a time that no sample still to be read can have.
    package mutating func forget(before time: UInt64) {
        for life in lives.indices where !lives[life].isFree {
            mappingCount -= lives[life].space.forget(before: time)
        }
        var kept: [Int] = []
        for life in dead where !lives[life].isFree {
            if lives[life].death == .max { continue }
            if lives[life].death >= time || lives[life].isTouched { kept.append(life) } else { drop(life) }
        }
        dead = kept
        if lifeCount - dead.count > lifeLimit { retireOldest(at: time) }
    }

    /// Ends processes whose exit nobody told of, as its record was lost: those that the kernel does not know any more. Looks at
    /// some of them, others with each call.
    ///
    /// - Parameter isThere: whether there is a process of that number.
    package mutating func endMissing(at time: UInt64, isThere: (Int32) -> Bool) {
        for _ in 0..<min(lives.count, Self.verifiedAtOnce) {
            verified = verified + 1 < lives.count ? verified + 1 : 0
            let (pid, death) = (lives[verified].pid, lives[verified].death)
            if pid > 0, death == .max, !isThere(pid) { retire(verified, at: time) }
        }
    }

    /// Lives that are looked at in one call: a system call each, 0.2 ms together.
    private static var verifiedAtOnce: Int { 1024 }

    /// Ends a life that no record ended.
    private mutating func retire(_ life: Int, at time: UInt64) {
        end(life, at: time)
        dead.append(life)
    }

    /// Where there are more than are kept, some are taken for ended, a quarter of all at once: the unwanted before the wanted,
    /// those never sampled before the others, the oldest first. One that is sampled after it was forgotten is another
    /// generation.
    private mutating func retireOldest(at time: UInt64) {
        func standing(_ life: Int) -> (Int, Int, UInt32) {
            (lives[life].isWanted ? 1 : 0, lives[life].isTold ? 1 : 0, lives[life].generation.number)
        }
        hasRetired = true
        let living = lives.indices.filter { lives[$0].pid > 0 && lives[$0].death == .max }
        for life in living.sorted(by: { standing($0) < standing($1) }).prefix(lifeLimit / 4) { retire(life, at: time) }
    }

    /// Whether some were taken for ended for want of room, once of each time.
    package mutating func takeRetirement() -> Bool {
        defer { hasRetired = false }
        return hasRetired
    }

    // MARK: Lives

    /// There are so many that it is time to forget, whatever the pace of the pictures.
    package var isCrowded: Bool { dead.count > 8192 || lifeCount > lifeLimit }

    /// Generations kept just now.
    package var lifeCount: Int { lives.count - free.count }

    private mutating func newestLife(of pid: Int32, seen time: UInt64) -> Int {
        // A process without a beginning was there before us: it holds from the beginning.
        find(pid) ?? begin(pid: pid, birth: 0, origin: nil, firstSeen: time)
    }

    @inline(__always)
    private func find(_ pid: Int32) -> Int? {
        newest.find(Self.hash(pid)) { lives[$0].pid == pid }
    }

    private func find(_ generation: Generation) -> Int? {
        byGeneration.find(Self.hash(generation)) { lives[$0].generation == generation }
    }

    @inline(__always)
    private static func hash(_ pid: Int32) -> UInt64 { mixed(UInt64(UInt32(bitPattern: pid))) }

    private static func hash(_ generation: Generation) -> UInt64 { mixed(UInt64(generation.number)) }

    private mutating func begin(pid: Int32, birth: UInt64, origin: Generation?, firstSeen: UInt64? = nil) -> Int {
        let generation: Generation =
            switch pid {
            case 0: .idle
            case ..<0: .exiting
            default: Generation(nextGeneration)
            }
        // 2³⁰ generations are years of forking; then the last one is shared rather than trapped on.
        if pid > 0, nextGeneration < 0x3fff_ffff { nextGeneration += 1 }
        let life = Life(
            generation: generation, pid: pid, birth: birth, firstSeen: firstSeen ?? birth,
            origin: origin ?? generation, earlier: find(pid), isWanted: wanted?.contains(pid) ?? true)
        let number: Int
        if let reused = free.popLast() {
            lives[reused] = life
            number = reused
        } else {
            lives.append(life)
            number = lives.count - 1
        }
        if let earlier = life.earlier {
            if lives[earlier].death == .max { end(earlier, at: birth) }
            lives[earlier].later = number
            dead.append(earlier)
            newest.remove(Self.hash(pid), entry: earlier) { Self.hash(lives[$0].pid) }
        }
        newest.insert(Self.hash(pid), entry: number) { Self.hash(lives[$0].pid) }
        if pid > 0 { byGeneration.insert(Self.hash(generation), entry: number) { Self.hash(lives[$0].generation) } }
        return number
    }

    /// Ends a life; the resolver hears of it if it ever heard of the life, or it would keep that for ever.
    private mutating func end(_ life: Int, at time: UInt64) {
        lives[life].death = time
        lives[life].isNews = true
        if lives[life].isTold, !lives[life].isTouched { touch(life) }
    }

    private mutating func touch(_ life: Int) {
        if !lives[life].isTold, looksAtAll || lives[life].birth == 0, lives[life].pid > 0 { newcomers.append(life) }
        lives[life].isTouched = true
        touched.append(life)
    }

    private mutating func drop(_ life: Int) {
        let pid = lives[life].pid
        byGeneration.remove(Self.hash(lives[life].generation), entry: life) { Self.hash(lives[$0].generation) }
        let (earlier, later) = (lives[life].earlier, lives[life].later)
        if let earlier { lives[earlier].later = later }
        if let later {
            lives[later].earlier = earlier
        } else {
            newest.remove(Self.hash(pid), entry: life) { Self.hash(lives[$0].pid) }
            if let earlier { newest.insert(Self.hash(pid), entry: earlier) { Self.hash(lives[$0].pid) } }
        }
        mappingCount -= lives[life].space.count
        lives[life] = Life(
            generation: .exiting, pid: .min, birth: .max, firstSeen: .max, origin: .exiting, isWanted: false,
            isFree: true)
        free.append(life)
    }
}
