import AllocationCounter
import Glibc
import SampleEngine

/// What a stretch of work took of this thread.
struct Cost {
    var nanoseconds: UInt64 = 0
    var allocations: UInt64 = 0

    /// Measures one piece of work and adds it. Reading the clock is a system call and not part of the time.
    mutating func measure(_ work: () -> Void) {
        let allocations = pt_allocations()
        let start = Self.now()
        work()
        nanoseconds &+= Self.now() &- start
        self.allocations &+= pt_allocations() &- allocations
    }

    private static func now() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

/// What a resolver saw of the slices that it was handed.
struct Tally {
    var samples: UInt64 = 0
    var cells = 0
    var folded: UInt64 = 0
    var undecodable: UInt64 = 0
    var lost: UInt64 = 0
}

/// Software rings, who writes into them, and the stage that reads them: the real ones, on one thread.
final class Rig {
    let sampleWriters: [RingWriter]
    let sideBandWriters: [RingWriter]
    private let rings: RingSet
    private var stage: SampleStage
    private let toResolver = Mailbox<OpenSlice>()
    private let toSampler = Mailbox<OpenSlice>()

    /// - Parameters:
    ///   - count: sample rings, and side-band rings beside them.
    ///   - pages: data pages of a sample ring.
    ///   - watermark: bytes after which a sample ring is ready.
    init(rings count: Int, pages: Int, watermark: Int) throws {
        let events: [SoftwareRing.Event] = [
            .init(id: 101, name: "ticks", fixedPeriod: 1), .init(id: 102, name: "tocks", fixedPeriod: 1),
        ]
        var rings: [SoftwareRing] = []
        var writers: [[RingWriter]] = [[], []]
        for (kind, purpose) in [RingFigures.Purpose.samples, .sideBand].enumerated() {
            for _ in 0..<count {
                let ring = try SoftwareRing(
                    watermark: purpose == .samples ? watermark : 1 << 30, purpose: purpose,
                    events: purpose == .samples ? events : [])
                // The first mapping chooses the size; the writer keeps it.
                let mapping = try ring.map(pages: purpose == .samples ? pages : 8)
                writers[kind].append(try ring.writer())
                _ = mapping.pages
                rings.append(ring)
            }
        }
        sampleWriters = writers[0]
        sideBandWriters = writers[1]
        let source = try RecordSource(handedOver: rings, beside: nil)
        self.rings = source.rings
        stage = SampleStage(
            source: source, pace: Pace(delay: 1_000_000_000, window: nil), toResolver: toResolver,
            toSampler: toSampler, newcomers: Mailbox(), followed: Mailbox(), resolverBell: try Bell(), stop: StopFlag())
        toSampler.put(OpenSlice())
    }

    /// What the sampler does when it is woken: it learns which rings are ready, and reads those.
    func wake() {
        rings.wait(until: .beginning, clock: .monotonic)
        stage.pass(everything: false)
    }

    /// The first half of it alone.
    func wait() { rings.wait(until: .beginning, clock: .monotonic) }

    /// The second half of it alone.
    func pass() { stage.pass(everything: false) }

    /// What the sampler does at a tick: it reads all rings …
    func passAll() { stage.pass(everything: true) }

    /// … and hands its slice over. This allocates a little, once a tick: what was counted without samples.
    func handOver() { stage.handOver() }

    /// What the resolver does with the slice, but for names.
    func takeSlice(_ tally: inout Tally) {
        guard var slice = toResolver.take() else { fatalError("no slice was handed over") }
        tally.samples &+= slice.samples
        tally.folded &+= slice.folded
        tally.cells = slice.cells.cells.count
        for ring in slice.rings {
            tally.undecodable &+= ring.undecodable
            tally.lost &+= ring.missing
        }
        slice.reset()
        toSampler.put(slice)
    }
}
