import Glibc
import SampleEngine
import SampleEngineTestSupport
import Synchronization
import Testing

/// What the handler needs; it may neither allocate nor count references, so it finds all of it behind one pointer.
@safe
private struct HandlerRing {
    var output: RingOutput
    var poke: RingPoke
    var record: UnsafeMutableRawBufferPointer
    var runs: UInt64 = 0
    /// Runs that found a reservation open: more was reserved than published. No other thread writes.
    var onTop: UInt64 = 0
    var refused: UInt64 = 0
}

/// Set before the first signal is sent, taken back after the last.
nonisolated(unsafe) private var handlerRing: UnsafeMutablePointer<HandlerRing>?

private func writeFromHandler(_ signal: Int32) {
    guard let ring = unsafe handlerRing else { return }
    let number = unsafe ring.pointee.runs
    let reserved = unsafe ring.pointee.poke.stateWord(SoftwareLayout.reserved)
    if unsafe reserved != ring.pointee.poke.head { unsafe ring.pointee.onTop += 1 }
    for word in unsafe 1..<ring.pointee.record.count / 8 {
        unsafe ring.pointee.record.storeBytes(of: 1 << 48 | number, toByteOffset: 8 * word, as: UInt64.self)
    }
    let result = unsafe ring.pointee.output.write(UnsafeRawBufferPointer(ring.pointee.record))
    unsafe ring.pointee.runs += 1
    if result != .written { unsafe ring.pointee.refused += 1 }
}

@Suite("Software ring: a signal handler writes on top of a write")
struct SignalRingTests {
    // The sanitizer holds signals back until the thread is at a place of its own choice: nothing would be interrupted
    // in the middle of a write, which is what this test is about.
    @Test(
        "A thread that writes without end is interrupted by writes of its own: each record once, none torn",
        .disabled(if: Machine.hasThreadSanitizer, "the thread sanitizer delays signals to where nothing is at risk"))
    func interruptedWriter() throws {
        let ring = TestRing(pages: 4)
        var reader = try ring.reader()
        let record = UnsafeMutableRawBufferPointer.allocate(byteCount: 48, alignment: 8)
        unsafe record.storeBytes(of: RecordHeader(type: 9, misc: 0, size: 48).word, as: UInt64.self)
        let context = UnsafeMutablePointer<HandlerRing>.allocate(capacity: 1)
        unsafe context.initialize(to: HandlerRing(output: ring.writer.output, poke: ring.poke, record: record))
        unsafe handlerRing = unsafe context
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { writeFromHandler($0) }
        var before = sigaction()
        unsafe sigaction(SIGUSR1, &action, &before)
        defer {
            unsafe sigaction(SIGUSR1, &before, nil)
            unsafe handlerRing = nil
            unsafe record.deallocate()
            unsafe context.deallocate()
        }
        let total: UInt64 = Machine.isFull ? 1_000_000 : 100_000
        // Where the signals do not come by then, they never will.
        let most: UInt64 = 10_000_000
        let writing = Counter(0)
        let written = Counter(0)
        let handle = Mutex<pthread_t?>(nil)
        let writer = try EngineThread(name: "writer", stackSize: 1 << 20) {
            var signals = sigset_t()
            unsafe sigemptyset(&signals)
            unsafe sigaddset(&signals, SIGUSR1)
            unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            handle.withLock { $0 = pthread_self() }
            writing.value.store(1, ordering: .releasing)
            var random = SeededRandom(4)
            var words = [UInt64](repeating: 0, count: 32)
            var number: UInt64 = 0
            // On a busy machine it is a while before the first signals come, and before one comes in time.
            func isTested() -> Bool {
                guard let handler = unsafe handlerRing else { return true }
                return unsafe handler.pointee.runs >= 100 && handler.pointee.onTop > 0
            }
            while number < total || !isTested() && number < most {
                let count = 2 + random.below(30)
                words[0] = RecordHeader(type: 9, misc: 0, size: UInt16(8 * count)).word
                for index in 1..<count { words[index] = number }
                while unsafe ring.writer.write(words.span.bytes.extracting(0..<8 * count)) == .refused { pauseThread() }
                number += 1
            }
            written.value.store(Int(number), ordering: .releasing)
            unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
            writing.value.store(2, ordering: .releasing)
        }
        let sender = try EngineThread(name: "sender", stackSize: 1 << 20) {
            while writing.value.load(ordering: .acquiring) == 0 { pauseThread() }
            guard let thread = handle.withLock({ $0 }) else { return }
            while writing.value.load(ordering: .acquiring) == 1 {
                pthread_kill(thread, SIGUSR1)
                pauseThread()
            }
            writing.value.store(3, ordering: .releasing)
        }
        var expected = ConcurrentRingTests.Expected(next: [0, 0])
        while true {
            let isLast = writing.value.load(ordering: .acquiring) == 3
            if reader.beginPass() == 0, !isLast { pauseThread() }
            while reader.next({ expected.take($0, $1) }) != nil {}
            reader.endPass()
            if isLast { break }
        }
        sender.join()
        writer.join()
        let (runs, refused) = unsafe (context.pointee.runs, context.pointee.refused)
        let onTop = unsafe context.pointee.onTop
        #expect(expected.torn == 0 && reader.undecodable == 0)
        #expect(expected.read == UInt64(written.value.load(ordering: .acquiring)) + runs - refused)
        #expect(expected.lost + ring.software.untold == ring.software.refused)
        #expect(runs >= 100 && onTop > 0, "it was interrupted, and in the middle of a write")
    }
}
