internal import Glibc
internal import Synchronization

/// The errands that are under way, and those that were left behind.
///
/// What stands still for five seconds will not come home as far as anybody can tell: a process's memory may be served by
/// itself, a file by a program, and neither need answer. Whoever waits for it is told so, and what waits behind it goes
/// on. Should it come home after all, it is taken in where it is still right; until then nobody asks the same again.
///
/// Each one left behind keeps a thread. So a user whose processes have cost us all the threads that a user gets of a lane
/// (`Errand.threads`) is asked nothing more there until one comes home, and what was to be asked of him is done without
/// him where that can be.
struct ErrandBook: ~Copyable {
    private var underWay: [UInt64: Entry] = [:]
    /// How many of them were left behind.
    private var leftCount = 0
    private var nextSerial: UInt64 = 1
    private let reader: ProcReader

    init(proc: String = ProcFolder.root) { reader = ProcReader(root: proc) }

    private struct Entry {
        let errand: Errand
        /// When it was last seen to move, and the processor time that it had used by then.
        var moved = Instant.beginning
        var used: UInt64 = 0
        /// Set once it was left behind.
        var waitsFor: (pid: Int32?, payer: Payer)?
    }

    /// Nanoseconds of a processor, within `Errand.longest`, that are a move: a loaded machine is slow, and waiting uses
    /// none.
    private static var effort: UInt64 { 50_000_000 }

    /// Whether some errand is to be looked after.
    var isWatching: Bool { underWay.count > leftCount }

    /// Gives errands their numbers.
    ///
    /// - Returns: those that are to be run; `refused` takes what stands for the others, whose users have had enough.
    mutating func take(_ errands: [Errand], refused: inout [Errand.News]) -> [Errand] {
        var taken: [Errand] = []
        for var errand in errands {
            if errand.payer == nil { errand.payer = errand.pid.map { reader.payer(of: $0) } ?? .nobody }
            if isRefused(errand) {
                guard let detour = errand.detour, !isRefused(detour) else {
                    refused.append(errand.instead())
                    continue
                }
                errand = detour
            }
            errand.serial = nextSerial
            nextSerial += 1
            underWay[errand.serial] = Entry(errand: errand)
            taken.append(errand)
        }
        return taken
    }

    /// Whether nothing is asked of a process for now: it has not answered, or its user's others have not.
    func isRefused(_ pid: Int32, in lane: Errand.Lane = .opening) -> Bool {
        hasLeft && isRefused(pid, reader.payer(of: pid), in: lane)
    }

    private func isRefused(_ errand: Errand) -> Bool {
        hasLeft && isRefused(errand.pid, errand.payer ?? .nobody, in: errand.lane)
    }

    private func isRefused(_ pid: Int32?, _ payer: Payer, in lane: Errand.Lane) -> Bool {
        if let pid, underWay.values.contains(where: { $0.waitsFor?.pid == pid }) { return true }
        let left = underWay.values.compactMap { $0.errand.lane == lane ? $0.waitsFor?.payer : nil }
        return Errand.threads.isUsedUp(for: payer, by: left)
    }

    private var hasLeft: Bool { leftCount > 0 }

    /// An errand came home, in time or not.
    mutating func comeHome(_ serial: UInt64) {
        if underWay.removeValue(forKey: serial)?.waitsFor != nil { leftCount -= 1 }
    }

    /// Leaves behind what has stood still for too long, and takes back what has not begun and would be no better off.
    ///
    /// - Returns: what is to be taken in instead; `detours` takes what is to be done in the place of others.
    mutating func leave(at now: Instant, detours: inout [Errand]) -> [Errand.News] {
        var news: [Errand.News] = []
        for (serial, var entry) in underWay where entry.waitsFor == nil {
            let progress = entry.errand.progress
            guard let moved = progress.moved else { continue }
            entry.moved = max(entry.moved, moved)
            let used = progress.usedNanoseconds
            if used >= entry.used.addingSaturating(Self.effort) {
                entry.moved = now
                entry.used = used
            }
            if now.nanoseconds(since: entry.moved) > Errand.longest {
                news.append(entry.errand.instead())
                let pid = entry.errand.pid ?? progress.pid
                entry.waitsFor = (pid, payer(of: entry.errand, at: progress.pid))
                leftCount += 1
            }
            underWay[serial] = entry
        }
        guard hasLeft else { return news }
        for (serial, entry) in underWay.sorted(by: { $0.key < $1.key })
        where entry.waitsFor == nil && isRefused(entry.errand) && entry.errand.progress.withdraw() {
            underWay[serial] = nil
            if let detour = entry.errand.detour { detours.append(detour) } else { news.append(entry.errand.instead()) }
        }
        return news
    }

    /// One that is nobody's alone is charged to whose process it is at.
    private func payer(of errand: Errand, at pid: Int32?) -> Payer {
        if errand.payer == .nobody, let pid { return reader.payer(of: pid) }
        return errand.payer ?? .nobody
    }
}

/// How far an errand has come, as seen by who waits for it.
final class ErrandProgress: Sendable {
    /// 0: not begun; the greatest number: it will not begin.
    private let time = Atomic<UInt64>(0)
    private let process = Atomic<Int32>(0)
    private let clock = Atomic<Int32>(-1)
    /// What its thread had used before.
    private let before = Atomic<UInt64>(0)

    /// On the thread that runs it.
    ///
    /// - Returns: false where it is not wanted any more.
    @discardableResult
    func begin() -> Bool {
        let (isFirst, old) = time.compareExchange(
            expected: 0, desired: Instant.now.nanoseconds, ordering: .acquiringAndReleasing)
        if !isFirst, old == .max { return false }
        var own = clockid_t()
        if unsafe pthread_getcpuclockid(pthread_self(), &own) == 0 { clock.store(own, ordering: .relaxed) }
        before.store(ownThreadNanoseconds(), ordering: .relaxed)
        move()
        return true
    }

    /// It need not begin any more; false: it has.
    func withdraw() -> Bool {
        time.compareExchange(expected: 0, desired: .max, ordering: .acquiringAndReleasing).exchanged
    }

    /// Whether it will not begin.
    var isWithdrawn: Bool { time.load(ordering: .acquiring) == .max }

    /// It has not been standing still.
    func move() { time.store(Instant.now.nanoseconds, ordering: .releasing) }

    /// It goes on with another process, or with none's.
    func move(to pid: Int32?) {
        process.store(pid ?? 0, ordering: .relaxed)
        move()
    }

    /// When it moved last; nil: it has not begun.
    var moved: Instant? {
        let time = time.load(ordering: .acquiring)
        return time == 0 ? nil : Instant(nanoseconds: time)
    }

    /// The process that it is at.
    var pid: Int32? {
        let number = process.load(ordering: .acquiring)
        return number == 0 ? nil : number
    }

    /// Processor time that it has used; 0 once its thread is gone.
    var usedNanoseconds: UInt64 {
        let (clock, before) = (clock.load(ordering: .relaxed), before.load(ordering: .relaxed))
        let used = clock == -1 ? 0 : processorNanoseconds(of: clock)
        return used > before ? used - before : 0
    }
}
