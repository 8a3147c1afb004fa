internal import CLinuxShims
internal import Glibc

/// From the target that was asked for to the threads or CPUs that get counters.
extension EventOpener {
    /// Who is sampled: some threads, or (nil) all of each CPU.
    struct Plan {
        var threads: [Int32]?
        var text: String
        var wanted: [Int32]?
        var user: UInt32?
        var inherit: Bool
        /// Count from the thread's next exec on.
        var fromExec = false
        /// Living children of those processes, and theirs; what cannot be had of them is left out.
        var children: [Int32] = []
        /// The user whose processes are looked for as long as the session lives.
        var follows: UInt32?
    }

    mutating func threadsToFollow() throws(EngineError) -> Plan {
        let allCPUs = sampling.target.cpus == nil
        let cpuText =
            allCPUs
            ? "all CPUs (\(cpus.count))"
            : "CPU " + cpus.map(String.init).joined(separator: ",")
        switch sampling.target.who {
        case .processes(let pids):
            var threads: [Int32] = []
            for pid in pids {
                let found = Self.threads(of: pid)
                if found.isEmpty { throw Self.missing(pid) }
                // A thread id may be given as well: the process is sampled once.
                threads += found.filter { !threads.contains($0) }
            }
            let list = pids.map(String.init).joined(separator: ",")
            let children = sampling.inherit ? Descendants.of(pids) : []
            return Plan(
                threads: threads, text: "pid \(list)", inherit: sampling.inherit, children: children)
        case .threads(let threads):
            for thread in threads where kill(thread, 0) != 0 && errno == ESRCH {
                throw EngineError(what: "thread \(thread)", why: "no such thread", remedy: "ps -eL lists them")
            }
            let list = threads.map(String.init).joined(separator: ",")
            return Plan(threads: threads, text: "thread \(list)", inherit: false)
        case .command(let pid, let text):
            return Plan(threads: [pid], text: text, inherit: sampling.inherit, fromExec: true)
        case .everything where limits.mayCountCPUs, .everythingPermitted where limits.mayCountCPUs:
            return Plan(threads: nil, text: cpuText, inherit: false)
        case .user(let name, let id) where limits.mayCountCPUs:
            return Plan(threads: nil, text: "user \(displayText(name)) on \(cpuText)", user: id, inherit: false)
        case .everythingPermitted:
            notes.append(
                "only your own processes (perf_event_paranoid is \(limits.paranoid)); all: "
                    + limits.shortRemedy(level: 0))
            let own = Self.processes(of: geteuid())
            if own.isEmpty {
                throw EngineError(
                    what: "your processes", why: ProcFolder.lack()?.note ?? "you have none beside this one",
                    remedy: "start one with: perftop -- COMMAND; for all processes run as root")
            }
            return Plan(
                threads: own.flatMap(Self.threads(of:)), text: "your processes",
                inherit: sampling.inherit, follows: geteuid())
        case .user(let name, let id) where id == geteuid():
            let own = Self.processes(of: id)
            return Plan(
                threads: own.flatMap(Self.threads(of:)), text: "user \(displayText(name))", inherit: sampling.inherit,
                follows: id)
        case .everything: throw refusedCPUs(cpuText)
        case .user(let name, _): throw refusedCPUs("user \(displayText(name)) on \(cpuText)")
        }
    }

    static func threads(of pid: Int32) -> [Int32] {
        directoryNames("\(ProcFolder.root)/\(pid)/task", raising: ProcFolder.rights).compactMap { Int32($0) }.sorted()
    }

    private static func processes(of user: UInt32) -> [Int32] {
        let own = getpid()
        return directoryNames(ProcFolder.root, raising: ProcFolder.rights).compactMap { Int32($0) }.filter { pid in
            pid != own && fileOwner("\(ProcFolder.root)/\(pid)", raising: ProcFolder.rights) == user
        }
    }
}
