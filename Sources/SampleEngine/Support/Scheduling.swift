internal import CLinuxShims
internal import Glibc
private import Synchronization

/// How the kernel chooses a thread of ours among all that could run (sched(7)).
///
/// Where thousands of threads want a CPU, a fair share comes seconds too late for a key or a picture. So ours go before every
/// ordinary thread, and behind all else that is real time. All of them: they share locks, an allocator and the kernel's
/// lock of their address space, and one that is kept from going on while it holds such a lock keeps the others. Those whose
/// work is as much as others make it rest again and again, where they hold nothing:
///
///     sampler, resolver, screen   ────────────►   short, bounded
///     readers, askers             ──── ── ── ──   a millisecond of reading or an errand, then a rest as long where others
///                                                 want the CPU
public enum Scheduling: Sendable, Equatable {
    /// Before all ordinary threads (`SCHED_RR`), with this priority of 1 to 99.
    case realTime(Int32)
    /// As the program was started. With the reason where real time was refused; nil: it was not asked for.
    case ordinary(refusal: String?)

    /// The least that there is: whoever else is real time has reasons that are better than ours.
    public static let usualPriority: Int32 = 1

    /// Whether whoever started the program has chosen how it is scheduled (`chrt`, `nice`): then nothing is to be claimed.
    public static var isChosen: Bool { pt_is_scheduled_by_choice() != 0 }

    /// Asks for the calling thread to be real time from now on.
    ///
    /// No thread and no process that it starts inherits it (`SCHED_RESET_ON_FORK`).
    /// - Parameters:
    ///   - wish: priority, 0 to 99; 0 asks for nothing. Nil: the usual one.
    ///   - thread: the number of another thread of ours, which is to be real time in its stead.
    @discardableResult
    public static func claim(_ wish: Int32?, for thread: Int32 = 0) -> Scheduling {
        let priority = wish ?? usualPriority
        if priority <= 0 { return .ordinary(refusal: nil) }
        if pt_has_real_time_limit() != 0 { return .ordinary(refusal: "its time is limited (ulimit -R)") }
        switch Rights.raising(.realTime, { pt_become_real_time(thread, priority) }) {
        case 0: return .realTime(priority)
        case EPERM where geteuid() == 0:
            refuse()
            return .ordinary(
                refusal: "it needs CAP_SYS_NICE (container: --cap-add SYS_NICE), or the control group has none")
        case EPERM:
            refuse()
            return .ordinary(refusal: "it needs CAP_SYS_NICE, or ulimit -r \(priority)")
        case let number: return .ordinary(refusal: Errno(number).text)
        }
    }

    /// Has the calling thread be an ordinary one again, where a claim of its own has made it real time.
    public func giveUp() { if case .realTime = self { _ = pt_become_ordinary() } }

    /// Has a thread be real time before it runs for the first time: beside others that want the CPU an ordinary one may wait
    /// for seconds to make its claim, or to end as its process does, whose end waits for it.
    ///
    /// - Returns: false where the wish is for nothing, or cannot be had: who makes a thread that cannot begin waits for its end
    ///   (glibc), so what was refused once is not tried again.
    static func begin(with attributes: inout pthread_attr_t, _ wish: Int32?) -> Bool {
        let priority = wish ?? usualPriority
        if priority <= 0 || isRefused.load(ordering: .relaxed) || pt_has_real_time_limit() != 0 { return false }
        return unsafe pt_begin_as_real_time(&attributes, priority) == 0
    }

    /// Real time was refused to a thread of ours.
    static func refuse() { isRefused.store(true, ordering: .relaxed) }
    private static let isRefused = Atomic<Bool>(false)

    /// Nanoseconds that the calling thread is to rest behind so many of work, so that ordinary threads have their turn: none
    /// where it is one of them. To be an ordinary thread for a moment is not enough: its share of that time is unused, and the
    /// kernel takes it again at once.
    static func rest(behind work: UInt64) -> UInt64 {
        if pt_is_real_time() == 0 { return 0 }
        let most = min(work, 1_000_000_000)
        return othersWait ? most : most / 8
    }

    private static let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))

    /// Whether more threads want to run at the moment than there are CPUs (proc_loadavg(5)); where nobody says so, they do.
    private static var othersWait: Bool {
        let bytes = (try? fileBytes("/proc/loadavg", limit: 256)) ?? []
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard fields.count > 3, let running = Int(fields[3].prefix { $0 != "/" }) else { return true }
        return running > processors
    }
}
