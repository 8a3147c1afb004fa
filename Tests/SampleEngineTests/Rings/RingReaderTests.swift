import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("RingReader: each whole record once, in order, whatever its place")
struct RingReaderTests {
    /// A record of a size with bytes that differ from those of its neighbours.
    static func record(_ size: Int, _ seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed)
        return RecordBuilder.record(type: 9, random.bytes(size - 8))
    }

    /// Starts at a position, writes records, and expects to read just these.
    static func expectReadBack(_ records: [[UInt8]], from position: UInt64, in ring: TestRing) throws {
        ring.poke.startAt(position)
        var reader = try ring.reader()
        for record in records { #expect(ring.write(record) == .written) }
        let read = reader.readPass()
        if read != records {
            Issue.record("sizes \(records.map(\.count)) at \(position) came out as \(read.map(\.count))")
        }
        #expect(reader.undecodable == 0)
        #expect(ring.poke.tail == ring.poke.head)
    }

    @Test(
        "What is left of a pass is stepped over and its samples are counted, in either mode",
        arguments: [RingMode.reliable, .overwrite])
    func skippedRest(mode: RingMode) throws {
        let ring = TestRing(pages: 2, mode: mode)
        var reader = try ring.reader()
        for seed in 0..<10 as Range<UInt64> { ring.write(Self.record(48, seed)) }
        ring.write(RecordBuilder.record(type: 2, [UInt8](repeating: 0, count: 16)))
        reader.beginPass()
        for _ in 0..<3 { _ = reader.next { header, _ in header.size } }
        #expect(reader.skipRest() == 7)
        #expect(reader.next { _, _ in true } == nil)
        reader.endPass()
        #expect(reader.beginPass() == 0 && reader.undecodable == 0)
    }

    @Test("Every size up to a page is read at every edge of the ring")
    func everySizeAtTheEdges() throws {
        let ring = TestRing(pages: 1)
        for size in stride(from: 8, through: 4096, by: 8) {
            let record = Self.record(size, UInt64(size))
            for behindStart in [0, 8, size - 8, size / 16 * 8] {
                // The record's byte number `behindStart` is the first of the ring.
                let position = UInt64(4096 * 5 - behindStart)
                try Self.expectReadBack([record], from: position, in: ring)
            }
        }
    }

    @Test("Some sizes are read at every position", arguments: [8, 16, 24, 48, 56, 136, 2048, 4088, 4096])
    func everyPosition(size: Int) throws {
        let ring = TestRing(pages: 1)
        let record = Self.record(size, 7)
        for position in stride(from: 0, to: 4096, by: 8) {
            try Self.expectReadBack([record], from: UInt64(position), in: ring)
        }
    }

    @Test("The largest record there is crosses the end anywhere")
    func largestRecord() throws {
        let ring = TestRing(pages: 16)
        let record = Self.record(65_528, 3)
        for position in [0, 8, 16, 4096, 32_760, 32_768, 65_520, 65_528] as [UInt64] {
            try Self.expectReadBack([record], from: position, in: ring)
        }
    }

    @Test("A mix of records fills the ring to the last byte, at any position and across 2⁶⁴")
    func mixedRecords() throws {
        let ring = TestRing(pages: 2)
        var random = SeededRandom(1)
        for round in 0..<400 {
            var records: [[UInt8]] = []
            var room = 8192
            while room > 0 {
                let size = min(room, 8 * Int.random(in: 1...40, using: &random))
                records.append(Self.record(size, random.next()))
                room -= size
            }
            let position = round % 4 == 0 ? UInt64.max - 4095 : random.next() & ~7
            try Self.expectReadBack(records, from: position, in: ring)
        }
    }

    @Test("A pass ends at the head it began with: a faster producer cannot hold it")
    func passIsBounded() throws {
        let ring = TestRing(pages: 2)
        var reader = try ring.reader()
        let record = Self.record(64, 1)
        ring.write(record)
        ring.write(record)
        reader.beginPass()
        var seen = 0
        while reader.next({ _, _ in }) != nil {
            seen += 1
            ring.write(record)
            try #require(seen < 10)
        }
        #expect(seen == 2)
        reader.endPass()
        #expect(reader.readPass().count == 2)
    }

    @Test("Space goes back to the writer at the end of the pass, not before")
    func spaceIsReleasedAtTheEnd() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        let record = Self.record(4096, 1)
        #expect(ring.poke.append(record))
        reader.beginPass()
        _ = reader.next { _, _ in }
        #expect(ring.poke.tail == 0)
        #expect(!ring.poke.append(record))
        reader.endPass()
        #expect(ring.poke.tail == 4096)
        #expect(ring.poke.append(record))
    }

    @Test("A look ahead consumes nothing")
    func peekKeepsThePlace() throws {
        let ring = TestRing(pages: 1)
        ring.poke.startAt(4096 - 16)
        var reader = try ring.reader()
        let records = [Self.record(32, 1), Self.record(16, 2)]
        for record in records { ring.write(record) }
        reader.beginPass()
        #expect(reader.peek { _, bytes in bytes.array } == records[0])
        #expect(reader.peek { _, bytes in bytes.array } == records[0])
        #expect(reader.next { _, bytes in bytes.array } == records[0])
        #expect(reader.next { _, bytes in bytes.array } == records[1])
        #expect(reader.peek { _, _ in } == nil)
    }

    @Test("An empty ring has an empty pass")
    func emptyPass() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        #expect(reader.beginPass() == 0)
        #expect(reader.next { _, _ in } == nil)
        #expect(reader.undecodable == 0)
    }
}

@Suite("RingReader: bytes that cannot be a record are counted, and reading goes on at the head")
struct HostileRingTests {
    /// A header that claims a size, in front of other bytes.
    private func claim(_ size: UInt16) -> [UInt8] { word(UInt32(9)) + word(UInt16(0)) + word(size) }

    @Test(
        "A size of 0, below 8, not a multiple of 8, or beyond the head ends the pass",
        arguments: [0, 1, 7, 9, 12, 20, 32, 65_535] as [UInt16])
    func badSize(size: UInt16) throws {
        let ring = TestRing(pages: 1)
        for position in [0, 4080, 4088] as [UInt64] {
            ring.poke.startAt(position)
            var reader = try ring.reader()
            let good = RingReaderTests.record(16, 1)
            ring.poke.append(good)
            ring.poke.append(claim(size) + Array(repeating: 0, count: 16))
            #expect(reader.readPass() == [good])
            #expect(reader.undecodable == 1)
            #expect(ring.poke.tail == ring.poke.head, "reading goes on at the head")
            ring.poke.append(good)
            #expect(reader.readPass() == [good])
            #expect(reader.undecodable == 1)
        }
    }

    @Test(
        "A head beyond the ring, or behind the reader, is counted and gives an empty pass",
        arguments: [4104, 8192, 1 << 40, UInt64.max - 7, 0] as [UInt64])
    func headOutOfRange(jump: UInt64) throws {
        let ring = TestRing(pages: 1)
        ring.poke.startAt(4096)
        var reader = try ring.reader()
        ring.poke.head = 4096 &+ (jump == 0 ? UInt64.max - 4095 : jump)
        #expect(reader.readPass().isEmpty)
        #expect(reader.undecodable == 1)
        let good = RingReaderTests.record(24, 1)
        ring.poke.append(good)
        #expect(reader.readPass() == [good])
    }

    @Test("A head off the 8-byte grid is given up and survived")
    func crookedHead() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        ring.poke.head = 13
        #expect(reader.readPass().isEmpty)
        ring.poke.head = 32
        #expect(reader.readPass().isEmpty)
        let good = RingReaderTests.record(24, 1)
        ring.poke.append(good)
        #expect(reader.readPass() == [good])
        #expect(reader.undecodable > 0)
    }

    @Test("A control page without data never has a record")
    func noDataPages() throws {
        let ring = TestRing(pages: 0)
        var reader = try ring.reader()
        #expect(reader.readPass().isEmpty)
        ring.poke.head = 64
        #expect(reader.readPass().isEmpty)
        #expect(reader.undecodable == 1)
    }

    @Test("Random bytes in data and control page: every pass ends, every record keeps the rules", arguments: 0..<8)
    func fuzz(seed: Int) throws {
        var random = SeededRandom(UInt64(seed) + 100)
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        for _ in 0..<500 {
            ring.poke.write(random.bytes(64), at: random.next())
            // Sizes that could be true are rare in random bytes: plant some.
            ring.poke.write(claim(UInt16(8 * random.below(20))), at: random.next() & ~7)
            switch random.below(4) {
            case 0: ring.poke.head = random.next()
            case 1: ring.poke.head = random.next() & ~7
            default: ring.poke.head = ring.poke.tail &+ UInt64(8 * random.below(513))
            }
            let waiting = reader.beginPass()
            #expect(waiting <= 4096)
            var bytes: UInt64 = 0
            var records = 0
            while let size = reader.next({ header, span in
                Int(header.size) == span.byteCount && header.size & 7 == 0 ? UInt64(span.byteCount) : 0
            }) {
                try #require(size >= 8 && records < 512)
                bytes += size
                records += 1
            }
            #expect(bytes <= waiting)
            reader.endPass()
            #expect(reader.position == ring.poke.head)
            #expect(ring.poke.tail == ring.poke.head)
        }
    }
}
