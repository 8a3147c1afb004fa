import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("GroupDeltas: from running counts to what each sample adds")
struct GroupDeltaTests {
    private let layout = SampleLayout(fixedPeriod: 1, members: 3)

    /// A sample's bytes as the kernel writes them, with what was read of its group.
    private func sample(
        enabled: UInt64 = 100, running: UInt64 = 100, members: UInt64 = 3, _ counts: [(value: UInt64, id: UInt64)]
    ) -> [UInt8] {
        let fixed: [UInt64] = [0, 0, 0, 0, 0, 0]
        let words = fixed + [members, enabled, running] + counts.flatMap { [$0.value, $0.id, 0] }
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }

    private func read(_ deltas: inout GroupDeltas, _ bytes: [UInt8], thread: Int32 = 0) -> [Int: UInt64] {
        var seen: [Int: UInt64] = [:]
        guard let group = layout.group else { return seen }
        unsafe deltas.read(bytes.span.bytes, group, of: .thread(thread)) { member, count, _ in seen[member] = count }
        return seen
    }

    /// What a CPU's samples add: proven to be the sampled task's, or not.
    private struct Shares: Equatable {
        var proven: [Int: UInt64] = [:]
        var others: [Int: UInt64] = [:]
    }

    private func read(
        _ deltas: inout GroupDeltas, _ bytes: [UInt8], on layout: SampleLayout, of runner: GroupDeltas.Runner?
    ) -> Shares {
        var seen = Shares()
        guard let group = layout.group else { return seen }
        unsafe deltas.read(bytes.span.bytes, group, of: .cpu(runner: runner)) { member, count, isProven in
            if isProven { seen.proven[member] = count } else { seen.others[member] = count }
        }
        return seen
    }

    /// One sibling, and the witness behind it.
    private let ofCPU = SampleLayout(fixedPeriod: 1, members: 2, hasWitness: true)

    private func runner(_ thread: Int32, life: UInt32 = 20) -> GroupDeltas.Runner {
        GroupDeltas.Runner(thread: thread, generation: Generation(life))
    }

    private func reading(_ counts: [(value: UInt64, id: UInt64)], time: UInt64 = 100) throws -> GroupReading {
        let words: [UInt64] = [UInt64(counts.count), time, time] + counts.flatMap { [$0.value, $0.id, 0] }
        let counts = try #require(CountReading(words[...], isGroup: true))
        return GroupReading(leader: 0, cpu: 0, members: 2, counts: counts)
    }

    @Test("The layout puts the group behind the fixed fields, behind the period where there is one")
    func places() {
        #expect(layout.group?.offset == 48)
        #expect(layout.size == 48 + 24 + 3 * 24)
        #expect(SampleLayout(fixedPeriod: nil, members: 2).group?.offset == 56)
        #expect(SampleLayout(fixedPeriod: nil, members: 2, readsLost: false).size == 56 + 24 + 2 * 16)
        #expect(SampleLayout(fixedPeriod: nil).group == nil)
        #expect(ofCPU.size == 48 + 24 + 3 * 24)
        #expect((ofCPU.group?.members, ofCPU.group?.shown) == (3, 2))
    }

    @Test("Siblings count from 0; then each sample adds what came since the one before; the leader is not visited")
    func steps() {
        var deltas = GroupDeltas()
        #expect(read(&deltas, sample([(9, 1), (5, 2), (0, 3)])) == [1: 5])
        #expect(read(&deltas, sample([(20, 1), (12, 2), (3, 3)])) == [1: 7, 2: 3])
        #expect(read(&deltas, sample([(30, 1), (12, 2), (3, 3)])) == [:])
    }

    @Test("Threads that inherited an event count for themselves")
    func threads() {
        var deltas = GroupDeltas()
        #expect(read(&deltas, sample([(0, 1), (5, 2), (0, 3)]), thread: 7) == [1: 5])
        #expect(read(&deltas, sample([(0, 1), (4, 2), (0, 3)]), thread: 8) == [1: 4])
        #expect(read(&deltas, sample([(0, 1), (6, 2), (0, 3)]), thread: 7) == [1: 1])
    }

    @Test("Whatever is sampled in which order, a thread's steps add up to its last count")
    func sums() {
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededRandom(seed)
            var deltas = GroupDeltas()
            var counts: [UInt64] = [0, 0]
            var sums: [Int: UInt64] = [:]
            for _ in 0..<200 {
                for index in counts.indices { counts[index] += UInt64.random(in: 0...50, using: &random) }
                let step = read(&deltas, sample([(0, 1), (counts[0], 2), (counts[1], 3)]))
                for (member, count) in step { sums[member, default: 0] += count }
            }
            #expect(sums[1, default: 0] == counts[0])
            #expect(sums[2, default: 0] == counts[1])
        }
    }

    @Test("A CPU's counts are a task's only where it was sampled before and the witness saw no switch since")
    func proven() {
        var deltas = GroupDeltas()
        func step(_ faults: UInt64, _ switches: UInt64, _ who: GroupDeltas.Runner?) -> Shares {
            read(&deltas, sample([(0, 1), (faults, 2), (switches, 3)]), on: ofCPU, of: who)
        }
        #expect(step(5, 9, runner(7)) == Shares(others: [1: 5]), "the first of a CPU: nobody knows who ran before")
        #expect(step(8, 9, runner(7)) == Shares(proven: [1: 3]))
        #expect(step(9, 10, runner(8)) == Shares(others: [1: 1]))
        #expect(step(12, 10, runner(8)) == Shares(proven: [1: 3]))
        #expect(step(13, 12, runner(8)) == Shares(others: [1: 1]), "another one ran between")
        #expect(step(14, 12, runner(9)) == Shares(others: [1: 1]), "another task without a switch: it was not seen")
        #expect(step(15, 12, runner(9, life: 21)) == Shares(others: [1: 1]), "the program before an exec")
        #expect(step(16, 12, nil) == Shares(others: [1: 1]))
        #expect(step(17, 12, runner(9)) == Shares(others: [1: 1]), "the one before is not known")
        #expect(step(18, 12, runner(9)) == Shares(proven: [1: 1]))
    }

    @Test("Nothing is proven without a witness, nor while the group was not on its counters")
    func unproven() {
        var deltas = GroupDeltas()
        let blind = SampleLayout(fixedPeriod: 1, members: 3)
        for value in 1...3 as ClosedRange<UInt64> {
            let shares = read(&deltas, sample([(0, 1), (value, 2), (0, 3)]), on: blind, of: runner(7))
            #expect(shares == Shares(others: [1: 1]))
        }
        var turns = GroupDeltas()
        _ = read(&turns, sample(enabled: 100, running: 50, [(0, 1), (10, 2), (1, 3)]), on: ofCPU, of: runner(7))
        let off = read(&turns, sample(enabled: 200, running: 100, [(0, 1), (20, 2), (1, 3)]), on: ofCPU, of: runner(7))
        #expect(off == Shares(others: [1: 20]), "scaled, and somebody else's perhaps")
        let on = read(&turns, sample(enabled: 300, running: 200, [(0, 1), (25, 2), (1, 3)]), on: ofCPU, of: runner(7))
        #expect(on == Shares(proven: [1: 5]))
    }

    @Test("What a reading finds beyond the samples is nobody's; samples written before it add nothing twice")
    func settled() throws {
        var deltas = GroupDeltas()
        func step(_ faults: UInt64, _ switches: UInt64, time: UInt64 = 100) -> Shares {
            let bytes = sample(enabled: time, running: time, [(0, 1), (faults, 2), (switches, 3)])
            return read(&deltas, bytes, on: ofCPU, of: runner(7))
        }
        _ = step(5, 9)
        var rest: [Int: UInt64] = [:]
        deltas.settle(try reading([(0, 1), (9, 2), (9, 3)], time: 120)) { rest[$0] = $1 }
        #expect(rest == [1: 4])
        #expect(step(7, 9, time: 110) == Shares())
        #expect(step(11, 9, time: 130) == Shares(proven: [1: 2]), "the same task since the sample before the reading")
        deltas.settle(try reading([(0, 1), (11, 2), (9, 3)], time: 140)) { rest[$0] = $1 }
        #expect(step(14, 9, time: 150) == Shares(others: [1: 3]))
    }

    /// Tasks run in turn on a CPU, have faults, and are sampled and read at any moment: the oracle knows who ran.
    @Test(
        "Whatever runs, a task is given no more than it had, and the sum is what was counted",
        arguments: 0..<50 as Range<UInt64>)
    func truth(seed: UInt64) throws {
        var random = SeededRandom(seed)
        var deltas = GroupDeltas()
        var (faults, switches, time) = (UInt64(0), UInt64(0), UInt64(0))
        var (own, given): ([Int32: UInt64], [Int32: UInt64]) = ([:], [:])
        var (others, running) = (UInt64(0), Int32(1))
        for _ in 0..<500 {
            time += 10
            switch UInt64.random(in: 0..<10, using: &random) {
            case 0..<5:
                let more = UInt64.random(in: 1...9, using: &random)
                faults += more
                own[running, default: 0] += more
            case 5:
                switches += 1
                running = Int32.random(in: 1...3, using: &random)
            case 6:
                deltas.settle(try reading([(0, 1), (faults, 2), (switches, 3)], time: time)) { others += $1 }
            default:
                let bytes = sample(enabled: time, running: time, [(0, 1), (faults, 2), (switches, 3)])
                let shares = read(&deltas, bytes, on: ofCPU, of: runner(running))
                given[running, default: 0] += shares.proven[1] ?? 0
                others += shares.others[1] ?? 0
            }
        }
        deltas.settle(try reading([(0, 1), (faults, 2), (switches, 3)], time: time)) { others += $1 }
        #expect(given.allSatisfy { $0.value <= own[$0.key] ?? 0 })
        #expect(given.values.reduce(others, +) == faults)
        #expect(given.values.reduce(0, +) > 0)
    }

    @Test("Events that take turns are scaled by the part of the time they were counted in")
    func scaled() {
        var deltas = GroupDeltas()
        func step(enabled: UInt64, running: UInt64, _ value: UInt64) -> UInt64? {
            let bytes = sample(enabled: enabled, running: running, [(0, 1), (value, 2), (0, 3)])
            return read(&deltas, bytes, on: layout, of: runner(7)).others[1]
        }
        #expect(step(enabled: 100, running: 50, 10) == 20)
        #expect(step(enabled: 200, running: 150, 30) == 20)
        #expect(step(enabled: 600, running: 250, 40) == 40)
    }

    @Test("A thread's are not: its events are wanted on every CPU while it runs on one")
    func threadsAreNotScaled() {
        var deltas = GroupDeltas()
        #expect(read(&deltas, sample(enabled: 100, running: 50, [(0, 1), (10, 2), (0, 3)]), thread: 7) == [1: 10])
        #expect(read(&deltas, sample(enabled: 900, running: 60, [(0, 1), (15, 2), (0, 3)]), thread: 7) == [1: 5])
    }

    @Test("Nonsense adds nothing that was not counted, and never traps")
    func hostile() {
        var deltas = GroupDeltas()
        let most = UInt64.max
        #expect(read(&deltas, sample(members: 2, [(0, 1), (5, 2), (0, 3)])) == [:])
        #expect(read(&deltas, Array(sample([(0, 1), (5, 2), (0, 3)]).prefix(100))).count <= 1)
        let huge = sample(enabled: most, running: 1, [(0, 1), (most, 2), (0, 3)])
        #expect(read(&deltas, huge, on: layout, of: runner(7)) == Shares(others: [1: most]))
        #expect(read(&deltas, sample([(0, 1), (5, 2), (0, 3)]), on: layout, of: runner(7)) == Shares())
        #expect(read(&deltas, huge) == [1: most])
        #expect(read(&deltas, sample([(0, 1), (3, 2), (0, 3)])) == [1: 3], "another thread with the same number")
        #expect(read(&deltas, sample(enabled: 5, running: 0, [(0, 1), (0, 2), (9, 3)])) == [2: 9])
    }

    @Test("Beyond the limit all is forgotten once, and no count is taken for a step")
    func bounded() {
        var deltas = GroupDeltas(limit: 4)
        for thread in 1...2 as ClosedRange<Int32> {
            _ = read(&deltas, sample([(0, 1), (100, 2), (100, 3)]), thread: thread)
        }
        #expect(read(&deltas, sample([(0, 1), (100, 2), (100, 3)]), thread: 3) == [:])
        #expect(read(&deltas, sample([(0, 1), (101, 2), (103, 3)]), thread: 3) == [1: 1, 2: 3])
    }
}
