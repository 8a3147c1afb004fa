import CLinuxShims
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Synchronization
import Testing

@Suite("Overwrite mode: the newest wins, what is read is whole, what is not is counted in bytes")
struct OverwriteRingTests {
    /// A record that says its number in every word.
    private static func record(_ number: UInt64, words: Int) -> [UInt8] {
        let header = RecordHeader(type: 9, misc: 0, size: UInt16(8 + 8 * words)).word
        return unsafe ([header] + Array(repeating: number, count: words)).withUnsafeBytes { unsafe Array($0) }
    }

    /// The number in a record, nil where its words are not of one record.
    private static func number(_ bytes: RawSpan) -> UInt64? {
        guard let first = RecordBytes.word(bytes, at: 8) else { return nil }
        for offset in stride(from: 16, to: bytes.byteCount, by: 8)
        where RecordBytes.word(bytes, at: offset) != first { return nil }
        return first
    }

    @Test(
        "Random sizes and moments: oldest first, each whole, bytes read and overrun make up the head's movement",
        arguments: [1, 2, 8], [0, UInt64.max &- 40_007])
    func randomMoments(pages: Int, start: UInt64) throws {
        let ring = TestRing(pages: pages, mode: .overwrite)
        if start != 0 { ring.poke.startAt(start) }
        var reader = try ring.reader()
        // What stands in a new ring that "began" elsewhere is not ours.
        _ = reader.readPass()
        var random = SeededRandom(UInt64(pages) &+ start)
        var written: UInt64 = 0
        var lastSeen: UInt64 = 0
        for _ in 0..<(Machine.isFull ? 2_000 : 200) {
            for _ in 0..<random.below(random.below(4) == 0 ? 300 : 20) {
                written += 1
                let words = 1 + random.below(min(62, pages * 512 / 8 - 2))
                #expect(ring.write(Self.record(written, words: words)) == .written)
            }
            let (before, overrunBefore) = (reader.position, reader.overrunBytes)
            let undecodable = reader.undecodable
            let waiting = reader.beginPass()
            var seen: [UInt64] = []
            var kept: UInt64 = 0
            while let record = reader.next({ _, bytes in (Self.number(bytes), UInt64(bytes.byteCount)) }) {
                seen.append(try #require(record.0, "record \(seen.last ?? lastSeen) is followed by a torn one"))
                kept += record.1
            }
            let expected = written - UInt64(seen.count)
            try #require(seen == Array(expected..<written).map { $0 + 1 }, "the last ones, in the order of writing")
            reader.endPass()
            try #require(reader.undecodable == undecodable)
            let overrun = reader.overrunBytes &- overrunBefore
            try #require(kept &+ overrun == reader.position &- before)
            try #require(reader.position == reader.loadHead())
            #expect(waiting <= reader.size)
            // All since the last pass, or the newest of them; nothing twice.
            if overrun == 0 { try #require(expected == lastSeen) } else { try #require(expected >= lastSeen) }
            if written > lastSeen { try #require(expected < written, "the newest is always there") }
            lastSeen = written
        }
        #expect(ring.software.refused == 0)
    }

    @Test(
        "A writer that never stops: whatever is read meanwhile is whole and newer than all before", arguments: [1, 4])
    func concurrent(pages: Int) throws {
        let ring = TestRing(pages: pages, mode: .overwrite)
        var reader = try ring.reader()
        let isRunning = Counter(1)
        let total: UInt64 = Machine.isFull ? 2_000_000 : 60_000
        let writer = try EngineThread(name: "writer", stackSize: 1 << 20) {
            var random = SeededRandom(2)
            var words = [UInt64](repeating: 0, count: 63)
            for number in 1...total {
                let count = 2 + random.below(40)
                words[0] = RecordHeader(type: 9, misc: 0, size: UInt16(8 * count)).word
                for index in 1..<count { words[index] = number }
                _ = unsafe ring.writer.write(words.span.bytes.extracting(0..<8 * count))
            }
            isRunning.value.store(0, ordering: .releasing)
        }
        var newest: UInt64 = 0
        var kept: UInt64 = 0
        var wrong = 0
        while true {
            let isLast = isRunning.value.load(ordering: .acquiring) == 0
            reader.beginPass()
            var previous: UInt64?
            let floor = newest
            while let (number, size) = reader.next({ (Self.number($1), UInt64($1.byteCount)) }) {
                kept += size
                guard let number, number > floor, previous.map({ number == $0 + 1 }) ?? true else {
                    wrong += 1
                    continue
                }
                newest = max(newest, number)
                previous = number
            }
            reader.endPass()
            try #require(wrong == 0 && reader.undecodable == 0)
            if isLast { break }
            pauseThread()
        }
        writer.join()
        #expect(newest == total)
        #expect(kept &+ reader.overrunBytes == reader.loadHead())
        #expect(ring.software.refused == 0)
    }

    @Test("Writers may have an eighth of the ring in flight, so that none writes into newer records")
    func inFlight() throws {
        let ring = TestRing(pages: 1, mode: .overwrite)
        var reader = try ring.reader()
        let output = ring.writer.output
        let slow = try #require(output.reserve(256, ring.writer.slot))
        #expect(ring.write(Self.record(1, words: 31)) == .written)
        #expect(ring.write(Self.record(2, words: 1)) == .refused, "512 bytes are in flight")
        #expect(ring.software.refused == 1)
        #expect(reader.readPass().isEmpty)
        ring.poke.write(Self.record(0, words: 31), at: 0 &- (slow &+ 256))
        #expect(output.commit(slow, 256, ring.writer.slot))
        #expect(reader.readPass() == [Self.record(0, words: 31), Self.record(1, words: 31)])
        #expect(ring.write(Self.record(3, words: 64)) == .tooLarge)
        #expect(ring.write(Self.record(3, words: 1)) == .written)
        #expect(reader.readPass().map(\.count) == [56, 16])
    }

    @Test("A record's place is in front of the one before it, as in the kernel's backward rings")
    func layout() throws {
        let ring = TestRing(pages: 1, mode: .overwrite)
        let mapping = try ring.software.map(pages: 1)
        ring.write(Self.record(1, words: 1))
        ring.write(Self.record(2, words: 2))
        #expect(mapping.loadHead() == 0 &- 40)
        let end = mapping.withData { Array($0.array.suffix(40)) }
        #expect(end == Self.record(2, words: 2) + Self.record(1, words: 1))
    }

    @Test("Random heads and bytes: every pass ends, every record is inside", arguments: 0..<6)
    func fuzz(seed: Int) throws {
        var random = SeededRandom(UInt64(seed) + 70)
        let ring = TestRing(pages: 1, mode: .overwrite)
        var reader = try ring.reader()
        for _ in 0..<400 {
            ring.poke.write(random.bytes(64), at: random.next())
            for _ in 0..<4 {
                let claim: [UInt8] = word(UInt32(9)) + word(UInt16(0)) + word(UInt16(8 * random.below(20)))
                ring.poke.write(claim, at: random.next() & ~7)
            }
            ring.poke.head = random.below(3) == 0 ? random.next() : ring.poke.head &- UInt64(8 * random.below(600))
            #expect(reader.beginPass() <= 4096)
            var bytes: UInt64 = 0
            while let size = reader.next({ header, span in
                Int(header.size) == span.byteCount ? UInt64(span.byteCount) : 0
            }) {
                try #require(size >= 8)
                bytes += size
            }
            #expect(bytes <= 4096 - 512)
            reader.endPass()
            #expect(reader.position == 0 &- ring.poke.head)
        }
    }

    @Test(
        "The kernel's own backward ring is read by the same code",
        .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)))
    func kernelRing() throws {
        var attributes = perf_event_attr()
        attributes.type = PERF_TYPE_SOFTWARE.rawValue
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.config = UInt64(PERF_COUNT_SW_PAGE_FAULTS.rawValue)
        attributes.sample_period = 1
        attributes.sample_type = UInt64(PERF_SAMPLE_IDENTIFIER.rawValue | PERF_SAMPLE_TIME.rawValue)
        attributes.write_backward = 1
        attributes.exclude_kernel = 1
        let event = Descriptor(owning: unsafe pt_perf_event_open(&attributes, 0, -1, -1, 0))
        try #require(event.number >= 0)
        var reader = RingReader(try RingMapping(fd: event.number, pages: 1, mode: .overwrite))
        var kept: UInt64 = 0
        for faults in [1, 3, 60, 500, 0, 2] {
            // Each page that is touched first is a fault, and so a sample.
            let length = faults * RingSizeTests.page
            if faults > 0 {
                let memory = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                for page in 0..<faults {
                    unsafe memory?.storeBytes(of: 1, toByteOffset: page * RingSizeTests.page, as: UInt8.self)
                }
                unsafe munmap(memory, length)
            }
            reader.beginPass()
            var times: [UInt64] = []
            while let (type, time, size) = reader.next({ ($0.type, RecordBytes.word($1, at: 16), UInt64($1.byteCount)) }
            ) {
                #expect(type == RecordHeader.sample)
                times.append(try #require(time))
                kept += size
            }
            reader.endPass()
            #expect(times == times.sorted(), "the oldest first")
            #expect(faults == 0 || times.count >= min(faults, 100))
        }
        #expect(reader.undecodable == 0)
        #expect(kept &+ reader.overrunBytes == reader.position)
        #expect(reader.overrunBytes > 0)
    }
}
