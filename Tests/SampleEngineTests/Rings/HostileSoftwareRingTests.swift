import CLinuxShims
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Software ring: memory that others fill with garbage")
struct HostileSoftwareRingTests {
    private static func attach(_ memory: Int32, _ wake: Int32) throws -> SoftwareRing {
        try SoftwareRing(memory: Descriptor(owning: dup(memory)), wake: Descriptor(owning: dup(wake)))
    }

    @Test("Descriptors that are no ring's are refused with the reason")
    func wrongDescriptors() throws {
        let ring = TestRing(pages: 1)
        let wake = ring.software.wakeDescriptor
        let plain = Descriptor(owning: unsafe pt_memfd("plain"))
        #expect(throws: EngineError.self) { _ = try Self.attach(plain.number, wake) }
        // Of the right size, but whoever made it can cut it short.
        #expect(ftruncate(plain.number, Int(SoftwareLayout.fileSize)) == 0)
        #expect(throws: EngineError.self) { _ = try Self.attach(plain.number, wake) }
        let empty = Descriptor(owning: unsafe pt_sealed_memory("empty", Int64(SoftwareLayout.fileSize)))
        #expect(throws: EngineError.self) { _ = try Self.attach(empty.number, wake) }
        let small = Descriptor(owning: unsafe pt_sealed_memory("small", 4096))
        #expect(throws: EngineError.self) { _ = try Self.attach(small.number, wake) }
        #expect(throws: EngineError.self) { _ = try Self.attach(-1, wake) }
        #expect(throws: EngineError.self) { _ = try Self.attach(ring.fd, -1) }
        // A bell that could make a writer wait.
        let waiting = Descriptor(owning: pt_eventfd())
        #expect(fcntl(waiting.number, F_SETFL, 0) == 0)
        #expect(throws: EngineError.self) { _ = try Self.attach(ring.fd, waiting.number) }
        #expect(try Self.attach(ring.fd, wake).pages == 1)
    }

    @Test("Nobody can cut the memory short")
    func sealed() throws {
        let ring = TestRing(pages: 1)
        #expect(ftruncate(ring.fd, 0) != 0)
        #expect(ftruncate(ring.fd, Int(SoftwareLayout.fileSize) - 1) != 0)
    }

    @Test(
        "Another version, mode, purpose, watermark, size or number of events is refused",
        arguments: [
            (SoftwareLayout.magic, SoftwareLayout.magicNumber + 1), (SoftwareLayout.magic, 0),
            (SoftwareLayout.mode, 2), (SoftwareLayout.purpose, 2), (SoftwareLayout.watermark, 0),
            (SoftwareLayout.eventCount, 17), (SoftwareLayout.sizeWord, 4), (SoftwareLayout.sizeWord, .max),
        ] as [(Int, UInt64)])
    func wrongState(place: Int, value: UInt64) throws {
        let ring = TestRing(pages: 1)
        ring.poke.setStateWord(place, value)
        do {
            _ = try Self.attach(ring.fd, ring.software.wakeDescriptor)
            Issue.record("\(value) at \(place) was accepted")
        } catch let error as EngineError {
            #expect(error.what == "software ring" && !error.why.isEmpty)
        }
    }

    @Test(
        "Random words in every place that writers share: each call ends, and nothing is touched outside",
        arguments: 0..<6, [RingMode.reliable, .overwrite])
    func fuzz(seed: Int, mode: RingMode) throws {
        var random = SeededRandom(UInt64(seed) + 31)
        let ring = TestRing(pages: 1, mode: mode)
        let poke = ring.poke
        var reader = try ring.reader()
        // Numbers that come close to the truth reach further than any.
        func number() -> UInt64 {
            switch random.below(4) {
            case 0: random.next()
            case 1: UInt64(random.below(20_000))
            case 2: poke.head &+ UInt64(random.below(9_000)) &- 4_500
            default: poke.stateWord(SoftwareLayout.reserved) &+ UInt64(8 * random.below(1_000)) &- 4_000
            }
        }
        let places = [
            SoftwareLayout.reserved, SoftwareLayout.pending, SoftwareLayout.refused, SoftwareLayout.clock,
            SoftwareLayout.pageHolder, SoftwareLayout.ticket, SoftwareLayout.pageTicket, SoftwareLayout.sizeWord,
            SoftwareLayout.watermark, SoftwareLayout.mode, SoftwareLayout.offers, SoftwareLayout.events + 24,
        ]
        for _ in 0..<(Machine.isFull ? 1_000 : 100) {
            switch random.below(5) {
            case 0: poke.head = number()
            case 1: poke.tail = number()
            case 2: poke.setStateWord(places[random.below(places.count)], number())
            default: break
            }
            for _ in 0..<8 {
                let lap = random.below(3) == 0 ? random.next() : (number() >> 12) &+ UInt64(random.below(3))
                let mark = RingMark(lap: lap, bytes: UInt64(8 * random.below(300)), owner: UInt64(random.below(4)))
                poke.setMark(random.below(512), random.below(2) == 0 ? mark.raw : mark.committed.raw)
            }
            let size = 8 * (1 + random.below(64))
            _ = ring.write(RingReaderTests.record(size, 1))
            ring.writer.updatePage(count: 1, enabled: 2, running: 3)
            if random.below(8) == 0 { ring.software.recover() }
            reader.beginPass()
            var bytes: UInt64 = 0
            while let count = reader.next({ UInt64($1.byteCount) }) { bytes += count }
            #expect(bytes <= 4096)
            reader.endPass()
            _ = reader.readPage()
            _ = ring.software.events
        }
    }

    @Test(
        "A tail that was never reached, or lies far behind, refuses and does not spin",
        arguments: [8, 4096, 1 << 40, 1 << 63, UInt64.max - 4103])
    func garbageTail(tail: UInt64) throws {
        let ring = TestRing(pages: 1)
        let record = RingReaderTests.record(64, 1)
        ring.poke.tail = tail
        #expect(ring.write(record) == .refused)
        ring.poke.tail = 0
        #expect(ring.write(record) == .written)
        var reader = try ring.reader()
        #expect(reader.readPass().map(\.count) == [56, 64])
    }
}
