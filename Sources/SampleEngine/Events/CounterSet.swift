internal import CLinuxShims
internal import Glibc

/// The kernel refused a counter.
struct OpenFailure: Error {
    let errno: Errno
    let event: EventSpec?
}

/// The counters that each followed thread, or each CPU as a whole, gets: on every CPU one for side-band, and one for
/// each event. Remembers what this kernel turned out not to know.
struct CounterSet: Sendable {
    /// Leaders first within their group, numbered through all groups.
    private let groups: [[ResolvedEvent]]
    private let rates: [EventRate]
    private let room: RingRoom
    private var inherit: Bool
    private let fromExec: Bool
    private let overwrites: Bool
    private let userOnly: Bool
    /// Counters are threads', not CPUs'.
    private let followsThreads: Bool
    /// Groups on whole CPUs have a witness of task switches: without it nobody can tell whose a count is. Nil until one
    /// was opened or refused.
    private var hasWitness: Bool?
    /// Kernels before 6.0 refuse `PERF_FORMAT_LOST`, before 5.12 `build_id`, before 5.1 `ksymbol`: asked again without.
    private var readsLost = true
    private var readsBuildIDs = true
    private var hearsOfKernelCode = true
    /// Kernels before 6.13 refuse groups that are read with samples and inherited.
    private var inheritsGroups = true
    /// What was given up on the way.
    private(set) var notes: [String] = []

    init(
        groups: [[ResolvedEvent]], rates: [EventRate], cpus: [Int], room: RingRoom, inherit: Bool, fromExec: Bool,
        overwrites: Bool, userOnly: Bool, followsThreads: Bool
    ) {
        self.groups = groups
        self.rates = rates
        self.room = room
        self.inherit = inherit
        self.fromExec = fromExec
        self.overwrites = overwrites
        self.userOnly = userOnly
        self.followsThreads = followsThreads
    }

    /// The events by their numbers.
    var events: [EventInUse] {
        var events: [EventInUse] = []
        for (group, rate) in zip(groups, rates) {
            let leader = events.count
            for (member, event) in group.enumerated() {
                events.append(EventInUse(name: event.spec.text, rate: rate, leader: member == 0 ? nil : leader))
            }
        }
        return events
    }

    /// Some event needs one of the processor's counters.
    var usesHardware: Bool { groups.joined().contains(where: \.spec.isHardware) }

    /// How samples of each event are laid out; siblings, which have none, have their leader's. Good once a counter is open.
    var layouts: [SampleLayout] {
        zip(groups, rates).flatMap { group, rate in
            var layout = SampleLayout(
                fixedPeriod: rate.fixedPeriod, members: group.count, hasWitness: hasWitness ?? false,
                readsLost: readsLost)
            layout.isClock = group[0].isClock
            return group.map { _ in layout }
        }
    }

    /// Opens all counters of a thread, or with nil of all threads, on each of the CPUs.
    mutating func open(for thread: Int32?, into cpus: inout [CPUCounters]) throws(OpenFailure) {
        for index in cpus.indices {
            let cpu = cpus[index].cpu
            let follow = EventAttributes.sideBand(
                inherit: inherit, wakeupBytes: room.sideBandWakeup, userOnly: userOnly)
            cpus[index].sideBand.append(try open(follow, .sideBand, thread, cpu, event: nil))
            var number = 0
            for (group, rate) in zip(groups, rates) {
                cpus[index].samples += try open(group, rate, thread, cpu, number: number)
                number += group.count
            }
        }
    }

    /// Opens a group, leader first.
    private mutating func open(
        _ group: [ResolvedEvent], _ rate: EventRate, _ thread: Int32?, _ cpu: Int, number: Int
    ) throws(OpenFailure) -> [Counter] {
        let leads = group.count > 1
        while true {
            let inherits = inherit && (!leads || inheritsGroups)
            let sampling = EventAttributes.sampling(
                group[0], rate: rate, leads: leads, inherit: inherits, fromExec: fromExec, overwrites: overwrites,
                wakeupBytes: room.sampleWakeup)
            var counters: [Counter] = []
            do throws(OpenFailure) {
                counters.append(
                    try open(
                        sampling, .samples(event: number), thread, cpu, event: group[0].spec, members: group.count))
            } catch {
                guard leads, inherits, error.errno == .invalid else { throw error }
                inheritsGroups = false
                notes.append("groups without the children: this kernel cannot inherit them (before Linux 6.13)")
                continue
            }
            for (member, event) in group.enumerated().dropFirst() {
                let counting = EventAttributes.counting(event, inherit: inherits)
                counters.append(
                    try open(
                        counting, .counts(event: number + member), thread, cpu, event: event.spec,
                        leader: counters[0].fd))
            }
            if leads, thread == nil, let witness = try openWitness(cpu, leader: counters[0].fd) {
                counters.append(witness)
            }
            return counters
        }
    }

    /// Counts the switches of a group's CPU, where this kernel does; samples are laid out alike on all CPUs.
    private mutating func openWitness(_ cpu: Int, leader: Int32) throws(OpenFailure) -> Counter? {
        if hasWitness == false { return nil }
        do throws(OpenFailure) {
            let witness = try open(EventAttributes.witness(), .witness, nil, cpu, event: nil, leader: leader)
            hasWitness = true
            return witness
        } catch {
            let isOutOfFiles = error.errno == .tooManyFiles || error.errno == .tooManyFilesInSystem
            if hasWitness == true || isOutOfFiles { throw error }
            hasWitness = false
            return nil
        }
    }

    /// What is to be known of counts that are a CPU's and not a task's; nil where there are none. Good once counters are
    /// open.
    var countsOfCPUs: String? {
        let siblings = groups.flatMap { $0.dropFirst().map(\.spec.text) }.joined(separator: ", ")
        if followsThreads || siblings.isEmpty { return nil }
        let share =
            hasWitness == true
            ? "rows have what is proven theirs, the rest is [other tasks]"
            : "this kernel does not tell whose: all is [other tasks]"
        return "\(siblings): counted on this CPU, whoever runs; \(share)"
    }

    private mutating func open(
        _ wanted: perf_event_attr, _ purpose: Counter.Purpose, _ thread: Int32?, _ cpu: Int, event: EventSpec?,
        leader: Int32 = -1, members: Int = 1
    ) throws(OpenFailure) -> Counter {
        while true {
            var attributes = wanted
            if !readsLost { attributes.read_format &= ~UInt64(PERF_FORMAT_LOST.rawValue) }
            if !readsBuildIDs { attributes.build_id = 0 }
            if !hearsOfKernelCode { attributes.ksymbol = 0 }
            do throws(Errno) {
                let fd = try systemCall(raising: .counters) {
                    unsafe pt_perf_event_open(&attributes, thread ?? -1, Int32(cpu), leader, 0)
                }
                return try Counter(
                    Descriptor(owning: fd), purpose: purpose, cpu: cpu, thread: thread, members: members,
                    attributes: attributes)
            } catch {
                // The dummy event has nothing that could be invalid but what old kernels do not know.
                let isOldKernel = purpose == .sideBand && (error == .invalid || error == .tooBig)
                if isOldKernel, readsLost {
                    readsLost = false
                } else if isOldKernel, readsBuildIDs {
                    readsBuildIDs = false
                } else if isOldKernel, hearsOfKernelCode {
                    hearsOfKernelCode = false
                } else {
                    throw OpenFailure(errno: error, event: event)
                }
            }
        }
    }
}

/// How large rings are, and how full they may get before they wake us.
struct RingRoom: Sendable {
    let samplePages: Int
    let sideBandPages: Int
    /// Bytes.
    let sampleWakeup: Int
    let sideBandWakeup: Int

    /// - Parameters:
    ///   - members: events of each group; its leader's rate is in `rates`.
    ///   - asked: data pages the user wants for samples.
    init(_ rates: [EventRate], members: [Int], asked: Int?, limits: KernelLimits) {
        // Room for everything that can come in a second or two; an event per hit has no such bound.
        let floods = rates.contains { $0.fixedPeriod != nil || $0.frequency > 20_000 }
        samplePages = asked ?? (limits.mayLockMemory ? (floods ? 512 : 128) : 64)
        sideBandPages = limits.mayLockMemory ? 128 : 32
        // Where memory is limited, rings may have to be halved, twice perhaps: the watermark must fit those too.
        let sure = limits.mayLockMemory ? 1 : 4
        let ring = samplePages * KernelLimits.pageSize / sure
        sideBandWakeup = sideBandPages * KernelLimits.pageSize / sure / 4
        // About 100 ms of samples, at least a page, at most a quarter of the ring: each wake-up costs the target too.
        var bytes = 0
        for (rate, members) in zip(rates, members) {
            let size = SampleLayout(fixedPeriod: rate.fixedPeriod, members: members).size
            bytes += rate.fixedPeriod != nil ? ring : Int(clamping: rate.frequency) / 10 * size
        }
        sampleWakeup = max(1, min(max(bytes, KernelLimits.pageSize), ring / 4))
    }
}

extension EventRate {
    var frequency: UInt64 { if case .frequency(let frequency) = self { frequency } else { 0 } }
    var fixedPeriod: UInt64? {
        switch self {
        case .frequency: nil
        case .period(let period): period
        case .each: 1
        }
    }
}

extension EventInUse {
    init(name: String, rate: EventRate, leader: Int?) {
        switch rate {
        case .frequency(let frequency):
            self.init(name: name, frequency: frequency, period: nil, leader: leader)
        case .period(let period): self.init(name: name, frequency: nil, period: period, leader: leader)
        case .each: self.init(name: name, frequency: nil, period: 1, leader: leader, mayRise: leader == nil)
        }
    }
}
