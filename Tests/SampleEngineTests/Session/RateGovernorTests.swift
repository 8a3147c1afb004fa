import SampleEngine
import Testing

@Suite("RateGovernor: a rate that the machine cannot carry is lowered, and only then")
struct RateGovernorTests {
    private let second: UInt64 = 1_000_000_000

    /// Lets intervals pass, each with the same findings; returns what was asked for after each.
    private func run(
        _ governor: inout RateGovernor, intervals: Int, kept: UInt64, lost: UInt64 = 0, throttled: UInt64 = 0,
        busy: UInt64 = 0, after: Int = 0
    ) -> [UInt64?] {
        (after + 1...after + intervals).map { number in
            governor.add(kept: kept, lost: lost, throttled: throttled)
            let now = Instant(nanoseconds: UInt64(number) * RateGovernor.interval)
            #expect(governor.isDue(at: now))
            return governor.lower(at: now, processorTime: UInt64(number) * busy, rings: 2)
        }
    }

    private func governor(_ frequency: UInt64) -> RateGovernor {
        RateGovernor(frequency: frequency, at: Instant(nanoseconds: 0))
    }

    @Test("A rate that is carried stays, with a few losses too")
    func carried() {
        var governor = governor(50_000)
        #expect(
            run(&governor, intervals: 100, kept: 50_000, lost: 500, throttled: 4, busy: 100_000_000).allSatisfy {
                $0 == nil
            })
        #expect(governor.frequency == 50_000)
    }

    @Test("One bad interval is an accident; two in a row are not")
    func twice() {
        var governor = governor(999)
        for number in 1...20 as ClosedRange<UInt64> {
            governor.add(kept: 1000, lost: number % 2 == 1 ? 1000 : 0, throttled: 0)
            let now = Instant(nanoseconds: number * RateGovernor.interval)
            #expect(governor.lower(at: now, processorTime: 0, rings: 2) == nil)
        }
        #expect(run(&governor, intervals: 2, kept: 1000, lost: 1000, after: 20) == [nil, 399])
    }

    @Test("It goes down by what was lost, at least by half, and never below 100 Hz or up again")
    func steps() {
        var heavy = governor(100_000)
        #expect(run(&heavy, intervals: 2, kept: 125, lost: 875) == [nil, 10_000])
        var throttled = governor(100_000)
        #expect(run(&throttled, intervals: 4, kept: 10, throttled: 5) == [nil, 50_000, nil, 25_000])
        var busy = governor(1000)
        #expect(run(&busy, intervals: 10, kept: 10, busy: 150_000_000).compactMap { $0 } == [500, 250, 125, 100])
        #expect(run(&busy, intervals: 10, kept: 10, after: 10).allSatisfy { $0 == nil })
        #expect(busy.frequency == 100)
    }

    @Test("Falling behind quarters a high rate, once in an interval, and never one of a thousand")
    func behind() {
        var governor = governor(50_000)
        let times = (1...10).map { Instant(nanoseconds: UInt64($0) * RateGovernor.interval / 2) }
        let steps = times.map { governor.fallBehind(at: $0) }
        #expect(steps == [12_500, nil, 3125, nil, 1000, nil, nil, nil, nil, nil])
    }

    @Test("A picture that nobody takes for a moment is no sign; half a second of them is")
    func refused() {
        var governor = governor(5000)
        let step = RateGovernor.interval / 10
        func steps(_ moments: ClosedRange<UInt64>, taken: (UInt64) -> Bool) -> [UInt64] {
            moments.compactMap { governor.handedOver(taken($0), at: Instant(nanoseconds: $0 * step)) }
        }
        #expect(steps(1...100) { $0 % 5 == 0 } == [])
        #expect(steps(101...120) { _ in false } == [])
        #expect(steps(121...121) { _ in false } == [1250])
    }

    @Test("Floods of an event that has a period are no reason to ask for less of one that has a frequency")
    func floodsOfAnother() {
        var clock = governor(999)
        #expect(run(&clock, intervals: 10, kept: 50_000, lost: 50_000, busy: 200_000_000).allSatisfy { $0 == nil })
        #expect(run(&clock, intervals: 2, kept: 400, lost: 400, after: 10) == [nil, 399])
    }

    @Test("An interval has a length; nothing foreign overflows")
    func interval() {
        var governor = governor(.max)
        #expect(!governor.isDue(at: Instant(nanoseconds: RateGovernor.interval - 1)))
        for _ in 0..<2 { governor.add(kept: .max, lost: .max, throttled: .max) }
        #expect(governor.lower(at: Instant(nanoseconds: .max / 2), processorTime: 0, rings: 1) == nil)
        governor.add(kept: .max, lost: .max, throttled: .max)
        #expect(governor.lower(at: Instant(nanoseconds: .max), processorTime: .max, rings: .max) != nil)
        governor.add(kept: .max, lost: .max, throttled: .max)
        #expect(governor.lower(at: Instant(nanoseconds: .max), processorTime: 0, rings: 0) == nil)
    }
}
