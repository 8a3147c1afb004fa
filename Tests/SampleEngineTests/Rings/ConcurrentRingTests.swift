import SampleEngine
import SampleEngineTestSupport
import Synchronization
import Testing

/// Run these under the thread sanitizer on the release build, where a weakened head or tail is seen:
/// `TSAN_OPTIONS=halt_on_error=1 swift test -c release --sanitize thread --filter ConcurrentRing`.
@Suite("RingReader beside a producer on another thread")
struct ConcurrentRingTests {
    @Test("60,000 records through two pages: each once, in order, none torn")
    func producerAndReader() throws {
        let ring = TestRing(pages: 2)
        let mapping = try RingMapping(fd: ring.fd, pages: ring.pages)
        let writer = RingWriter(sharing: mapping)
        var reader = RingReader(mapping)
        let total: UInt64 = 60_000
        let producer = try EngineThread(name: "producer", stackSize: 1 << 20) {
            var random = SeededRandom(5)
            var number: UInt64 = 0
            while number < total {
                let words = 1 + random.below(30)
                let record = RecordBuilder.record(type: 9, Array(repeatElement(word(number), count: words).joined()))
                // The reader makes room sooner or later; until then the record waits.
                while !writer.append(record) { pauseThread() }
                number += 1
            }
        }
        var expected: UInt64 = 0
        var torn = 0
        while expected < total {
            if reader.beginPass() == 0 { pauseThread() }
            while let isWhole = reader.next({ _, bytes in
                stride(from: 8, to: bytes.byteCount, by: 8).allSatisfy { RecordBytes.word(bytes, at: $0) == expected }
            }) {
                if !isWhole { torn += 1 }
                expected += 1
            }
            reader.endPass()
            try #require(reader.undecodable == 0 && torn == 0)
        }
        producer.join()
        #expect(expected == total)
        #expect(reader.readPass().isEmpty)
    }
}
