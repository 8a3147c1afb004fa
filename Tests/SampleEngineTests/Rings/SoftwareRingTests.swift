import CLinuxShims
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Software ring: what one writer and the real reader agree on")
struct SoftwareRingTests {
    @Test(
        "Records of every size, at every place of rings of every size, come out as they went in",
        arguments: [1, 2, 4, 8])
    func everySizeAndPlace(pages: Int) throws {
        let ring = TestRing(pages: pages)
        var reader = try ring.reader()
        var random = SeededRandom(UInt64(pages))
        let room = min(65_528, pages * RingSizeTests.page)
        // Now and then one that fills the ring; what is small makes every place come up.
        for round in 0..<2_000 {
            var records: [[UInt8]] = []
            var left = pages * RingSizeTests.page
            for _ in 0..<1 + random.below(4) {
                let size = min(left, 8 * (1 + random.below(round % 16 == 0 ? room / 8 : 40)), room)
                if size < 8 { break }
                records.append(RingReaderTests.record(size, random.next()))
                left -= size
                #expect(ring.write(records.last!) == .written)
            }
            let read = reader.readPass()
            try #require(read == records, "sizes \(records.map(\.count)) at \(reader.position)")
        }
        #expect(reader.undecodable == 0 && ring.software.refused == 0)
    }

    @Test("A full ring refuses; the next that fits has a LOST record in front that says who, how many and when")
    func lostRecord() throws {
        let ring = TestRing(pages: 1)
        let software = ring.software
        software.setClock(123_456_789)
        var reader = try ring.reader()
        let large = RingReaderTests.record(4096, 1)
        let small = RingReaderTests.record(40, 2)
        #expect(ring.write(large) == .written)
        for _ in 0..<3 { #expect(ring.write(small) == .refused) }
        #expect(software.refused == 3 && software.untold == 3)
        #expect(software.counts(of: 0)?.lost == 3)
        #expect(reader.readPass() == [large])
        #expect(ring.write(small) == .written)
        let read = reader.readPass()
        try #require(read.count == 2 && read[1] == small)
        let trailer = RecordBuilder.Trailer(pid: getpid(), thread: pt_thread_id(), time: 123_456_789, id: 1)
        var expected = RecordBuilder.lost(3, id: 1, time: trailer.time)
        expected.replaceSubrange(24..<32, with: word(trailer.pid) + word(trailer.thread))
        // The CPU is whichever it was.
        #expect(Array(read[0].prefix(40)) == Array(expected.prefix(40)))
        #expect(Array(read[0].suffix(12)) == word(UInt32(0)) + word(UInt64(1)))
        #expect(software.untold == 0 && software.refused == 3)
    }

    @Test("Where a LOST record and a record do not fit together, both wait; where they never could, LOST goes first")
    func lostRecordWithoutRoom() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        let whole = RingReaderTests.record(4096, 1)
        #expect(ring.write(whole) == .written)
        #expect(ring.write(whole) == .refused)
        #expect(reader.readPass() == [whole])
        // 56 bytes of LOST leave no room for it: it is refused, too, but what was lost is told.
        #expect(ring.write(whole) == .refused)
        #expect(reader.readPass().map(\.count) == [56])
        #expect(ring.write(whole) == .refused, "one more was lost meanwhile")
        #expect(ring.software.untold == 1)
        _ = reader.readPass()
        let half = RingReaderTests.record(4040, 1)
        #expect(ring.write(half) == .written)
        #expect(reader.readPass().map(\.count) == [56, 4040])
        #expect(ring.software.untold == 0 && ring.software.refused == 3)
    }

    @Test("What is no record, or larger than the ring, is an error and no loss")
    func malformed() throws {
        let ring = TestRing(pages: 1)
        let record = RingReaderTests.record(64, 1)
        #expect(ring.write([]) == .malformed)
        #expect(ring.write(Array(record.prefix(56))) == .malformed, "the header says 64")
        #expect(ring.write(Array(record.prefix(7))) == .malformed)
        #expect(ring.write(word(UInt32(9)) + word(UInt16(0)) + word(UInt16(12)) + word(UInt32(0))) == .malformed)
        #expect(ring.write(RingReaderTests.record(4104, 1)) == .tooLarge)
        #expect(ring.write(RingReaderTests.record(65_528, 1)) == .tooLarge)
        #expect(TestRing(pages: 0).write(record) == .tooLarge)
        #expect(ring.software.refused == 0 && ring.poke.head == 0)
    }

    @Test("A record on top of an unfinished one is published by it, in order")
    func nestedWrites() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        let (outer, inner) = (RingReaderTests.record(64, 1), RingReaderTests.record(32, 2))
        let output = ring.writer.output
        let distance = try #require(output.reserve(64, ring.writer.slot))
        #expect(ring.write(inner) == .written)
        #expect(reader.readPass().isEmpty)
        ring.poke.write(outer, at: distance)
        #expect(output.commit(distance, 64, ring.writer.slot))
        #expect(reader.readPass() == [outer, inner])
    }

    @Test("The eventfd rings once for each watermark crossed", arguments: [8, 64, 100, 4096, 10_000])
    func watermarks(watermark: Int) throws {
        let ring = TestRing(pages: 4, watermark: watermark)
        var reader = try ring.reader()
        var random = SeededRandom(3)
        for _ in 0..<3_000 {
            let before = ring.poke.head / UInt64(watermark)
            #expect(ring.write(RingReaderTests.record(8 * (1 + random.below(60)), 1)) == .written)
            let crossed = ring.poke.head / UInt64(watermark) != before
            try #require(Self.bells(ring.software.wakeDescriptor) == (crossed ? 1 : 0))
            if random.below(8) == 0 { _ = reader.readPass() }
            if ring.poke.head &- ring.poke.tail > 15_000 { _ = reader.readPass() }
        }
    }

    @Test("With four writers no crossing is missed, and none told twice")
    func watermarksOfMany() throws {
        let ring = TestRing(pages: 64, watermark: 512)
        let threads = try (0..<4).map { number in
            ThreadBox(
                try EngineThread(name: "writer", stackSize: 1 << 20) {
                    let record = RingReaderTests.record(8 * (3 + number), 1)
                    for _ in 0..<1_500 { ring.write(record) }
                })
        }
        for thread in threads { thread.join() }
        // No record is longer than a watermark, so each boundary has a record of its own.
        #expect(ring.software.refused == 0)
        #expect(Self.bells(ring.software.wakeDescriptor) == ring.poke.head / 512)
    }

    @Test("Events, purpose, mode and counts are the same through the two descriptors alone")
    func eventTable() throws {
        let events = [
            SoftwareRing.Event(id: 7, name: "cycles", fixedPeriod: 1_000),
            SoftwareRing.Event(id: 8, name: String(repeating: "n", count: 47), frequency: 99),
        ]
        let ring = try SoftwareRing(mode: .overwrite, watermark: 100, purpose: .sideBand, events: events)
        let other = try SoftwareRing(
            memory: Descriptor(owning: dup(ring.memoryDescriptor)), wake: Descriptor(owning: dup(ring.wakeDescriptor)))
        #expect(other.events == events && other.purpose == .sideBand && other.mode == .overwrite)
        let mapping = try ring.map(pages: 1)
        let writer = try ring.writer()
        writer.addCounts(event: 1, value: 5, enabled: 100, running: 50)
        writer.addCounts(event: 1, value: 6, enabled: 100, running: 50)
        let counts = try #require(other.counts(of: 1))
        #expect(counts.value == 11 && counts.timeEnabled == 200 && counts.timeRunning == 100)
        #expect(counts.id == 8 && counts.lost == 0)
        #expect(other.counts(of: 2) == nil && other.counts(of: -1) == nil)
        #expect(mapping.mode == .overwrite)
        #expect(throws: EngineError.self) { _ = try SoftwareRing(watermark: 0) }
        #expect(throws: EngineError.self) {
            _ = try SoftwareRing(events: Array(repeating: events[0], count: 17))
        }
        #expect(throws: EngineError.self) {
            _ = try SoftwareRing(events: [.init(id: 1, name: String(repeating: "n", count: 48))])
        }
    }

    @Test("An injected time is taken for now, and its change wakes the reader")
    func injectedClock() throws {
        let ring = try SoftwareRing()
        #expect(ring.injectedClock == nil)
        ring.setClock(42)
        #expect(ring.injectedClock == Instant(nanoseconds: 42))
        #expect(Self.bells(ring.wakeDescriptor) == 1)
        ring.setClock(0)
        #expect(ring.injectedClock == nil)
    }

    /// What the eventfd counted since it was asked last.
    static func bells(_ fd: Int32) -> UInt64 {
        var count: UInt64 = 0
        return unsafe read(fd, &count, 8) == 8 ? count : 0
    }
}
