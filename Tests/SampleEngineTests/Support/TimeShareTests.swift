import Testing

@testable import SampleEngine

@Suite("A share of each second")
struct TimeShareTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("However long each piece of work takes, in the end it is its share", arguments: [1, 100, 249, 1000, 5000])
    func longRun(milliseconds: UInt64) {
        var share = TimeShare(perSecond: 250_000_000)
        var spent: UInt64 = 0
        for tick in 1...10_000 as ClosedRange<UInt64> {
            let now = Instant(nanoseconds: tick * Self.second / 10)
            guard share.isLeft(at: now) else { continue }
            share.spend(milliseconds * 1_000_000)
            spent += milliseconds * 1_000_000
        }
        // 1,000 seconds, and one piece that is not paid for yet; short ones are asked for ten times a second.
        #expect(spent <= 1000 * 500_000_000 + milliseconds * 1_000_000)
        if milliseconds >= 250 { #expect(spent <= 251 * Self.second + milliseconds * 1_000_000) }
        #expect(spent >= min(10_000 * milliseconds * 1_000_000, 240 * Self.second))
    }

    @Test("Numbers as large as they come are survived")
    func extremes() {
        var share = TimeShare(perSecond: .max)
        share.spend(.max)
        share.spend(.max)
        let mayBegin = [Instant.beginning, Instant(nanoseconds: 1), .forever].map { share.isLeft(at: $0) }
        #expect(mayBegin == [false, false, true])
    }
}
