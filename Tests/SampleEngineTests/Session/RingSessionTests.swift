import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

/// A session whose records a test writes and whose clock a test sets: no kernel, no waiting, the same every time.
private final class TestSession {
    let samples: SoftwareRing
    let sideBand: SoftwareRing
    private let sampleWriter: RingWriter
    private let sideBandWriter: RingWriter
    let session: Session
    private(set) var now: UInt64 = 1_000_000_000_000

    static let delay: UInt64 = 1_000_000_000

    /// - Parameter watermark: bytes after which the sampler is woken; by default never.
    init(pages: Int = 16, watermark: Int = 1 << 30, window: UInt64? = nil) throws {
        samples = try SoftwareRing(
            watermark: watermark, events: [.init(id: 7, name: "ticks", fixedPeriod: 1, frequency: 99)])
        sideBand = try SoftwareRing(watermark: 1 << 30, purpose: .sideBand)
        samples.setClock(now)
        // The bell that this has rung is not for the session, which would read its rings at a moment of its own.
        var rung: UInt64 = 0
        _ = unsafe read(samples.wakeDescriptor, &rung, 8)
        // The first mapping chooses the size; it must live until the session has its own.
        let sampleMapping = try samples.map(pages: pages)
        let sideBandMapping = try sideBand.map(pages: pages)
        sampleWriter = try samples.writer()
        sideBandWriter = try sideBand.writer()
        let source = try RecordSource(handedOver: [samples, sideBand], beside: nil)
        session = try Session(source, pace: Pace(delay: Self.delay, window: window))
        _ = (sampleMapping.pages, sideBandMapping.pages)
    }

    @discardableResult
    func sample(_ address: UInt64, pid: Int32 = 100, at time: UInt64? = nil) -> WriteResult {
        let record = RecordBuilder.sample(id: 7, address: address, pid: pid, time: time ?? now)
        return unsafe sampleWriter.write(record.span.bytes)
    }

    /// Any bytes in the ring of samples.
    func write(_ record: [UInt8]) { _ = unsafe sampleWriter.write(record.span.bytes) }

    func happen(_ record: [UInt8]) { _ = unsafe sideBandWriter.write(record.span.bytes) }

    /// Lets time pass; the sampler looks at its schedule at once.
    func pass(_ nanoseconds: UInt64) {
        now += nanoseconds
        samples.setClock(now)
    }

    /// The next profile that holds a slice.
    func profile() throws -> Profile {
        for _ in 0..<100 {
            var request = pollfd(fd: session.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&request, 1, 10_000)
            if let profile = session.takeLatest(), !profile.slices.isEmpty { return profile }
        }
        throw Errno(ETIMEDOUT)
    }

    /// A whole delay later: what came since the tick before.
    func tick() throws -> Profile {
        pass(Self.delay)
        return try profile()
    }
}

extension Profile {
    fileprivate func samples(of module: String) -> UInt64 {
        table(by: [.module]).rows.filter { $0.module == module }.reduce(0) { $0 + $1.selfSamples }
    }
}

@Suite("Ring session: records from software rings, time as the test says", .timeLimit(.minutes(1)))
struct RingSessionTests {
    @Test("Another delay can be asked for while sampling goes on")
    func otherDelay() throws {
        let test = try TestSession(window: 10_000_000_000)
        test.sample(0x1000)
        _ = try test.tick()
        test.session.setDelay(3_000_000_000)
        // It is counted from whenever the sampler takes it up.
        var slice: Slice?
        for _ in 0..<20 where slice == nil {
            test.sample(0x1000)
            test.pass(TestSession.delay)
            var request = pollfd(fd: test.session.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&request, 1, 200) > 0 { slice = test.session.takeLatest()?.slices.last }
        }
        let picture = try #require(slice)
        #expect(picture.end.nanoseconds(since: picture.start) >= 3_000_000_000)
    }

    @Test("A tick is a frame: exactly the samples that came before it, at the injected times")
    func frames() throws {
        let test = try TestSession()
        let start = test.now
        for _ in 0..<5 { test.sample(0x1000) }
        let first = try test.tick()
        #expect(first.table(by: []).samples == 5)
        #expect(first.seconds == 1)
        #expect(first.slices.last?.end.nanoseconds == start + TestSession.delay)
        for _ in 0..<3 { test.sample(0x1000) }
        #expect(try test.tick().table(by: []).samples == 3)
        #expect(try test.tick().table(by: []).samples == 0, "an empty interval is a frame too")
        #expect(first.session.events == [EventInUse(name: "ticks", frequency: 99, period: 1)])
        _ = test.session.stop()
    }

    /// Software events hand one and the same set of fields to every session that samples them (Linux 6.2 and later): the
    /// id, pid and time of the first, and a size that grows with what each asks for.
    @Test("Samples with another session's id or size are not decoded; the first of each kind is kept for the eye")
    func othersLayouts() throws {
        let test = try TestSession()
        test.sample(0x1000)
        let own = RecordBuilder.sample(id: 7, address: 0x1000, pid: 100, time: test.now)
        let foreign = RecordBuilder.sample(id: 8, address: 0x1000, pid: 100, time: test.now)
        let longer = RecordBuilder.record(type: 9, misc: 2, Array(own[8...]) + Array(repeating: 0xee, count: 72))
        let shorter = RecordBuilder.record(type: 9, misc: 2, Array(own[8..<40]))
        for record in [foreign, longer, foreign, shorter, longer] { test.write(record) }
        test.write(RecordBuilder.record(type: 4711, [1, 2, 3, 4, 5, 6, 7, 8]))
        test.sample(0x1000)
        let profile = try test.tick()
        #expect(profile.table(by: []).samples == 2)
        #expect(profile.health.undecodable == 6)
        let bad = try #require(profile.rings.first).badRecords
        #expect(bad.map(\.kind) == [.foreignID, .wrongSize, .tooShort, .unknownType])
        #expect(bad[0].bytes == foreign && bad[1].size == longer.count && bad[1].bytes == longer)
        #expect(bad[2].hex == shorter.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        #expect(profile.notes.count { $0.hasPrefix("the first bad record") } == 4)
        // They are the session's, and are not collected anew.
        test.write(foreign)
        let later = try test.tick()
        #expect(later.health.undecodable == 1 && later.rings.first?.badRecords == bad)
        _ = test.session.stop()
    }

    @Test("A ring below its watermark waits for the schedule, one above it does not")
    func watermark() throws {
        let test = try TestSession(watermark: 4096, window: 10_000_000_000)
        // Live: the first sample makes a picture as it arrives. No time passes here at all.
        for _ in 0..<100 { test.sample(0x1000) }
        #expect(try test.profile().table(by: []).samples >= 4096 / 48)
        _ = test.session.stop()
    }

    @Test("Samples find the mapping of their own time, however the records of both rings interleave")
    func sideBandOrder() throws {
        let test = try TestSession()
        let t = test.now
        test.happen(RecordBuilder.comm(pid: 100, "before", exec: true, time: t))
        test.happen(RecordBuilder.mmap2(pid: 100, start: 0x1000, length: 0x1000, path: "/bin/old", time: t + 1))
        // The ring of samples is read after all of side-band: what follows was already replaced by then.
        test.happen(RecordBuilder.mmap2(pid: 100, start: 0x1000, length: 0x1000, path: "/bin/new", time: t + 100))
        for time in [t + 50, t + 150, t + 60, t + 101, t + 99] { test.sample(0x1800, at: time) }
        test.happen(RecordBuilder.comm(pid: 100, "after", exec: true, time: t + 200))
        for time in [t + 250, t + 160] { test.sample(0x1800, at: time) }
        let profile = try test.tick()
        #expect(profile.samples(of: "old") == 3)
        #expect(profile.samples(of: "new") == 3)
        let processes = Dictionary(
            uniqueKeysWithValues: profile.table(by: [.process]).rows.map { ($0.process, $0.selfSamples) })
        #expect(processes == ["before": 6, "after": 1])
        _ = test.session.stop()
    }

    @Test("Refused records are in the frame in which they were refused, by both counts; kept and lost add up")
    func losses() throws {
        let test = try TestSession(pages: 1)
        var refused: UInt64 = 0
        for _ in 0..<200 where test.sample(0x1000) == .refused { refused += 1 }
        #expect(refused > 0)
        let full = try test.tick()
        #expect(full.table(by: []).samples + refused == 200)
        #expect(full.health.lost == refused)
        #expect(full.health.worstRing?.kernelLost == refused)
        // LOST records stand in front of the next one that fits, which may be the one that comes now.
        test.sample(0x1000)
        let after = try test.tick()
        #expect(after.table(by: []).samples == 1)
        #expect((full.rings + after.rings).reduce(0) { $0 + $1.lost } == refused)
        #expect(after.health.lost == 0, "told in the frame before")
        _ = test.session.stop()
    }

    @Test("Once the last writer has gone, what it wrote is counted and the last frame says so")
    func end() throws {
        var test: TestSession? = try TestSession()
        let session = try #require(test?.session)
        for _ in 0..<4 { test?.sample(0x1000) }
        #expect(try test?.tick().table(by: []).samples == 4)
        for _ in 0..<2 { test?.sample(0x1000) }
        let (ring, now) = (try #require(test?.samples), try #require(test?.now))
        test = nil
        ring.setClock(now + TestSession.delay)
        var rest: UInt64 = 0
        var state = Profile.State.live
        while state != .exited {
            var request = pollfd(fd: session.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            try #require(unsafe poll(&request, 1, 10_000) > 0)
            guard let profile = session.takeLatest() else { continue }
            rest += profile.table(by: []).samples
            state = profile.state
        }
        #expect(rest == 2)
        _ = session.stop()
    }

    @Test("Two rings may call their events by the same number")
    func sameIDs() throws {
        let rings = try ["ticks", "tocks"].map { name in
            try SoftwareRing(watermark: 1 << 30, events: [.init(id: 7, name: name, fixedPeriod: 1)])
        }
        rings[0].setClock(1_000_000_000_000)
        let first = try rings[0].map(pages: 1)
        let second = try rings[1].map(pages: 1)
        let writers = try rings.map { try $0.writer() }
        let session = try Session(
            try RecordSource(handedOver: rings, beside: nil), pace: Pace(delay: TestSession.delay, window: nil))
        for (writer, count) in zip(writers, [2, 3]) {
            for _ in 0..<count {
                let record = RecordBuilder.sample(id: 7, address: 1, pid: 100, time: 1_000_000_000_000)
                #expect(unsafe writer.write(record.span.bytes) == .written)
            }
        }
        // Stopped without a tick: the last frame is what came until now.
        var samples = [0, 0] as [UInt64]
        let profile = try #require(session.stop())
        for event in 0..<2 { samples[event] = profile.table(of: event, by: []).samples }
        #expect(samples == [2, 3])
        _ = (first.pages, second.pages)
    }

    @Test("An event that was counted for half of the time says so")
    func multiplexed() throws {
        let test = try TestSession()
        let writer = try test.samples.writer()
        test.sample(0x1000)
        _ = try test.tick()
        #expect(writer.updatePage(count: 1, enabled: 1_000_000, running: 500_000))
        test.sample(0x1000)
        #expect(try test.tick().health.runningPercent == 50)
        _ = test.session.stop()
    }
}
