internal import CLinuxShims
internal import Glibc

/// Opens the counters of a session, with every fallback that is worth having, and says what it gave up.
///
/// Order matters: this runs before anything else is read, so that what the machine does is counted from the first
/// moment. Counters open disabled; the caller maps rings over them and then enables them.
package struct EventOpener {
    let sampling: Sampling
    let limits: KernelLimits
    let cpus: [Int]
    private var notes: [String] = []
    /// Kernels before 6.0 refuse `PERF_FORMAT_LOST`, before 5.12 `build_id`: asked again without.
    private var readsLost = true
    private var readsBuildIDs = true

    package init(_ sampling: Sampling) {
        self.sampling = sampling
        limits = KernelLimits()
        cpus = sampling.target.cpus ?? KernelLimits.onlineCPUs()
        Self.raiseFileLimit()
    }

    /// - Throws: `EngineError` that names what was asked, why the kernel refused and what to do.
    package mutating func open() throws(EngineError) -> OpenCounters {
        var wanted: [ResolvedEvent]?
        if let events = sampling.events {
            var resolved: [ResolvedEvent] = []
            for event in events { resolved.append(try resolve(event)) }
            wanted = resolved
        }
        let plan = try threadsToFollow()
        // The rest of the program needs some too: better counters too few than no name for what they count.
        let reserve = Self.reservedDescriptors()
        defer { for fd in reserve { close(fd) } }
        do throws(OpenFailure) {
            return try open(plan, wanted)
        } catch {
            if error.errno == .tooManyFiles, limits.mayCountCPUs, case .processes(let pids) = sampling.target.who {
                return try openCPUs(keeping: pids, plan, wanted)
            }
            throw explain(error, plan)
        }
    }

    /// Who is sampled: some threads, or (nil) all of each CPU.
    struct Plan {
        var threads: [Int32]?
        var text: String
        var wanted: [Int32]?
        var user: UInt32?
        var inherit: Bool
        /// Count from the thread's next exec on.
        var fromExec = false
    }

    struct OpenFailure: Error {
        let errno: Errno
        let event: EventSpec?
    }

    /// Too many threads for the open-files limit: sample whole CPUs and keep what was asked for.
    private mutating func openCPUs(
        keeping pids: [Int32], _ plan: Plan, _ wanted: [ResolvedEvent]?
    ) throws(EngineError) -> OpenCounters {
        notes.append(
            "too many threads for the open-files limit (\(Self.fileLimit())): sampling all CPUs, keeping the wanted pids"
        )
        let wide = Plan(threads: nil, text: plan.text, wanted: pids, user: nil, inherit: false)
        do throws(OpenFailure) { return try open(wide, wanted) } catch { throw explain(error, wide) }
    }
}

// MARK: - Who

extension EventOpener {
    private mutating func threadsToFollow() throws(EngineError) -> Plan {
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
            return Plan(threads: threads, text: "pid \(list)", inherit: sampling.inherit)
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
                    what: "your processes", why: "you have none beside this one",
                    remedy: "start one with: perftop -- COMMAND; for all processes run as root")
            }
            return Plan(
                threads: own.flatMap(Self.threads(of:)), text: "your processes (\(own.count))",
                inherit: sampling.inherit)
        case .user(let name, let id) where id == geteuid():
            let own = Self.processes(of: id)
            return Plan(
                threads: own.flatMap(Self.threads(of:)), text: "user \(displayText(name))", inherit: sampling.inherit)
        case .everything: throw refusedCPUs(cpuText)
        case .user(let name, _): throw refusedCPUs("user \(displayText(name)) on \(cpuText)")
        }
    }

    private static func threads(of pid: Int32) -> [Int32] {
        directoryNames("/proc/\(pid)/task").compactMap { Int32($0) }.sorted()
    }

    private static func processes(of user: UInt32) -> [Int32] {
        let own = getpid()
        return directoryNames("/proc").compactMap { Int32($0) }.filter { pid in
            var status = stat()
            let found = unsafe stat("/proc/\(pid)", &status)
            return found == 0 && pid != own && status.st_uid == user
        }
    }
}

// MARK: - Events

extension EventOpener {
    /// An event with the numbers that the kernel wants.
    private struct ResolvedEvent {
        var spec: EventSpec
        let type: perf_type_id
        let config: UInt64
    }

    /// - Throws: for what does not exist, and for what would count 0 for ever.
    private func resolve(_ spec: EventSpec) throws(EngineError) -> ResolvedEvent {
        if spec.happensInKernel, !spec.kernel {
            throw EngineError(
                .usage, what: "event '\(spec.text)'",
                why: "it happens inside the kernel: with :u it would count 0 for ever",
                remedy: "leave out :u")
        }
        if !limits.mayCountKernel, spec.happensInKernel || !spec.user { throw refusedKernel(spec) }
        switch spec.source {
        case .hardware(let number): return ResolvedEvent(spec: spec, type: PERF_TYPE_HARDWARE, config: number)
        case .software(let number): return ResolvedEvent(spec: spec, type: PERF_TYPE_SOFTWARE, config: number)
        case .tracepoint(let subsystem, let name):
            let id = try Tracepoint.id(subsystem: subsystem, name: name)
            return ResolvedEvent(spec: spec, type: PERF_TYPE_TRACEPOINT, config: id)
        }
    }

    /// Opens the wanted events, or the first of the defaults that this machine can count.
    private mutating func open(_ plan: Plan, _ wanted: [ResolvedEvent]?) throws(OpenFailure) -> OpenCounters {
        if let wanted { return try openAll(plan, wanted) }
        var failure = OpenFailure(errno: .notSupported, event: nil)
        for (index, event) in EventSpec.defaults.enumerated() {
            guard let resolved = try? resolve(event) else { continue }
            do throws(OpenFailure) {
                var opened = try openAll(plan, [resolved])
                if index > 0 { opened.notes.append("no hardware counters: using \(event.name)") }
                return opened
            } catch {
                failure = error
                let unavailable: [Errno] = [.noEntry, .notSupported, .noDevice, .invalid]
                if !unavailable.contains(error.errno) { throw error }
            }
        }
        throw failure
    }

    private mutating func openAll(_ plan: Plan, _ wanted: [ResolvedEvent]) throws(OpenFailure) -> OpenCounters {
        var events = wanted
        var given: [String] = []
        if !limits.mayCountKernel, events.contains(where: \.spec.kernel) {
            for index in events.indices { events[index].spec.kernel = false }
            given.append(
                "user side only (perf_event_paranoid is \(limits.paranoid)); with the kernel's: "
                    + limits.shortRemedy(level: 1))
        }
        let rates = events.map { rate(of: $0.spec) }
        // Room for everything that can come in a second or two; an event per hit has no such bound.
        let floods = rates.contains { $0.fixedPeriod != nil || $0.frequency > 20_000 }
        let samplePages = sampling.ringPages ?? (limits.mayLockMemory ? (floods ? 512 : 128) : 64)
        let sideBandPages = limits.mayLockMemory ? 128 : 32
        // Where memory is limited, rings may have to be halved, twice perhaps: the watermark must fit those too.
        let sure = limits.mayLockMemory ? 1 : 4
        let wakeup = wakeupBytes(rates, ringBytes: samplePages / sure * KernelLimits.pageSize)
        let sideBandWakeup = sideBandPages / sure * KernelLimits.pageSize / 4

        var opened: [CPUCounters] = cpus.map { CPUCounters(cpu: $0) }
        func follow(_ thread: Int32?) throws(OpenFailure) {
            for index in opened.indices {
                let cpu = opened[index].cpu
                let follow = EventAttributes.sideBand(
                    inherit: plan.inherit, wakeupBytes: sideBandWakeup, userOnly: !limits.mayCountKernel)
                opened[index].sideBand.append(try openCounter(follow, .sideBand, thread, cpu, event: nil))
                for (number, event) in events.enumerated() {
                    let sample = EventAttributes.sampling(
                        event.spec, config: (event.type, event.config), rate: rates[number],
                        inherit: plan.inherit, fromExec: plan.fromExec, wakeupBytes: wakeup)
                    opened[index].samples.append(
                        try openCounter(sample, .samples(event: number), thread, cpu, event: event.spec))
                }
            }
        }
        let takesWhatItGets =
            switch sampling.target.who {
            case .everythingPermitted, .user: plan.threads != nil
            default: false
            }
        var refused = 0
        var pending: [Int32?] = plan.threads.map { $0.map { $0 } } ?? [nil]
        var known = Set(plan.threads ?? [])
        var rounds = 0
        while !pending.isEmpty {
            for thread in pending {
                do throws(OpenFailure) {
                    try follow(thread)
                } catch {
                    // A thread that ended between the listing and now takes nothing with it; nor, where nobody asked for
                    // it by its number, does one that has more rights than we have (ssh-agent, sudo).
                    if error.errno == .access, takesWhatItGets {
                        refused += 1
                    } else if error.errno != .noProcess || known.count <= 1 {
                        throw error
                    }
                }
            }
            // Threads made meanwhile by one that had no counter yet have none either: look again until none is new.
            pending = newThreads(beside: known)
            known.formUnion(pending.compactMap { $0 })
            rounds += 1
            if rounds == 20, !pending.isEmpty {
                given.append("threads start faster than perftop can follow them: some may be missing")
                break
            }
        }
        if let note = nameless(plan) { given.append(note) }
        if opened.allSatisfy(\.samples.isEmpty) {
            throw OpenFailure(errno: refused > 0 ? .access : .noProcess, event: nil)
        }
        if refused > 0 {
            given.append("without \(refused) of your threads, which have more rights than you; with them: sudo")
        }
        return OpenCounters(
            cpus: opened,
            events: zip(events, rates).map { EventInUse(name: $0.spec.text, rate: $1) },
            layouts: rates.map { SampleLayout(fixedPeriod: $0.fixedPeriod) },
            targetText: plan.text, notes: notes + given, followsThreads: plan.threads != nil, fromExec: plan.fromExec,
            wantedProcesses: plan.wanted, wantedUser: plan.user,
            samplePages: samplePages, sideBandPages: sideBandPages, mayCountTwice: rounds > 1)
    }

    /// Threads of the target's processes that have come since they were listed.
    private func newThreads(beside known: Set<Int32>) -> [Int32?] {
        guard case .processes(let pids) = sampling.target.who, !known.isEmpty else { return [] }
        return pids.flatMap(Self.threads(of:)).filter { !known.contains($0) }
    }

    private mutating func rate(of spec: EventSpec) -> EventRate {
        switch sampling.rate {
        case .period(let period): return .period(max(1, period))
        case .maxFrequency: return .frequency(limits.maxSampleRate)
        case .frequency(let wanted):
            if wanted > limits.maxSampleRate {
                let note = "\(wanted) Hz is above kernel.perf_event_max_sample_rate: using \(limits.maxSampleRate) Hz"
                if !notes.contains(note) { notes.append(note) }
            }
            return .frequency(max(1, min(wanted, limits.maxSampleRate)))
        case nil:
            if case .tracepoint = spec.source { return .period(1) }
            return .frequency(999)
        }
    }

    /// About 100 ms of samples, at least a page, at most a quarter of the ring: each wake-up costs the target too.
    private func wakeupBytes(_ rates: [EventRate], ringBytes: Int) -> Int {
        var bytes = 0
        for rate in rates {
            guard case .frequency(let frequency) = rate else { return ringBytes / 4 }
            bytes += Int(clamping: frequency) * SampleLayout(fixedPeriod: nil).size / 10
        }
        return max(1, min(max(bytes, KernelLimits.pageSize), ringBytes / 4))
    }
}

// MARK: - One counter

extension EventOpener {
    private mutating func openCounter(
        _ wanted: perf_event_attr, _ purpose: Counter.Purpose, _ thread: Int32?, _ cpu: Int, event: EventSpec?
    ) throws(OpenFailure) -> Counter {
        while true {
            var attributes = wanted
            if !readsLost { attributes.read_format &= ~UInt64(PERF_FORMAT_LOST.rawValue) }
            if !readsBuildIDs { attributes.build_id = 0 }
            do throws(Errno) {
                let fd = try systemCall {
                    unsafe pt_perf_event_open(&attributes, thread ?? -1, Int32(cpu), -1, 0)
                }
                return try Counter(Descriptor(owning: fd), purpose: purpose, cpu: cpu, thread: thread)
            } catch {
                // The dummy event has nothing that could be invalid but what old kernels do not know.
                let isOldKernel = purpose == .sideBand && (error == .invalid || error == .tooBig)
                if isOldKernel, readsLost {
                    readsLost = false
                } else if isOldKernel, readsBuildIDs {
                    readsBuildIDs = false
                } else {
                    throw OpenFailure(errno: error, event: event)
                }
            }
        }
    }

    /// Descriptors kept free while counters take theirs: rings, mailboxes, the terminal, files with symbols.
    private static func reservedDescriptors() -> [Int32] {
        var reserved: [Int32] = []
        while reserved.count < 28 {
            let fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
            if fd < 0 { break }
            reserved.append(fd)
        }
        return reserved
    }

    private static func raiseFileLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    static func fileLimit() -> UInt64 {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return UInt64(limit.rlim_cur)
    }
}

extension EventRate {
    var frequency: UInt64 { if case .frequency(let frequency) = self { frequency } else { 0 } }
    var fixedPeriod: UInt64? { if case .period(let period) = self { period } else { nil } }
}

extension EventInUse {
    init(name: String, rate: EventRate) {
        switch rate {
        case .frequency(let frequency): self.init(name: name, frequency: frequency, period: nil)
        case .period(let period): self.init(name: name, frequency: nil, period: period)
        }
    }
}
