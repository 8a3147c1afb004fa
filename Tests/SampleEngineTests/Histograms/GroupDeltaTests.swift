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

    private func read(_ deltas: inout GroupDeltas, _ bytes: [UInt8], thread: Int32? = nil) -> [Int: UInt64] {
        var seen: [Int: UInt64] = [:]
        guard let group = layout.group else { return seen }
        unsafe deltas.read(bytes.span.bytes, group, thread: thread) { seen[$0] = $1 }
        return seen
    }

    @Test("The layout puts the group behind the fixed fields, behind the period where there is one")
    func places() {
        #expect(layout.group?.offset == 48)
        #expect(layout.size == 48 + 24 + 3 * 24)
        #expect(SampleLayout(fixedPeriod: nil, members: 2).group?.offset == 56)
        #expect(SampleLayout(fixedPeriod: nil, members: 2, readsLost: false).size == 56 + 24 + 2 * 16)
        #expect(SampleLayout(fixedPeriod: nil).group == nil)
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

    @Test("Events that take turns are scaled by the part of the time they were counted in")
    func scaled() {
        var deltas = GroupDeltas()
        #expect(read(&deltas, sample(enabled: 100, running: 50, [(0, 1), (10, 2), (0, 3)])) == [1: 20])
        #expect(read(&deltas, sample(enabled: 200, running: 150, [(0, 1), (30, 2), (0, 3)])) == [1: 20])
        #expect(read(&deltas, sample(enabled: 600, running: 250, [(0, 1), (40, 2), (0, 3)])) == [1: 40])
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
        #expect(read(&deltas, sample(enabled: most, running: 1, [(0, 1), (most, 2), (0, 3)])) == [1: most])
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
