import SampleEngine
import Testing

@Suite("Pauses between two readings of a file")
struct RereadPausesTests {
    private static let cost: UInt64 = 60_000_000

    /// Reads a file as soon as it may be, again and again; gives the pauses.
    private func pauses(_ count: Int, cost: UInt64 = cost) -> [UInt64] {
        var pauses = RereadPauses<Int>()
        var now = Instant(nanoseconds: 1)
        return (0..<count).map { _ in
            pauses.add(1, cost: cost, at: now)
            let end = pauses.end(of: 1)
            defer { now = end }
            return end.nanoseconds(since: now)
        }
    }

    @Test("What was never read is read at once, whatever others cost")
    func first() {
        var pauses = RereadPauses<Int>()
        pauses.add(1, cost: Self.cost, at: .now)
        #expect(pauses.end(of: 2) == .beginning)
    }

    @Test("They grow from four times the cost to 32 times, and are never longer than ten seconds")
    func growth() {
        #expect(pauses(6).map { $0 / Self.cost } == [4, 8, 16, 32, 32, 32])
        for cost in [UInt64(1) << 33, .max] {
            #expect(pauses(3, cost: cost) == [10, 10, 10].map { $0 * 1_000_000_000 })
        }
    }

    @Test("Who was not read for a minute begins anew")
    func memory() {
        var pauses = RereadPauses<Int>()
        var now = Instant(nanoseconds: 1)
        for _ in 0..<5 {
            pauses.add(1, cost: Self.cost, at: now)
            now = pauses.end(of: 1)
        }
        now = now.advanced(byNanoseconds: 60_000_000_001)
        pauses.add(1, cost: Self.cost, at: now)
        #expect(pauses.end(of: 1).nanoseconds(since: now) == 4 * Self.cost)
    }
}
