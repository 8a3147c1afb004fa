import Glibc
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

private typealias Builder = ProfileBuilder

@Suite("ProfileBuilder: slices in, profiles out")
struct ProfileBuilderTests {
    private static func builder(window: UInt64?, history: UInt64 = 0) -> Builder {
        Builder(
            session: SessionFacts(target: "test", events: [], notes: ["a note"], window: window, history: history),
            wantedUser: nil)
    }

    /// One that has room for a sixteenth of what is kept: its bounds are reached by a sixteenth of the work. With
    /// PERFTOP_FULL=1 it is as large as every other.
    private static func smallBuilder(window: UInt64?, history: UInt64 = 0) -> Builder {
        var builder = builder(window: window, history: history)
        builder.cellLimit /= scale
        return builder
    }

    private static let scale = Machine.isFull ? 1 : 16
    private static let many = 60_000 / scale

    /// A slice of one second that ends at a time, with samples at one kernel address each.
    private static func slice(end: UInt64, samples: Int = 1, address: UInt64 = 0, limit: Int = 1 << 10) -> OpenSlice {
        var slice = OpenSlice(limit: limit)
        slice.start = Instant(nanoseconds: (end - 1) * 1_000_000_000)
        slice.end = Instant(nanoseconds: end * 1_000_000_000)
        for number in 0..<samples {
            slice.count(
                event: 0, cpu: 0, generation: .idle, thread: 0,
                location: Location(space: .guest, value: address + UInt64(number)), period: 1)
        }
        slice.settle()
        return slice
    }

    private static func samples(_ profile: Profile) -> UInt64 {
        profile.slices.reduce(0) { $0 + $1.cells.reduce(0) { $0 + $1.count } }
    }

    @Test("A window keeps the slices that ended within it")
    func window() {
        var builder = Self.builder(window: 3_000_000_000)
        for end in 1...10 as ClosedRange<UInt64> {
            builder.add(Self.slice(end: end))
            let profile = builder.profile()
            #expect(profile.slices.count == Int(min(end, 3)))
            #expect(profile.slices.last?.end.nanoseconds == end * 1_000_000_000)
            #expect(profile.sequence == end)
        }
        builder.add(Self.slice(end: 60, samples: 0))
        #expect(Self.samples(builder.profile()) == 0, "after a quiet time all is gone")
    }

    @Test(
        "Every slice leaves with exactly one report, or comes back when nobody took that",
        arguments: 0..<20 as Range<UInt64>)
    func batch(seed: UInt64) throws {
        var random = SeededRandom(seed)
        var builder = Self.builder(window: nil)
        var put: UInt64 = 0
        var taken: UInt64 = 0
        var waiting: Profile?
        for end in 1...60 as ClosedRange<UInt64> {
            if waiting != nil { builder.putBackReport() }
            let count = random.below(5)
            builder.add(Self.slice(end: end, samples: count, address: UInt64(random.below(9))))
            put += UInt64(count)
            builder.close(isLast: false)
            let report = builder.takeReport()
            let profile = try #require(report)
            let isTaken = random.below(2) == 0
            waiting = isTaken ? nil : profile
            if isTaken { taken += Self.samples(profile) }
        }
        if let waiting { taken += Self.samples(waiting) }
        #expect(taken == put)
    }

    @Test("Slices number their stacks anew: in a profile the same place is the same stack")
    func stackNumbers() {
        var builder = Self.builder(window: .max)
        builder.add(Self.slice(end: 1, samples: 3, address: 100))
        builder.add(Self.slice(end: 2, samples: 3, address: 101))
        let profile = builder.profile()
        #expect(profile.stacks.count == 4)
        let places = profile.slices.map { slice in
            slice.cells.map { profile.stacks[Int($0.stack.index)].location.value }
        }
        #expect(places == [[100, 101, 102], [101, 102, 103]])
    }

    @Test("What overflowed is one row [other], and counts")
    func overflow() {
        var builder = Self.builder(window: nil)
        builder.add(Self.slice(end: 1, samples: 50, limit: 10))
        builder.nameAll()
        let profile = builder.profile()
        #expect(Self.samples(profile) == 50)
        #expect(profile.health.folded == 40)
        let rows = profile.table(by: [.function]).rows
        #expect(rows.first { $0.function == "[other]" }?.selfSamples == 40)
    }

    @Test("Names come when asked for, and an older profile stays as it was")
    func naming() {
        var builder = Self.builder(window: .max)
        builder.add(Self.slice(end: 1, samples: 5))
        let before = builder.profile()
        builder.nameAll()
        let after = builder.profile()
        #expect(before.table(by: [.function]).rows.map(\.function) == ["[names being read]"])
        #expect(after.table(by: [.function]).rows.map(\.function) == ["[guest]"])
        #expect(after.session.notes == ["a note"])
    }

    @Test("Names that take long are told of: how many wait, and where the next one is")
    func backlog() {
        var builder = Self.builder(window: .max)
        builder.add(Self.slice(end: 1, samples: 5))
        #expect(builder.isNamed == false)
        let quick = builder.profile().backlog
        #expect(quick == nil, "what comes at once needs no word")
        var told: NamingBacklog?
        let start = Instant.now
        while told == nil, Instant.now.nanoseconds(since: start) < 10_000_000_000 { told = builder.profile().backlog }
        #expect(told?.places == 5 && told?.spaces == 1)
        builder.nameAll()
        let after = builder.profile().backlog
        #expect(after == nil)
    }

    @Test("Frames that no slice in view uses are forgotten once there are many; those in view keep their names")
    func boundedFrames() {
        var builder = Self.builder(window: 1_500_000_000)
        var most = 0
        for end in 1...6 as ClosedRange<UInt64> {
            builder.add(Self.slice(end: end, samples: 60_000, address: end * 1_000_000, limit: 1 << 17))
            builder.nameAll()
            let profile = builder.profile()
            most = max(most, profile.stacks.count)
            let table = profile.table(by: [.function])
            #expect(table.rows.map(\.function) == ["[guest]"])
            #expect(table.samples == (end == 1 ? 60_000 : 120_000))
        }
        #expect(most <= (1 << 18) + 60_000 && most > 120_000)
    }

    @Test("History goes when there is no room for it, the oldest slice first; the window stays whole")
    func boundedHistory() {
        var builder = Self.smallBuilder(window: 2_000_000_000, history: 100_000_000_000)
        for end in 1...6 as ClosedRange<UInt64> {
            builder.add(Self.slice(end: end, samples: Self.many, address: end * 1_000_000, limit: 1 << 17))
            builder.nameAll()
            let slices = builder.profile().slices
            #expect(slices.reduce(0) { $0 + $1.cells.count } <= (1 << 18) / Self.scale)
            #expect(slices.count == Int(min(end, 4)), "four slices fit, five do not")
            #expect(
                slices.allSatisfy { $0.cells.count == Self.many } && slices.last?.end.nanoseconds == end * 1_000_000_000
            )
        }
    }

    @Test(
        "Where the process holds too much, the past goes bit by bit, the oldest first; the window stays, and it is said"
    )
    func residentLimit() {
        var builder = Self.builder(window: 4_000_000_000, history: 100_000_000_000)
        for end in 1...20 as ClosedRange<UInt64> {
            builder.add(Self.slice(end: end, samples: 100, address: end * 1000))
        }
        builder.nameAll()
        #expect(builder.profile().slices.count == 20 && builder.profile().keptSince == nil)
        var counts: [Int] = []
        for end in 21...25 as ClosedRange<UInt64> {
            builder.isOverLimit = true
            builder.add(Self.slice(end: end, samples: 100, address: end * 1000))
            builder.nameAll()
            let profile = builder.profile()
            counts.append(profile.slices.count)
            #expect(profile.slices.last?.end.nanoseconds == end * 1_000_000_000)
            #expect(profile.keptSince == profile.slices.first?.start)
            #expect(Self.samples(profile) == UInt64(profile.slices.count * 100))
        }
        #expect(counts == [13, 6, 4, 4, 4])
        builder.add(Self.slice(end: 26, samples: 100))
        #expect(builder.profile().slices.count == 5, "it grows again where there is room")
    }

    @Test(
        "A window that finds no room gets coarser where its slices tell of the same places, else shorter, and says so")
    func boundedWindow() {
        var same = Self.smallBuilder(window: 100_000_000_000)
        for end in 1...6 as ClosedRange<UInt64> { same.add(Self.slice(end: end, samples: Self.many, limit: 1 << 17)) }
        let coarse = same.profile()
        #expect(Self.samples(coarse) == UInt64(6 * Self.many) && coarse.keptSince == nil, "nothing is lost")
        var other = Self.smallBuilder(window: 100_000_000_000)
        for end in 1...6 as ClosedRange<UInt64> {
            other.add(Self.slice(end: end, samples: Self.many, address: end * 1_000_000, limit: 1 << 17))
            other.nameAll()
        }
        let short = other.profile()
        #expect(short.slices.reduce(0) { $0 + $1.cells.count } <= (1 << 18) / Self.scale)
        #expect(short.keptSince == short.slices.first?.start && short.slices.count == 4)
    }

    @Test("A report's slices are joined when they are many, and no sample is dropped")
    func boundedReport() {
        var builder = Self.smallBuilder(window: nil)
        for end in 1...6 as ClosedRange<UInt64> {
            builder.add(Self.slice(end: end, samples: Self.many, address: end * 1_000_000, limit: 1 << 17))
        }
        let profile = builder.profile()
        #expect(Self.samples(profile) == UInt64(6 * Self.many) && profile.keptSince == nil)
    }

    @Test("Only the wanted user's processes are in the picture")
    func wantedUser() {
        var builder = Builder(session: SessionFacts(target: "", events: [], notes: []), wantedUser: 4_000_000)
        builder.add(Self.slice(end: 1, samples: 5))
        #expect(Self.samples(builder.profile()) == 0, "the idle task is root's")
    }

    @Test("A crowd of processes is asked for its users for its share of time, and the rest with the slices that follow")
    func manyUsers() throws {
        var builder = Builder(
            session: SessionFacts(target: "", events: [], notes: [], window: .max), wantedUser: geteuid())
        let generations = (0..<5000).map { Generation(Generation.first + $0) }
        var left: [UInt64] = []
        for end in 1...1000 as ClosedRange<UInt64> {
            var slice = OpenSlice(limit: 1 << 14)
            slice.start = Instant(nanoseconds: (end - 1) * 1_000_000_000)
            slice.end = Instant(nanoseconds: end * 1_000_000_000)
            for generation in generations {
                slice.count(
                    event: 0, cpu: 0, generation: generation, thread: 0, location: Location(space: .guest, value: 0),
                    period: 1)
                if end > 1 { continue }
                // All of them are this process, which lives and can be asked.
                slice.processes.append(
                    ProcessSighting(
                        generation: generation, pid: getpid(), comm: nil, parent: nil, origin: generation,
                        firstSeen: Instant.now.nanoseconds, death: nil, mappings: [], lastLoss: 0))
            }
            slice.settle()
            builder.add(slice)
            let profile = builder.profile()
            let last = try #require(profile.slices.last)
            let counted = last.cells.reduce(0) { $0 + $1.count }
            #expect(counted + last.userless == 5000, "each is counted, or said to be left out")
            left.append(last.userless)
            if last.userless == 0 { break }
        }
        #expect(left[0] > 0, "asking 5,000 processes takes longer than that")
        #expect(zip(left, left.dropFirst()).allSatisfy { $0 > $1 }, "each slice asks some more: \(left)")
        #expect(left.last == 0)
    }

    @Test("A target that is gone stays gone")
    func exited() {
        var builder = Self.builder(window: .max)
        var last = Self.slice(end: 1)
        last.targetExited = true
        builder.add(last)
        builder.add(Self.slice(end: 2))
        let state = builder.profile().state
        #expect(state == .exited)
    }
}
