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
    var notes: [String] = []
    package init(_ sampling: Sampling) {
        self.sampling = sampling
        limits = KernelLimits()
        cpus = sampling.target.cpus ?? KernelLimits.onlineCPUs()
        raiseFileLimit()
    }

    /// - Throws: `EngineError` that names what was asked, why the kernel refused and what to do.
    package mutating func open() throws(EngineError) -> OpenCounters {
        var wanted: [[ResolvedEvent]]?
        if let groups = sampling.events {
            var resolved: [[ResolvedEvent]] = []
            for group in groups { resolved.append(try resolve(group)) }
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

    /// Too many threads for the open-files limit: sample whole CPUs and keep what was asked for.
    private mutating func openCPUs(
        keeping pids: [Int32], _ plan: Plan, _ wanted: [[ResolvedEvent]]?
    ) throws(EngineError) -> OpenCounters {
        notes.append(
            "too many threads for the open-files limit (\(fileLimit())): sampling all CPUs, keeping the wanted pids"
        )
        let wide = Plan(threads: nil, text: plan.text, wanted: pids + plan.children, user: nil, inherit: false)
        do throws(OpenFailure) { return try open(wide, wanted) } catch { throw explain(error, wide) }
    }
}

// MARK: - Events

extension EventOpener {
    /// - Throws: for what does not exist, and for what would count 0 for ever.
    private func resolve(_ group: EventGroup) throws(EngineError) -> [ResolvedEvent] {
        var events: [ResolvedEvent] = []
        for event in group.events { events.append(try resolve(event)) }
        return events
    }

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
    private mutating func open(_ plan: Plan, _ wanted: [[ResolvedEvent]]?) throws(OpenFailure) -> OpenCounters {
        if let wanted { return try openAll(plan, wanted) }
        var failure = OpenFailure(errno: .notSupported, event: nil)
        for (index, event) in EventSpec.defaults.enumerated() {
            guard let resolved = try? resolve(event) else { continue }
            do throws(OpenFailure) {
                var opened = try openAll(plan, [[resolved]])
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

    private mutating func openAll(_ plan: Plan, _ wanted: [[ResolvedEvent]]) throws(OpenFailure) -> OpenCounters {
        var groups = wanted
        var given: [String] = []
        if !limits.mayCountKernel, groups.joined().contains(where: \.spec.kernel) {
            for group in groups.indices {
                for event in groups[group].indices { groups[group][event].spec.kernel = false }
            }
            given.append(
                "user side only (perf_event_paranoid is \(limits.paranoid)); with the kernel's: "
                    + limits.shortRemedy(level: 1))
        }
        let rates = groups.map { rate(of: $0[0].spec) }
        // Groups on whole CPUs have a witness beside them.
        let members = groups.map { $0.count > 1 && plan.threads == nil ? $0.count + 1 : $0.count }
        let room = RingRoom(rates, members: members, asked: sampling.ringPages, limits: limits)
        var set = CounterSet(
            groups: groups, rates: rates, cpus: cpus, room: room, inherit: plan.inherit, fromExec: plan.fromExec,
            overwrites: sampling.overwrites, userOnly: !limits.mayCountKernel, followsThreads: plan.threads != nil)
        let opened = try openAll(plan, &set, &given)
        given += set.notes
        if let note = set.countsOfCPUs { given.append(note) }
        if let note = nameless(plan) { given.append(note) }
        return OpenCounters(
            cpus: opened.cpus, events: set.events, layouts: set.layouts, targetText: plan.text, notes: notes + given,
            fromExec: plan.fromExec, overwrites: sampling.overwrites, usesHardware: set.usesHardware,
            wantedProcesses: plan.wanted, wantedUser: plan.user, samplePages: room.samplePages,
            sideBandPages: room.sideBandPages,
            mayCountTwice: opened.mayCountTwice || plan.follows != nil,
            follower: plan.follows.map { Follower(user: $0, set: set, known: opened.threads) })
    }

    /// Gives each thread of a plan its counters, and those that start meanwhile.
    private func openAll(
        _ plan: Plan, _ set: inout CounterSet, _ notes: inout [String]
    ) throws(OpenFailure) -> (cpus: [CPUCounters], threads: Set<Int32>, mayCountTwice: Bool) {
        var opened = cpus.map { CPUCounters(cpu: $0) }
        let takesWhatItGets =
            switch sampling.target.who {
            case .everythingPermitted, .user: plan.threads != nil
            default: false
            }
        var refused = 0
        var children = LeftOut()
        var pending: [Int32?] = plan.threads.map { $0.map { $0 } } ?? [nil]
        var known = Set(plan.threads ?? [])
        // Children that live already: none of them can have inherited a counter.
        pending += newThreads(beside: known, &children)
        known.formUnion(pending.compactMap { $0 })
        var rounds = 0
        while !pending.isEmpty {
            for thread in pending {
                do throws(OpenFailure) {
                    try set.open(for: thread, into: &opened)
                } catch {
                    // A thread that ended between the listing and now takes nothing with it; nor, where nobody asked for
                    // it by its number, does one that has more rights than we have (ssh-agent, sudo).
                    if let thread, children.leavesOut(thread, error.errno, limits) {
                        known.remove(thread)
                    } else if error.errno == .access, takesWhatItGets {
                        refused += 1
                        // Its children may be ours to see: they must not be taken for followed.
                        if let thread { known.remove(thread) }
                    } else if error.errno != .noProcess || known.count <= 1 {
                        throw error
                    }
                }
            }
            // Threads made meanwhile by one that had no counter yet have none either: look again until none is new.
            pending = newThreads(beside: known, &children)
            known.formUnion(pending.compactMap { $0 })
            rounds += 1
            if rounds == 20, !pending.isEmpty {
                notes.append("threads start faster than perftop can follow them: some may be missing")
                break
            }
        }
        if opened.allSatisfy(\.samples.isEmpty) {
            throw OpenFailure(errno: refused > 0 ? .access : .noProcess, event: nil)
        }
        if refused > 0 {
            notes.append("without \(refused) of your threads, which have more rights than you; with them: sudo")
        }
        if let note = children.note { notes.append(note) }
        return (opened, known, rounds > 1)
    }

    /// Threads of the target's processes, and of their living children, that have no counters yet.
    private func newThreads(beside known: Set<Int32>, _ children: inout LeftOut) -> [Int32?] {
        guard case .processes(let pids) = sampling.target.who, !known.isEmpty else { return [] }
        var threads = pids.flatMap(Self.threads(of:))
        if sampling.inherit {
            for child in Descendants.of(pids) {
                let all = Self.threads(of: child)
                children.note(all, of: child)
                threads += all
            }
        }
        return threads.filter { !known.contains($0) && !children.isLeftOut($0) }
    }

    /// Children of the target that nobody named: what cannot be had of them takes nothing with it.
    private struct LeftOut {
        private var processes: [Int32: Int32] = [:]
        private var threads: Set<Int32> = []
        private var withoutRights: Set<Int32> = []
        private var withoutFiles: Set<Int32> = []

        mutating func note(_ threads: [Int32], of child: Int32) { for thread in threads { processes[thread] = child } }
        func isLeftOut(_ thread: Int32) -> Bool { threads.contains(thread) }

        /// - Returns: false where the refusal is everybody's, or whole CPUs can be sampled in the stead.
        mutating func leavesOut(_ thread: Int32, _ errno: Errno, _ limits: KernelLimits) -> Bool {
            guard let child = processes[thread] else { return false }
            switch errno {
            case .access, .permission: withoutRights.insert(child)
            case .tooManyFiles where !limits.mayCountCPUs: withoutFiles.insert(child)
            default: return false
            }
            threads.insert(thread)
            return true
        }

        var note: String? {
            var reasons: [String] = []
            if !withoutRights.isEmpty { reasons.append("\(withoutRights.count) with more rights than you") }
            if !withoutFiles.isEmpty { reasons.append("\(withoutFiles.count) beyond the open-files limit (ulimit -n)") }
            return reasons.isEmpty ? nil : "without some living children: " + reasons.joined(separator: ", ")
        }
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
            return spec.isRare ? .each : .frequency(999)
        }
    }

    /// Descriptors kept free while counters take theirs: rings, mailboxes, the terminal, files with symbols.
    static func reservedDescriptors() -> [Int32] {
        var reserved: [Int32] = []
        while reserved.count < 28 {
            let fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
            if fd < 0 { break }
            reserved.append(fd)
        }
        return reserved
    }
}

/// Asks for as many open files as the hard limit allows: one for each event, CPU and thread is soon more than the soft one.
private func raiseFileLimit() {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Files this process may have open.
func fileLimit() -> UInt64 {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return UInt64(limit.rlim_cur)
}
