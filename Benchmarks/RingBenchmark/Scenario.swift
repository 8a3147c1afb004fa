import SampleEngine

/// What the records of a run are.
enum Scenario: String, CaseIterable {
    /// One address, one thread, one event.
    case one
    /// 10,000 kernel addresses × 8 threads of one process × 2 events, in random order.
    case kernel
    /// The same in user mode: four processes of two threads, each with 64 mappings of eight files.
    case user

    private static let addresses = 10_000
    private static let mappings = 64
    private static let mappingSize: UInt64 = 0x10_0000
    private static let processes = 4

    /// Where a mapping of a process begins; each process has its own places, and gaps between them.
    private static func start(process: Int, mapping: Int) -> UInt64 {
        UInt64(0x5000_0000_0000) + UInt64(process) << 36 + UInt64(mapping) * 2 * mappingSize
    }

    private static func pid(_ process: Int) -> Int32 { Int32(1000 + 10 * process) }

    /// What the processes did before they were sampled.
    func prepare(_ rig: Rig, time: UInt64) {
        guard self == .user else { return }
        for process in 0..<Self.processes {
            for mapping in 0..<Self.mappings {
                // As many records as the ring takes at once; the whole is read in the first pass.
                SideBand.map(
                    rig.sideBandWriters[mapping % rig.sideBandWriters.count], pid: Self.pid(process),
                    start: Self.start(process: process, mapping: mapping), length: Self.mappingSize,
                    file: mapping % 8, offset: UInt64(mapping / 8) * Self.mappingSize, time: time)
            }
        }
    }

    func sample(_ random: inout Randomness) -> Sample {
        switch self {
        case .one: return Sample(address: 0xffff_ffff_8100_0000, pid: 1000, thread: 1000)
        case .kernel:
            return Sample(
                event: random.below(2), address: 0xffff_ffff_8100_0000 + 64 * UInt64(random.below(Self.addresses)),
                pid: 1000, thread: 1000 + Int32(random.below(8)))
        case .user:
            let (process, place) = (random.below(Self.processes), random.below(Self.addresses))
            let start = Self.start(process: process, mapping: place % Self.mappings)
            return Sample(
                event: random.below(2), address: start + 64 * UInt64(place / Self.mappings), pid: Self.pid(process),
                thread: Self.pid(process) + Int32(random.below(2)), isUser: true)
        }
    }
}

/// How much is done.
struct Extent {
    /// Records of one slice, and slices: those for warming up, and those that count.
    let records: Int
    let warm: Int
    let rounds: Int
    /// Wake-ups of each measurement.
    let wakeups: Int
    let totals: [Int]

    /// Four million records are what two seconds of a storm bring.
    static let whole = Extent(records: 4_000_000, warm: 3, rounds: 5, wakeups: 2000, totals: [16, 64, 256])
    static let quick = Extent(records: 40_000, warm: 6, rounds: 3, wakeups: 20, totals: [16, 64])
}

/// What a scenario cost.
struct Outcome {
    let scenario: Scenario
    /// Of each round, in rising order.
    let nanoseconds: [Double]
    let allocations: UInt64
    /// What was written while it counted, and what arrived.
    let written: UInt64
    let tally: Tally

    var median: Double { nanoseconds[nanoseconds.count / 2] }
    var least: Double { nanoseconds[0] }
    var isComplete: Bool {
        tally.samples == written && tally.undecodable == 0 && tally.lost == 0 && tally.folded == 0
    }
}

extension Scenario {
    func run(_ extent: Extent) throws -> Outcome {
        let pages = 512
        // A quarter of the ring wakes the sampler, as it does with the kernel's.
        let watermark = pages / 4 * 4096
        let burst = watermark / Sample.size + 1
        let rig = try Rig(rings: 1, pages: pages, watermark: watermark)
        var random = Randomness(seed: 1)
        var time: UInt64 = 1_000_000_000
        prepare(rig, time: time)
        var rounds: [Double] = []
        var allocations: UInt64 = 0
        var written: UInt64 = 0
        var tally = Tally()
        for round in 0..<extent.warm + extent.rounds {
            if round == extent.warm { tally = Tally() }
            var cost = Cost()
            var left = extent.records
            while left > 0 {
                for _ in 0..<min(burst, left) {
                    time += 300
                    guard sample(&random).write(rig.sampleWriters[0], time: time) else { fatalError("a ring is full") }
                }
                left -= min(burst, left)
                SideBand.thread(rig.sideBandWriters[0], pid: 1000, time: time)
                cost.measure { rig.wake() }
            }
            cost.measure { rig.passAll() }
            var handOver = Cost()
            handOver.measure { rig.handOver() }
            cost.nanoseconds &+= handOver.nanoseconds
            rig.takeSlice(&tally)
            if round < extent.warm { continue }
            rounds.append(Double(cost.nanoseconds) / Double(extent.records))
            allocations &+= cost.allocations
            written &+= UInt64(extent.records)
        }
        return Outcome(
            scenario: self, nanoseconds: rounds.sorted(), allocations: allocations, written: written, tally: tally)
    }
}
