import Glibc
import SampleEngine
import SampleEngineTestSupport
import Synchronization
import Testing

@Suite("Mailbox and Bell: the latest value, from one thread to another")
struct MailboxTests {
    @Test("A slot, not a queue: the latest value, taken once")
    func latest() {
        let box = Mailbox<Int>()
        #expect(box.take() == nil)
        box.put(1)
        box.put(2)
        #expect(box.take() == 2)
        #expect(box.take() == nil)
    }

    @Test("What was put and replaced is released, not kept")
    func released() {
        final class Witness: Sendable {}
        let box = Mailbox<Witness>()
        weak var first: Witness?
        do {
            let witness = Witness()
            first = witness
            box.put(witness)
        }
        #expect(first != nil)
        box.put(Witness())
        #expect(first == nil)
    }

    @Test("Across threads every value arrives at most once and in order; the last one always")
    func acrossThreads() throws {
        let box = Mailbox<Int>()
        let bell = try Bell()
        let producer = try EngineThread(name: "producer", stackSize: 1 << 20) {
            for number in 1...20_000 {
                box.put(number)
                bell.ring()
            }
        }
        var last = 0
        while last < 20_000 {
            bell.wait()
            guard let number = box.take() else { continue }
            try #require(number > last)
            last = number
        }
        producer.join()
        #expect(box.take() == nil)
    }

    @Test("A bell is readable from the ring until it is cleared, however often it rang")
    func bell() throws {
        let bell = try Bell()
        func isReadable() -> Bool {
            var request = pollfd(fd: bell.fd, events: Int16(POLLIN), revents: 0)
            return unsafe poll(&request, 1, 0) == 1
        }
        #expect(!isReadable())
        bell.ring()
        Bell.ring(bell.fd)
        #expect(isReadable())
        bell.clear()
        #expect(!isReadable())
        bell.clear()
        bell.ring()
        bell.wait()
        #expect(!isReadable())
    }
}

@Suite("EngineThread: a thread of its own")
struct EngineThreadTests {
    @Test("Join returns when the body has")
    func join() throws {
        let flag = Flag()
        let thread = try EngineThread(name: "worker", stackSize: 1 << 20) {
            for _ in 0..<1000 { pauseThread() }
            flag.set()
        }
        thread.join()
        #expect(flag.isSet)
    }

    @Test("All signals are blocked on it, and the caller's mask is as it was")
    func signals() throws {
        @Sendable func mask() -> [Int32] {
            var set = sigset_t()
            unsafe pthread_sigmask(SIG_BLOCK, nil, &set)
            return (1...31).filter { signal in unsafe sigismember(&set, signal) == 1 }
        }
        let before = mask()
        let seen = Mailbox<[Int32]>()
        let name = Mailbox<[UInt8]>()
        let thread = try EngineThread(name: "a-long-name-of-a-thread", stackSize: 1 << 20) {
            seen.put(mask())
            name.put((try? fileBytes("/proc/thread-self/comm")) ?? [])
        }
        thread.join()
        #expect(mask() == before)
        let blocked = try #require(seen.take())
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCHLD, SIGALRM] {
            #expect(blocked.contains(signal))
        }
        #expect(name.take() == Array("a-long-name-of-\n".utf8))
    }

    @Test("Two threads are joined once; the second time there is nothing to wait for")
    func joinBoth() throws {
        let first = Flag()
        let second = Flag()
        let threads = EngineThreads(
            try EngineThread(name: "one", stackSize: 1 << 20) { first.set() },
            try EngineThread(name: "two", stackSize: 1 << 20) { second.set() })
        threads.join()
        #expect(first.isSet && second.isSet)
        threads.join()
    }

    @Test("One that does not end is waited for no longer than was said, and goes on", .timeLimit(.minutes(1)))
    func endless() throws {
        let (gate, flag) = (try Bell(), Flag())
        defer { #expect(waitUntil(within: 20) { flag.isSet }) }
        defer { gate.ring() }
        let body: @Sendable () -> Void = {
            gate.wait()
            flag.set()
        }
        #expect(try !EngineThread(name: "endless", stackSize: 1 << 20, body).join(within: 1_000_000))
        let threads = EngineThreads(
            try EngineThread(name: "ends", stackSize: 1 << 20) {},
            try EngineThread(name: "endless", stackSize: 1 << 20, body))
        threads.join(within: 1_000_000)
        #expect(!flag.isSet)
    }

    @Test("A stack that cannot be had is an error, not a crash")
    func noThread() {
        do throws(EngineError) {
            let thread = try EngineThread(name: "huge", stackSize: 1 << 46) {}
            thread.join()
            Issue.record("64 TiB of stack")
        } catch {
            #expect(error.what == "thread huge")
        }
    }
}

private final class Flag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
