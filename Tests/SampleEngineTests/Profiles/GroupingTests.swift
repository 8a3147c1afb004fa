import SampleEngine
import SampleEngineTestSupport
import Testing

/// A profile made of random cells over a small world; every stack may have callers.
private struct World {
    var names = Names()
    var stacks = PagedArray<Frame>()
    var cells: [Cell] = []

    init(seed: UInt64, cells count: Int, recursion: Bool) {
        var random = SeededRandom(seed)
        for number in 0..<3 as Range<UInt32> { names.modules.append(Module(name: "module\(number)")) }
        for number in 0..<8 as Range<UInt32> {
            names.functions.append(Function(name: "f\(number)", module: ModuleID(number % 3), kind: .user))
        }
        for number in 0..<5 as Range<UInt32> {
            names.processes[Generation(number)] = ProcessFacts(
                pid: Int32(100 + number / 2), name: "p\(number % 3)", user: number % 2)
        }
        for number in 0..<40 as Range<UInt32> {
            // Callers come first; some frames have no name yet.
            let caller =
                recursion && number > 0 && random.below(4) > 0 ? StackID(UInt32(random.below(Int(number)))) : nil
            let function = random.below(10) == 0 ? nil : FunctionID(UInt32(random.below(8)))
            stacks.append(
                Frame(location: Location(space: SpaceID(16), value: UInt64(number)), function: function, caller: caller)
            )
        }
        for _ in 0..<count {
            cells.append(
                Cell(
                    event: UInt16(random.below(2)), cpu: UInt16(random.below(3)),
                    generation: Generation(UInt32(random.below(5))), thread: Int32(random.below(3)),
                    stack: StackID(UInt32(random.below(40))), count: UInt64(random.below(9)),
                    period: UInt64(random.below(1000))))
        }
    }

    var profile: Profile {
        let half = cells.count / 2
        let slices = [cells[..<half], cells[half...]].map { part in
            Slice(
                start: Instant(nanoseconds: 0), end: Instant(nanoseconds: 1_000_000_000), cells: Array(part), rings: [])
        }
        return Profile(
            sequence: 1, session: SessionFacts(target: "", events: [], notes: []), state: .live, slices: slices,
            stacks: stacks, names: names, wallClock: 0)
    }

    /// Functions on a cell's stack, innermost first.
    func functions(_ cell: Cell) -> [FunctionID?] {
        var all: [FunctionID?] = []
        var next: StackID? = cell.stack
        while let id = next {
            all.append(stacks[Int(id.index)].function)
            next = stacks[Int(id.index)].caller
        }
        return all
    }
}

@Suite("Tables are folds over cells: no sample is lost or counted twice")
struct GroupingTests {
    private static let groupings: [Set<GroupKey>] = [
        [], [.function], [.module], [.process], [.pid], [.thread], [.cpu], [.user], [.event], [.function, .process],
        [.function, .module, .process, .pid, .thread, .cpu, .user, .event],
    ]

    @Test("Self samples and weights add up to the table's, under any grouping and event", arguments: groupings)
    func totals(grouping: Set<GroupKey>) {
        let world = World(seed: 1, cells: 500, recursion: true)
        for event in [nil, 0, 1, 2] as [Int?] {
            let table = world.profile.table(of: event, by: grouping)
            let cells = world.cells.filter { event == nil || Int($0.event) == event }
            #expect(table.samples == cells.reduce(0) { $0 + $1.count })
            #expect(table.weight == cells.reduce(0) { $0 + $1.period })
            #expect(table.rows.reduce(0) { $0 + $1.selfSamples } == table.samples)
            if !cells.isEmpty { #expect(abs(table.rows.reduce(0) { $0 + $1.selfPercent } - 100) < 0.001) }
            #expect(table.rows.allSatisfy { $0.totalSamples >= $0.selfSamples && $0.totalPercent <= 100.001 })
            #expect(Set(table.rows.map(\.key)).count == table.rows.count, "one row for each key")
            #expect(
                zip(table.rows, table.rows.dropFirst()).allSatisfy { $0.selfPercent >= $1.selfPercent }, "falling order"
            )
        }
    }

    @Test(
        "By function: self is the innermost frame's, total counts a function once however deep it recurses",
        arguments: 0..<10 as Range<UInt64>)
    func recursion(seed: UInt64) {
        let world = World(seed: seed, cells: 300, recursion: true)
        var own: [FunctionID?: UInt64] = [:]
        var total: [FunctionID?: UInt64] = [:]
        for cell in world.cells {
            let functions = world.functions(cell)
            own[functions[0], default: 0] += cell.count
            for function in Set(functions) { total[function, default: 0] += cell.count }
        }
        let table = world.profile.table(of: nil, by: [.function])
        #expect(Set(table.rows.map(\.key.function)) == Set(total.keys))
        for row in table.rows {
            #expect(row.selfSamples == own[row.key.function] ?? 0)
            #expect(row.totalSamples == total[row.key.function] ?? 0)
        }
    }

    @Test("A row of several pids has none, a row of one pid has that one, several generations of it included")
    func pids() {
        let world = World(seed: 4, cells: 400, recursion: false)
        var pids: [String: Set<Int32>] = [:]
        for cell in world.cells {
            guard let facts = world.names.processes[cell.generation] else { continue }
            pids[facts.name, default: []].insert(facts.pid)
        }
        for row in world.profile.table(of: nil, by: [.process]).rows {
            let expected = pids[row.process] ?? []
            #expect(row.pid == (expected.count == 1 ? expected.first : nil))
        }
        for row in world.profile.table(of: nil, by: [.pid]).rows { #expect(row.pid == row.key.pid) }
    }

    @Test("A frame without a name yet says so, and is one row")
    func unnamed() {
        let world = World(seed: 2, cells: 400, recursion: false)
        let rows = world.profile.table(of: nil, by: [.function]).rows.filter { $0.key.function == nil }
        #expect(rows.map(\.function) == ["[names being read]"])
    }

    @Test("An empty profile has an empty table")
    func empty() {
        let table = World(seed: 1, cells: 0, recursion: false).profile.table(by: [.function])
        #expect(table.rows.isEmpty && table.samples == 0 && table.weight == 0)
    }
}

@Suite("Health: what is missing, summed over rings and slices")
struct HealthTests {
    private func profile(_ slices: [[RingFigures]], folded: UInt64 = 0) -> Profile {
        Profile(
            sequence: 1, session: SessionFacts(target: "", events: [], notes: []), state: .live,
            slices: slices.enumerated().map { number, rings in
                var cost = OwnCost()
                cost.processorNanoseconds = 10_000_000
                cost.residentKilobytes = UInt64(number)
                return Slice(
                    start: Instant(nanoseconds: UInt64(number) * 1_000_000_000),
                    end: Instant(nanoseconds: UInt64(number + 1) * 1_000_000_000), cells: [], rings: rings,
                    folded: folded,
                    cost: cost)
            }, stacks: PagedArray(), names: Names(), wallClock: 0)
    }

    private func ring(cpu: Int, lost: UInt64 = 0, kernel: UInt64? = nil, driver: UInt64 = 0, samples: UInt64 = 0)
        -> RingFigures
    {
        var ring = RingFigures(purpose: .samples, cpu: cpu, event: "cycles", pages: 1, size: 4096)
        ring.lost = lost
        ring.kernelLost = kernel
        ring.driverLost = driver
        ring.samples = samples
        ring.throttled = 1
        ring.undecodable = 2
        ring.overrunBytes = 3
        return ring
    }

    @Test("The kernel's own count of lost records goes before the LOST records; the driver's comes on top")
    func missing() {
        #expect(ring(cpu: 0, lost: 5).missing == 5)
        #expect(ring(cpu: 0, lost: 5, kernel: 9).missing == 9)
        #expect(ring(cpu: 0, lost: 5, kernel: 9, driver: 2).missing == 11)
    }

    @Test("Sums run over all rings and slices; the ring that lost most is named")
    func sums() {
        let health = profile(
            [
                [ring(cpu: 0, lost: 1, samples: 10), ring(cpu: 1, lost: 5, samples: 20)],
                [ring(cpu: 0, lost: 2, samples: 30), ring(cpu: 1, samples: 40)],
            ], folded: 7
        ).health
        #expect(health.lost == 8)
        #expect(health.kept == 100)
        #expect(health.folded == 14)
        #expect(health.throttled == 4)
        #expect(health.undecodable == 8)
        #expect(health.overrunBytes == 12)
        #expect(health.worstRing?.cpu == 1)
        #expect(abs(health.missingPercent - 100.0 * 8 / 108) < 0.0001)
    }

    @Test("Lost side-band records are lost, but not missing from the samples")
    func sideBand() {
        var other = ring(cpu: 0, lost: 50)
        other.purpose = .sideBand
        let health = profile([[ring(cpu: 0, lost: 10, samples: 90), other]]).health
        #expect(health.lost == 60 && health.lostSamples == 10)
        #expect(abs(health.missingPercent - 10) < 0.0001)
        let alone = profile([[ring(cpu: 0, samples: 90), other]]).health
        #expect(alone.lost == 50 && alone.missingPercent == 0)
    }

    @Test("Where nothing is lost there is no worst ring and nothing missing")
    func healthy() {
        let health = profile([[ring(cpu: 0, samples: 10)]]).health
        #expect(health.worstRing == nil && health.missingPercent == 0)
        #expect(profile([]).health.missingPercent == 0)
    }

    @Test("A ring's later figures: positions are the newest, counts add up, the peak is the highest")
    func addition() {
        var first = ring(cpu: 0, lost: 1, samples: 10)
        first.head = 100
        first.peakBytes = 900
        first.lagNanoseconds = 5
        var later = ring(cpu: 0, lost: 2, kernel: 4)
        later.head = 300
        later.tail = 250
        later.peakBytes = 50
        first.add(later)
        #expect(first.head == 300 && first.tail == 250 && first.peakBytes == 900)
        #expect(first.lost == 3 && first.kernelLost == 4 && first.samples == 10)
        #expect(first.lagNanoseconds == 5, "a slice without samples has no lag to tell")
        #expect(abs(first.usedPercent - 100.0 * 50 / 4096) < 0.001)
        #expect(abs(first.peakPercent - 100.0 * 900 / 4096) < 0.001)
    }

    @Test("Time, cost and memory come from the slices")
    func cost() {
        let three = profile([[], [], []])
        #expect(three.seconds == 3)
        #expect(abs(three.ownCPUPercent - 1) < 0.0001)
        #expect(three.residentKilobytes == 2)
        #expect(profile([]).seconds == 0 && profile([]).ownCPUPercent == 0)
    }

    /// A number that stands for none would join what has nothing in common, or give it to the idle thread.
    @Test(arguments: [[.pid], [.thread], [.user, .pid], [.pid, .thread, .cpu]] as [Set<GroupKey>])
    func whatIsNoProcessHasItsNameInsteadOfNumbers(grouping: Set<GroupKey>) {
        var builder = SyntheticProfile()
        builder.add("idle", module: "m", process: "swapper", pid: 0, samples: 5)
        builder.add("a", module: "m", process: "[other tasks]", pid: -1, samples: 30)
        builder.add("a", module: "m", process: "[exiting]", pid: -2, samples: 20)
        builder.add("a", module: "m", process: "burn", pid: 7, samples: 10)
        let profile = builder.next()
        let rows = profile.table(by: grouping).rows
        #expect(rows.map(\.selfSamples) == [30, 20, 10, 5])
        #expect(rows.map(\.key.process) == ["[other tasks]", "[exiting]", nil, nil])
        for row in rows.prefix(2) {
            #expect(row.key.pid == nil && row.key.thread == nil)
            let column = [GroupKey.user, .pid].first(where: grouping.contains) ?? .thread
            #expect(row.name(insteadOf: column, in: grouping) == row.process)
            // Its rows are its own samples.
            let inside = profile.table(by: [.process], inside: [Scope(row.key, of: grouping)])
            #expect(inside.rows.map(\.process) == [row.process] && inside.samplesInside == row.selfSamples)
        }
        let burn = profile.table(by: [.process], inside: [Scope(rows[2].key, of: grouping)])
        #expect(burn.rows.map(\.process) == ["burn"])
    }

    /// What was joined for want of room is no burst in the step in which it ends.
    @Test func aLongSliceIsSharedOutOverItsSteps() {
        var builder = SyntheticProfile()
        builder.add("spin", module: "m", process: "p", samples: 3000)
        builder.endSlice(seconds: 30)
        builder.add("spin", module: "m", process: "p", samples: 100)
        builder.endSlice(seconds: 1)
        // Slices begin at 1000 s, a multiple of the step.
        let trends = builder.next().trends(of: 0, by: [.function], step: 5_000_000_000, count: 8)
        #expect(trends.samples == [0, 0, 500, 500, 500, 500, 500, 500])
        #expect(trends.weights.values.first == [0, 0, 500, 500, 500, 500, 500, 500])
        let far = Instant(nanoseconds: .max - 1)
        let hostile = Profile(
            sequence: 1, session: builder.session, state: .live,
            slices: [
                Slice(
                    start: .beginning, end: far,
                    cells: [
                        Cell(
                            event: 0, cpu: 0, generation: .idle, thread: 0, stack: StackID(0), count: .max, period: .max
                        )
                    ], rings: [])
            ], stacks: PagedArray<Frame>(), names: Names(), wallClock: 0)
        #expect(hostile.trends(of: 0, by: [.function], step: 5_000_000_000, count: 8).samples.count == 8)
    }
}
