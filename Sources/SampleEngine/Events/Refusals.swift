internal import CLinuxShims
internal import Glibc

/// Why the kernel refused, as one line with its remedy.
///
/// perf_event_open(2) answers EACCES where the paranoid level or the right to look at a process is missing. EPERM does not
/// come from there for what we open: a seccomp filter or a security module answers so.
extension EventOpener {
    func explain(_ failure: OpenFailure, _ plan: Plan) -> EngineError {
        let what = failure.event.map { "event '\($0.text)'" } ?? plan.text
        switch failure.errno {
        case .access: return refusedAccess(plan)
        case .permission, .noSystemCall: return filtered(plan.text, failure.errno)
        case .noProcess where plan.threads?.isEmpty ?? false:
            let why = ProcFolder.lack()?.note ?? "nothing else of yours is running"
            return EngineError(
                what: plan.text, why: why, remedy: "all: " + limits.shortRemedy(level: 0)
            )
        case .noProcess:
            return EngineError(what: plan.text, why: "no such process", remedy: "ps -e lists them")
        case .tooManyFiles, .tooManyFilesInSystem:
            let needed =
                (plan.threads?.count ?? 1) * cpus.count
                * (1 + (sampling.events?.reduce(0) { $0 + $1.events.count } ?? 1))
            return EngineError(
                what: plan.text,
                why: "needs about \(needed) open files (threads × CPUs × events), the limit is \(fileLimit())",
                remedy: "raise it: ulimit -n \(needed + 64)")
        case .noEntry, .notSupported, .noDevice:
            return EngineError(
                what: what, why: "this machine cannot count it (\(failure.errno.text))",
                remedy: "without hardware counters use cpu-clock")
        default: return EngineError(what: what, why: failure.errno.text)
        }
    }

    /// The system call itself is refused, whatever is asked of it.
    private func filtered(_ what: String, _ errno: Errno) -> EngineError {
        if errno == .noSystemCall {
            return EngineError(
                what: what, why: "this kernel has no perf events, or a container's filter hides them (ENOSYS)",
                remedy: KernelLimits.containerRemedy)
        }
        let alsoParanoid = limits.paranoid > 2 && !limits.isPrivileged
        return EngineError(
            what: what, why: "a container's seccomp filter or a security module refuses perf events (EPERM)",
            remedy: KernelLimits.containerRemedy
                + (alsoParanoid ? ", and on the host: sudo sysctl kernel.perf_event_paranoid=2" : ""))
    }

    /// As `filtered`, for what the paranoid level forbids without asking the kernel: then the level is only the second
    /// obstacle, and lifting it would be no help.
    private func filtered(_ what: String) -> EngineError? {
        guard let errno = refusalOfOurselves, errno == .permission || errno == .noSystemCall else { return nil }
        return filtered(what, errno)
    }

    /// Why we may not even watch our own user side, nil where we may.
    private var refusalOfOurselves: Errno? {
        var attributes = EventAttributes.sideBand(inherit: false, wakeupBytes: 1, userOnly: true)
        do throws(Errno) {
            close(try systemCall(raising: .counters) { unsafe pt_perf_event_open(&attributes, 0, -1, -1, 0) })
            return nil
        } catch {
            return error
        }
    }

    private func refusedAccess(_ plan: Plan) -> EngineError {
        let level = "perf_event_paranoid is \(limits.paranoid)"
        let owner = plan.threads.flatMap { foreignOwner(of: $0) }
        // Some distributions' kernels have levels above 2 at which a plain user opens nothing; some of them want
        // CAP_SYS_ADMIN there, not CAP_PERFMON.
        let isLevel = limits.paranoid > 2 && refusalOfOurselves == .access
        if isLevel, !limits.isPrivileged {
            return EngineError(
                what: plan.text, why: "not permitted (\(level))", remedy: limits.remedy(level: owner == nil ? 2 : nil))
        }
        if isLevel, geteuid() != 0 {
            return EngineError(
                what: plan.text, why: "CAP_PERFMON is not enough for this kernel (\(level))",
                remedy: "use sudo, or: sudo sysctl kernel.perf_event_paranoid=2")
        }
        if limits.isPrivileged {
            return EngineError(
                what: plan.text, why: "not permitted, though privileged: a security module refuses it (EACCES)",
                remedy: "ask its log (dmesg, ausearch -m avc)")
        }
        guard plan.threads != nil else {
            return EngineError(what: plan.text, why: "not permitted (\(level))", remedy: limits.remedy(level: 0))
        }
        let why = owner.map { "it belongs to \($0)" } ?? "it is yours, but has more rights than you or hides its memory"
        return EngineError(what: plan.text, why: why, remedy: limits.remedy(level: nil))
    }

    /// All of some CPUs was asked for, which the paranoid level forbids.
    func refusedCPUs(_ what: String) -> EngineError {
        filtered(what)
            ?? EngineError(
                what: what,
                why:
                    "not permitted (perf_event_paranoid is \(limits.paranoid)); your own processes are, without -a and -u",
                remedy: limits.remedy(level: 0))
    }

    /// An event was asked for that only the kernel's side has.
    func refusedKernel(_ spec: EventSpec) -> EngineError {
        let what = "event '\(spec.text)'"
        if let filtered = filtered(what) { return filtered }
        var remedy = limits.remedy(level: 1)
        if case .tracepoint = spec.source, !Tracepoint.isReadable, let also = Tracepoint.access {
            remedy += "; without sudo also: \(also)"
        }
        return EngineError(
            what: what,
            why: "it happens inside the kernel, where you may not look (perf_event_paranoid is \(limits.paranoid))",
            remedy: remedy)
    }

    /// A process without an entry in `/proc`.
    static func missing(_ pid: Int32) -> EngineError {
        if kill(pid, 0) == 0 || errno == EPERM, let lack = ProcFolder.lack(), lack != .others {
            return EngineError(what: "pid \(pid)", why: "its threads are not known: \(lack.note)")
        }
        // hidepid hides the entry, but not that there is such a process.
        if kill(pid, 0) != 0, errno == EPERM {
            return EngineError(
                what: "pid \(pid)", why: "it is hidden from you (/proc with hidepid)", remedy: "use sudo")
        }
        return EngineError(what: "pid \(pid)", why: "no such process", remedy: "ps -e lists them")
    }

    /// What to say where processes are sampled whose mappings we may not read. Asked of some of them, because it depends
    /// on the kernel (recent ones let CAP_PERFMON read mappings) and on the process.
    func nameless(_ plan: Plan) -> String? {
        if let lack = ProcFolder.lack(), lack != .others || plan.threads == nil { return lack.note }
        // Who has the capability can get no more than that.
        if limits.mayReadOthers { return nil }
        let candidates =
            plan.threads ?? directoryNames(ProcFolder.root, raising: ProcFolder.rights).compactMap { Int32($0) }
        var readable = 0
        for candidate in candidates where readable < 64 {
            do throws(Errno) {
                // The kernel's own threads have neither a command line nor mappings.
                if try fileBytes("\(ProcFolder.root)/\(candidate)/cmdline", limit: 1, raising: ProcFolder.rights)
                    .isEmpty
                {
                    continue
                }
                _ = try fileBytes("\(ProcFolder.root)/\(candidate)/maps", limit: 1, raising: .processes)
                readable += 1
            } catch {
                if error == .access || error == .permission { return limits.namesOfUnreadable }
            }
        }
        return nil
    }

    /// The user that the first of these threads that is not ours belongs to.
    private func foreignOwner(of threads: [Int32]) -> String? {
        for thread in threads {
            guard let user = fileOwner("\(ProcFolder.root)/\(thread)", raising: ProcFolder.rights), user != geteuid()
            else { continue }
            guard let entry = unsafe getpwuid(user) else { return "user \(user)" }
            return unsafe displayText(String(cString: entry.pointee.pw_name), limit: 64)
        }
        return nil
    }
}
