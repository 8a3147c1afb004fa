internal import CLinuxShims
internal import Glibc
private import Synchronization

/// What we may do beyond what our user may (capabilities(7)): each right, and the calls that it is for.
///
/// None is effective but around the call that needs it, in the thread that makes it: whatever is read, parsed or run in
/// between, for whomever, is done with our user's own rights. What no call needs is given up at the start.
///
///     main ── lower ── arguments, configuration, COMMAND ── keep ── threads, screen ──►
///              │                                              │
///         effective: none                       permitted: this list, and no more
public struct Rights: OptionSet, Sendable {
    /// Capabilities by their numbers, as linux/capability.h has them.
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    private init(_ capability: Int32) { rawValue = 1 << UInt64(capability) }

    private static let administer = Rights(CAP_SYS_ADMIN)
    private static let trace = Rights(CAP_SYS_PTRACE)
    private static let overrideModes = Rights(CAP_DAC_OVERRIDE)

    /// perf_event_open(2): whole CPUs, the kernel's side and others' processes. Before Linux 5.8, and in containers that
    /// give no other, that is CAP_SYS_ADMIN; before 5.13 another's process needs CAP_SYS_PTRACE besides.
    public static let counters: Rights = [Rights(CAP_PERFMON), trace]
    /// mmap(2) of rings beyond what may be locked.
    public static let ringMemory = Rights(CAP_IPC_LOCK)
    /// `/proc/PID`: maps, root, exe, namespaces, and all of it where it is hidden (hidepid).
    public static let processes = trace
    /// `/proc/PID/map_files`: CAP_SYS_ADMIN before Linux 5.9.
    public static let mappedFiles: Rights = [trace, Rights(CAP_CHECKPOINT_RESTORE), files]
    /// Others' files with names: programs and libraries, debug files, maps of compilers.
    public static let files = Rights(CAP_DAC_READ_SEARCH)
    /// `/proc/PID/pagemap`: whether two processes have a page in common (`SharedPage`).
    public static let pages: Rights = [trace, administer]
    /// `/proc/kallsyms` with addresses.
    public static let kernelNames = Rights(CAP_SYSLOG)
    /// sched_setscheduler(2): our threads go first.
    public static let realTime = Rights(CAP_SYS_NICE)
    /// kill(2) of a COMMAND that has become another user.
    public static let signals = Rights(CAP_KILL)
    /// Files that the command line names, where root gives it: reports, a configuration, a table that is written over and
    /// keeps its owner. Around the whole of that table's writing, which is one piece: a name, bytes, another name.
    public static let results: Rights = [overrideModes, Rights(CAP_CHOWN), Rights(CAP_FOWNER)]
    /// mount(2) and unshare(2) of a `/proc` of our own, at the start.
    public static let ownProc = administer

    /// All that is held for as long as we run; nothing else is.
    private static let list: Rights = [
        .counters, .ringMemory, .processes, .mappedFiles, .files, .pages, .kernelNames, .realTime, .signals, .results,
    ]

    /// What can be raised: nothing where `lower` was not called (tests), for then all that there is is effective.
    private static let held = Atomic<UInt64>(0)
    private static let inheritable = Atomic<UInt64>(0)

    /// Whether this program's file gave rights that its caller has not (`setcap`): then nothing of the caller's choice is
    /// opened or run with them.
    public static let areOfTheFile = pt_is_secure() != 0

    /// What a process has that is started for our caller: as we were started, without what only our file gave.
    public struct Origin: Sendable {
        public let effective: UInt64
        public let permitted: UInt64
        public let inheritable: UInt64
    }

    /// Makes none effective, before anything of the caller's is looked at; returns how it was.
    public static func lower() -> Origin {
        var rights = pt_rights()
        _ = unsafe pt_read_rights(&rights)
        var present = Rights(rawValue: rights.permitted)
        // What root's command line names is root's own wish; another's is looked at with his own rights.
        if areOfTheFile { present.subtract([results, signals]) }
        held.store(present.rawValue, ordering: .relaxed)
        inheritable.store(rights.inheritable, ordering: .relaxed)
        set(effective: [])
        return Origin(
            effective: areOfTheFile ? 0 : rights.effective, permitted: rights.permitted,
            inheritable: rights.inheritable)
    }

    /// Gives up for good what is not on the list, for this process and whatever it might run (`asHeld` tells of the exception).
    ///
    /// Once the COMMAND is there, which has its caller's full rights, and before there are other threads.
    ///
    /// - Parameter hasCommand: whether there is one, which may have to be ended.
    public static func keep(hasCommand: Bool = false) {
        let kept = (hasCommand ? list : list.subtracting(signals)).asHeld
        // Root would get back by exec(2) whatever is left there.
        raising(Rights(CAP_SETPCAP)) { pt_limit_rights() }
        inheritable.store(0, ordering: .relaxed)
        held.store(kept.rawValue, ordering: .relaxed)
        set(effective: [])
    }

    /// Gives up all of them for good, before there are other threads.
    public static func giveUp() {
        held.store(0, ordering: .relaxed)
        inheritable.store(0, ordering: .relaxed)
        pt_limit_rights()
        set(effective: [])
    }

    /// What this process is permitted, effective or not.
    public static var present: Rights {
        var rights = pt_rights()
        return unsafe pt_read_rights(&rights) == 0 ? Rights(rawValue: rights.permitted) : []
    }

    /// Makes some effective for this thread while a call is made, as far as they are held. Not within another such call.
    ///
    /// `errno` is the call's own behind it.
    public static func raising<Result>(_ rights: Rights, _ call: () -> Result) -> Result {
        let wanted = rights.asHeld
        if wanted.isEmpty { return call() }
        set(effective: wanted)
        defer { set(effective: []) }
        return call()
    }

    /// What of these is held, or stands for them.
    private var asHeld: Rights {
        let held = Rights(rawValue: Self.held.load(ordering: .relaxed))
        // Without that right, as in most containers, the kernel lets us look into processes that may no more than we: it
        // compares what is permitted, or effective where a file is opened (ptrace(2)). So all is kept there, and raised.
        if contains(Self.trace), !held.contains(Self.trace) { return held }
        // It stands for those that were taken out of it, where the kernel or whoever gave us our rights does not know them.
        let later = intersection([Rights(CAP_PERFMON), Rights(CAP_CHECKPOINT_RESTORE)])
        return (held.isSuperset(of: later) ? self : union(Self.administer)).intersection(held)
    }

    /// None effective in a thread that was made while some were.
    static func lowerThread() { if held.load(ordering: .relaxed) != 0 { set(effective: []) } }

    private static func set(effective: Rights) {
        var rights = pt_rights(
            effective: effective.rawValue, permitted: held.load(ordering: .relaxed),
            inheritable: inheritable.load(ordering: .relaxed))
        // It only ever takes away from what we have; where a security module refuses even that, a call fails that needs it.
        _ = unsafe pt_set_rights(&rights)
    }
}
