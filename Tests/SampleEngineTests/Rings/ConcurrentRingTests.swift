import Glibc
import SampleEngine
import SampleEngineTestSupport
import Synchronization
import Testing

/// Run these under the thread sanitizer on the release build, where a weakened head, tail or mark is seen:
/// `TSAN_OPTIONS=halt_on_error=1 swift test -c release --sanitize thread --filter ConcurrentRing`.
/// Reader and writers of one process share one mapping, so the sanitizer sees the same addresses at both ends.
@Suite("Software ring: many writers beside a reader", .serialized)
struct ConcurrentRingTests {
    /// What one writer has to say: its number, then the record's number, as often as the record is long.
    struct Expected {
        var next: [UInt64]
        var read: UInt64 = 0
        var lost: UInt64 = 0
        var torn = 0

        /// Takes one record of `Self.record`; whatever is not whole and in order is torn.
        mutating func take(_ header: RecordHeader, _ bytes: RawSpan) {
            if header.type == 2 {
                lost += RecordBytes.word(bytes, at: 16) ?? 0
                return
            }
            read += 1
            guard let first = RecordBytes.word(bytes, at: 8) else { return torn += 1 }
            let (writer, number) = (Int(first >> 48), first & 0xffff_ffff_ffff)
            guard writer < next.count, number >= next[writer] else { return torn += 1 }
            next[writer] = number + 1
            for offset in stride(from: 16, to: bytes.byteCount, by: 8)
            where RecordBytes.word(bytes, at: offset) != first { return torn += 1 }
        }
    }

    /// Threads write; the reader is as fast as it is. Returns what was read, and how many were offered and refused.
    private func run(
        writers: Int, records: UInt64, pages: Int, seed: UInt64, waits: Bool
    ) throws -> (expected: Expected, offered: UInt64, refused: UInt64, untold: UInt64) {
        let ring = TestRing(pages: pages)
        var reader = try ring.reader()
        let running = Counter(writers)
        var threads: [ThreadBox] = []
        for number in 0..<writers {
            threads.append(
                ThreadBox(
                    try EngineThread(name: "writer", stackSize: 1 << 20) {
                        var random = SeededRandom(seed &+ UInt64(number))
                        var words = [UInt64](repeating: 0, count: 32)
                        for record in 0..<records {
                            let count = 2 + random.below(30)
                            words[0] = RecordHeader(type: 9, misc: 0, size: UInt16(8 * count)).word
                            for index in 1..<count { words[index] = UInt64(number) << 48 | record }
                            // Where every record shall arrive, it waits until the reader has made room.
                            while unsafe ring.writer.write(words.span.bytes.extracting(0..<8 * count)) == .refused,
                                waits
                            {
                                pauseThread()
                            }
                        }
                        running.value.subtract(1, ordering: .releasing)
                    }))
        }
        var expected = Expected(next: Array(repeating: 0, count: writers))
        while true {
            let isLast = running.value.load(ordering: .acquiring) == 0
            if reader.beginPass() == 0, !isLast { pauseThread() }
            while reader.next({ expected.take($0, $1) }) != nil {}
            reader.endPass()
            try #require(reader.undecodable == 0 && expected.torn == 0)
            if isLast { break }
        }
        for thread in threads { thread.join() }
        // The next that fits tells of those that did not.
        #expect(ring.write(RecordBuilder.record(type: 9, word(UInt64(99) << 48))) == .written)
        for record in reader.readPass() where record[0] == 2 {
            unsafe record.span.bytes.withWord(at: 16) { expected.lost += $0 }
        }
        return (expected, UInt64(writers) * records, ring.software.refused, ring.software.untold)
    }

    @Test("four writers who wait for room: every record once, in order for each writer, none torn")
    func everyRecordOnce() throws {
        let records: UInt64 = Machine.isFull ? 2_500_000 : 15_000
        let result = try run(writers: 4, records: records, pages: Machine.isFull ? 64 : 2, seed: 5, waits: true)
        #expect(result.expected.read == result.offered)
        #expect(result.expected.next == Array(repeating: records, count: 4))
        #expect(result.expected.lost == result.refused)
        #expect(result.untold == 0)
    }

    @Test(
        "writers faster than the reader: what was refused and what was read is what was offered", arguments: [1, 2, 8])
    func refusedAndRead(pages: Int) throws {
        let result = try run(
            writers: 3, records: Machine.isFull ? 300_000 : 10_000, pages: pages, seed: 9, waits: false)
        #expect(result.expected.read + result.refused == result.offered)
        #expect(result.expected.lost == result.refused, "LOST records tell of every one")
        #expect(result.untold == 0)
    }
}

/// A number that several threads change.
final class Counter: Sendable {
    let value: Atomic<Int>
    init(_ value: Int) { self.value = Atomic(value) }
}

/// A thread in an array; joined once.
final class ThreadBox: Sendable {
    private let thread: Mutex<EngineThread?>
    init(_ thread: consuming EngineThread) { self.thread = Mutex(thread) }
    func join() {
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
    }
}

extension RawSpan {
    /// Calls back with a word, where it is inside.
    func withWord(at offset: Int, _ body: (UInt64) -> Void) {
        if let word = RecordBytes.word(self, at: offset) { body(word) }
    }
}
