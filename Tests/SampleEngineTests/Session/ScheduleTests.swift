import SampleEngine
import SampleEngineTestSupport
import Testing

private let start = Instant(nanoseconds: 1_000_000_000_000)

private func milliseconds(_ count: UInt64) -> Instant { start.advanced(byNanoseconds: count * 1_000_000) }

private func live(delay: UInt64 = 2000, window: UInt64 = 10_000) -> Schedule {
    Pace(delay: delay * 1_000_000, window: window * 1_000_000).schedule(from: start)
}

private func batch(delay: UInt64 = 1000) -> Schedule {
    Pace(delay: delay * 1_000_000, window: nil).schedule(from: start)
}

/// Runs a schedule that always wakes just in time; tells when (ms) ticks came and which gave a picture.
private func run(
    _ schedule: Schedule, until end: UInt64, samples: (UInt64) -> UInt64
) -> (ticks: [UInt64], pictures: [UInt64]) {
    var schedule = schedule
    var ticks: [UInt64] = []
    var pictures: [UInt64] = []
    while schedule.nextDrain <= milliseconds(end) {
        let now = schedule.nextDrain
        let time = now.nanoseconds(since: start) / 1_000_000
        let due = schedule.due(at: now)
        guard due != .nothing else { break }
        ticks.append(time)
        if schedule.wantsPicture(due, samples: samples(time)) { pictures.append(time) }
    }
    return (ticks, pictures)
}

@Suite("Schedule: when rings are drained and pictures made")
struct ScheduleTests {
    @Test("Live without samples: drained at 50, 100, 200, 400, 800 ms, then every delay; no picture of nothing")
    func quietStart() {
        let result = run(live(), until: 6000) { _ in 0 }
        #expect(result.ticks == [50, 100, 200, 400, 800, 2000, 4000, 6000])
        #expect(result.pictures.isEmpty)
    }

    @Test(
        "Live: the first early drain that holds a sample is the first picture, then every delay",
        arguments: [50, 100, 200, 400, 800] as [UInt64])
    func firstPicture(first: UInt64) {
        let result = run(live(), until: 6000) { $0 >= first ? 5 : 0 }
        #expect(result.pictures == [first, 2000, 4000, 6000])
    }

    @Test(
        "A delay shorter than the early drains cuts them",
        arguments: [(60, [50, 60, 120]), (100, [50, 100, 200]), (500, [50, 100, 200, 400, 500, 1000])]
            as [(UInt64, [UInt64])])
    func shortDelay(delay: UInt64, ticks: [UInt64]) {
        #expect(run(live(delay: delay), until: ticks[ticks.count - 1]) { _ in 0 }.ticks == ticks)
    }

    @Test("Live: another delay counts from the moment it is asked for", arguments: [100, 5000] as [UInt64])
    func otherDelay(delay: UInt64) {
        var schedule = live()
        _ = schedule.due(at: milliseconds(2000))
        schedule.change(delay: delay * 1_000_000, at: milliseconds(2300))
        #expect(schedule.nextDrain == milliseconds(2300 + delay))
        #expect(schedule.due(at: milliseconds(2300 + delay)) == .tick)
        #expect(schedule.nextDrain == milliseconds(2300 + 2 * delay))
    }

    @Test("Batch: one slice every delay exactly, samples or not")
    func batchIsExact() {
        let result = run(batch(), until: 5000) { $0 == 3000 ? 1 : 0 }
        #expect(result.ticks == [50, 100, 200, 400, 800, 1000, 2000, 3000, 4000, 5000])
        #expect(result.pictures == [1000, 2000, 3000, 4000, 5000])
    }

    @Test("Batch: samples between ticks make no picture")
    func batchBetweenTicks() {
        var schedule = batch()
        #expect(schedule.wantsPicture(.nothing, samples: 9) == false)
    }

    @Test("A late tick counts once: those that were missed are passed over, the grid stays")
    func missedTicks() {
        var schedule = batch()
        #expect(schedule.due(at: milliseconds(3700)) == .tick)
        #expect(schedule.nextDrain == milliseconds(4000))
        #expect(schedule.due(at: milliseconds(3999)) == .nothing)
        #expect(schedule.due(at: milliseconds(4000)) == .tick)
        #expect(schedule.nextDrain == milliseconds(5000))
    }

    @Test("Before its time nothing is due")
    func notDue() {
        var schedule = live()
        #expect(schedule.due(at: start) == .nothing)
        #expect(schedule.due(at: milliseconds(49)) == .nothing)
        #expect(schedule.nextDrain == milliseconds(50))
    }

    @Test("Samples between ticks wait for the tick while pictures flow, and go out at once after a quiet time")
    func afterQuiet() {
        var schedule = live()
        _ = schedule.due(at: milliseconds(50))
        #expect(schedule.wantsPicture(.tick, samples: 1) == true)
        #expect(schedule.wantsPicture(.nothing, samples: 1) == false, "the next tick will do")
        _ = schedule.due(at: milliseconds(2000))
        #expect(schedule.wantsPicture(.tick, samples: 0) == true, "the window moves on")
        #expect(schedule.wantsPicture(.nothing, samples: 1) == true, "a sleeper that wakes is seen at once")
        #expect(schedule.wantsPicture(.nothing, samples: 1) == false)
    }

    @Test("The first sample of a session goes out as it comes, between ticks too")
    func firstSampleBetweenTicks() {
        var schedule = live()
        #expect(schedule.wantsPicture(.nothing, samples: 1) == true)
    }

    @Test(
        "Once the window is empty and the picture shows it, nothing more is handed over",
        arguments: [(2000, 10_000), (1000, 1000), (3000, 10_000)] as [(UInt64, UInt64)])
    func silence(delay: UInt64, window: UInt64) {
        let result = run(live(delay: delay, window: window), until: 100_000) { $0 == 50 ? 1 : 0 }
        let last = result.pictures[result.pictures.count - 1]
        #expect(last >= window + 50, "a picture must show that the last sample has left the window")
        #expect(last <= window + 50 + 3 * delay)
        #expect(result.ticks.last == 100_000 / delay * delay, "ticks go on: they drain the rings")
    }

    @Test("Batch: a long picture comes in parts of a second, and is still one picture")
    func parts() {
        var schedule = batch(delay: 2500)
        var dues: [(UInt64, Schedule.Due)] = []
        while schedule.nextDrain <= milliseconds(5500) {
            let now = schedule.nextDrain
            dues.append((now.nanoseconds(since: start) / 1_000_000, schedule.due(at: now)))
        }
        #expect(dues.filter { $0.1 == .part }.map(\.0) == [1000, 2000, 3000, 4000])
        #expect(dues.filter { $0.1 == .tick }.map(\.0) == [2500, 5000])
        let isPicture = schedule.wantsPicture(.part, samples: 5)
        #expect(!isPicture)
    }

    @Test("A delay beyond the end of time never ticks, and none is shorter than a millisecond")
    func extremes() {
        var never = Pace(delay: .max, window: .max).schedule(from: start)
        #expect(never.due(at: milliseconds(1 << 40)) == .drain, "the early drains are due")
        #expect(never.due(at: milliseconds(1 << 41)) == .nothing)
        #expect(never.nextDrain == .forever)
        #expect(Pace(delay: 0, window: nil).delay == 1_000_000)
    }

    @Test("A refused picture is offered again soon, and however often that happens the ticks keep their time")
    func refused() {
        var schedule = live(delay: 1000)
        #expect(schedule.due(at: milliseconds(1000)) == .tick)
        for retry in 0..<18 as Range<UInt64> {
            let now = milliseconds(1000 + retry * 50)
            if retry > 0 { #expect(schedule.due(at: now) == .drain) }
            #expect(schedule.wantsPicture(retry == 0 ? .tick : .drain, samples: 5) == true)
            schedule.pictureWasRefused(at: now)
            #expect(schedule.nextDrain == milliseconds(1000 + (retry + 1) * 50))
        }
        #expect(schedule.due(at: milliseconds(2000)) == .tick)
        #expect(schedule.nextDrain == milliseconds(3000))
    }

    @Test("Batch: a refused report is offered again soon, and the next one is due when it was")
    func refusedReport() {
        var schedule = batch()
        #expect(schedule.due(at: milliseconds(1000)) == .tick)
        #expect(schedule.wantsPicture(.tick, samples: 5) == true)
        schedule.pictureWasRefused(at: milliseconds(1003))
        #expect(schedule.nextDrain == milliseconds(1053))
        #expect(schedule.wantsPicture(.nothing, samples: 5) == false, "its rings are not all read")
        #expect(schedule.due(at: milliseconds(1053)) == .drain)
        #expect(schedule.wantsPicture(.drain, samples: 5) == true)
        #expect(schedule.wantsPicture(.drain, samples: 5) == false)
        #expect(schedule.nextDrain == milliseconds(2000))
    }
}
