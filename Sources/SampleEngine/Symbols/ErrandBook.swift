internal import Glibc
internal import Synchronization

/// The errands that are under way, and those that were left behind.
///
/// What stands still for five seconds will not come home as far as anybody can tell: a process's memory may be served by
/// itself, a file by a program, and neither need answer. Whoever waits for it is told so, and what waits behind it goes
/// on. Should it come home after all, it is taken in where it is still right; until then nobody asks the same again.
///
/// Each one left behind keeps a thread. So a user whose processes have cost us some of them is asked nothing more until
/// one comes home.
struct ErrandBook: ~Copyable {
    private var underWay: [UInt64: Entry] = [:]
    private var nextSerial: UInt64 = 1
    private let reader: ProcReader

    init(proc: String = ProcFolder.root) { reader = ProcReader(root: proc) }

    private struct Entry {
        let errand: Errand
        /// When it was last seen to move, and the processor time that it had used by then.
        var moved = Instant.beginning
        var used: UInt64 = 0
        /// Set once it was left behind.
        var waitsFor: (pid: Int32?, user: UInt32?)?
    }

    /// Nanoseconds without a move after which one is left behind.
    private static var patience: UInt64 { 5_000_000_000 }
    /// Nanoseconds of a processor in that time that are a move: a loaded machine is slow, and waiting uses none.
    private static var effort: UInt64 { 50_000_000 }
    /// Errands left behind by one user's processes, and by all: fewer than there are threads for. Root's are others'
    /// too: what runs in containers.
    private static var userLimit: Int { 2 }
    private static var limit: Int { 8 }

    /// Whether some errand is to be looked after.
    var isWatching: Bool { underWay.values.contains { $0.waitsFor == nil } }

    /// Gives errands their numbers.
    ///
    /// - Returns: those that are to be run; `refused` takes what stands for the others, whose users have had enough.
    mutating func take(_ errands: [Errand], refused: inout [Errand.News]) -> [Errand] {
        var taken: [Errand] = []
        for var errand in errands {
            if let pid = errand.pid, isRefused(pid) {
                refused.append(errand.instead())
                continue
            }
            errand.serial = nextSerial
            nextSerial += 1
            underWay[errand.serial] = Entry(errand: errand)
            taken.append(errand)
        }
        return taken
    }

    /// Whether nothing is asked of a process for now: it has not answered, or its user's others have not.
    func isRefused(_ pid: Int32) -> Bool {
        let left = underWay.values.compactMap(\.waitsFor)
        if left.isEmpty { return false }
        if left.count >= Self.limit || left.contains(where: { $0.pid == pid }) { return true }
        guard let user = reader.user(of: pid), user != 0 else { return false }
        return left.count { $0.user == user } >= Self.userLimit
    }

    /// An errand came home, in time or not.
    mutating func comeHome(_ serial: UInt64) { underWay[serial] = nil }

    /// Leaves behind what has stood still for too long; gives what is to be taken in instead.
    mutating func leave(at now: Instant) -> [Errand.News] {
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
            if now.nanoseconds(since: entry.moved) > Self.patience {
                news.append(entry.errand.instead())
                let pid = entry.errand.pid ?? progress.pid
                entry.waitsFor = (pid, pid.flatMap { reader.user(of: $0) })
            }
            underWay[serial] = entry
        }
        return news
    }
}

/// How far an errand has come, as seen by who waits for it.
final class ErrandProgress: Sendable {
    /// 0: not begun.
    private let time = Atomic<UInt64>(0)
    private let process = Atomic<Int32>(0)
    private let clock = Atomic<Int32>(-1)
    /// What its thread had used before.
    private let before = Atomic<UInt64>(0)

    /// On the thread that runs it.
    func begin() {
        var own = clockid_t()
        if unsafe pthread_getcpuclockid(pthread_self(), &own) == 0 { clock.store(own, ordering: .relaxed) }
        before.store(ownThreadNanoseconds(), ordering: .relaxed)
        move()
    }

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
