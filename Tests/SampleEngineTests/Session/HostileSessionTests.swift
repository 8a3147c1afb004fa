import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite(
    "Hostile session: whoever writes into it decides what it says, and nothing that it says traps",
    .timeLimit(.minutes(1)))
struct HostileSessionTests {
    @Test("The schedule takes any time", arguments: [nil, 10_000_000_000] as [UInt64?])
    func schedule(window: UInt64?) {
        let times = (0..<64).flatMap { bit in [0, 1, 2].map { (1 as UInt64) << UInt64(bit) &+ $0 &- 1 } } + [.max]
        for delay in [1_000_000, 5_000_000_000, .max] as [UInt64] {
            for start in times {
                var schedule = Pace(delay: delay, window: window).schedule(from: Instant(nanoseconds: start))
                for time in times + times.reversed() {
                    let now = Instant(nanoseconds: time)
                    let due = schedule.due(at: now)
                    // What was due is over: the next one is later, or never.
                    if due == .tick { #expect(schedule.nextDrain > now || time == .max) }
                    _ = schedule.wantsPicture(due, samples: time & 1)
                    _ = schedule.nextPicture
                }
            }
        }
    }

    @Test("A session goes on whatever its ring's clock says, and ends when it is told to")
    func clock() throws {
        let ring = TestRing(pages: 4, watermark: 1 << 30)
        ring.software.setClock(1)
        let session = try Session(
            try RecordSource(handedOver: [ring.software], beside: nil), pace: Pace(delay: 2_000_000_000, window: nil))
        for time in [.max, 1, 1 << 63, .max - 1, 5_000_000_000, .max / 2, 2] as [UInt64] {
            ring.write(RecordBuilder.sample(address: 1, pid: 100, time: time, period: .max))
            ring.software.setClock(time)
            let isRead = waitUntil(within: 10) { ring.poke.tail == ring.poke.head }
            #expect(isRead, "at \(time)")
        }
        let profile = try #require(session.stop())
        #expect(profile.isLast)
    }

    @Test("Where the clock stands at its end nothing is due again and again: the sampler sleeps")
    func endOfTime() throws {
        let ring = TestRing(pages: 1)
        ring.software.setClock(.max)
        let clock = try RecordSource(handedOver: [ring.software], beside: nil).clock
        for window in [nil, 1_000_000_000] as [UInt64?] {
            var schedule = Pace(delay: 1_000_000_000, window: window).schedule(from: Instant(nanoseconds: 1))
            _ = schedule.due(at: clock.now)
            #expect(schedule.due(at: clock.now) == .nothing)
            #expect(clock.milliseconds(until: schedule.nextDrain) == -1)
        }
    }

    @Test("Whatever is written, and whatever the clock says, there are rows of it", arguments: 0..<200 as Range<UInt64>)
    func anything(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let bytes = (0..<4000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        var session = try HostileSession(bytes, window: seed & 1 == 0 ? nil : 10_000_000_000)
        while let profile = session.next() {
            for event in profile.session.events.indices {
                let table = profile.table(of: event, by: [.process, .thread, .function, .module, .cpu])
                #expect(table.rows.allSatisfy { $0.selfPercent.isFinite && $0.selfPercent <= 100.001 })
                let trends = profile.trends(of: event, by: [.process], step: 5_000_000_000, count: 24)
                #expect(trends.totals.count == 24)
            }
            _ = profile.health
        }
    }
}
