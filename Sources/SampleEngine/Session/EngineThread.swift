internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// A thread of its own, not a task: it blocks in system calls, which no cooperative thread may.
///
/// Signals from outside are blocked on it, so that they reach the main thread alone; those that a fault of its own
/// raises are not, or a crash here would end the process before its terminal is restored.
package struct EngineThread: ~Copyable {
    private let thread: pthread_t

    /// - Parameters:
    ///   - name: at most 15 bytes, as `ps -L` shows it.
    ///   - stackSize: bytes; demanglers need 8 MB.
    ///   - realTime: the priority that it begins with where that is permitted, as `Scheduling.claim` takes it. Its body still
    ///     claims it, so that what it starts does not inherit it.
    package init(
        name: String, stackSize: Int, realTime: Int32? = 0, _ body: @escaping @Sendable () -> Void
    ) throws(EngineError) {
        let box = unsafe Unmanaged.passRetained(Body(name: name, body))
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, stackSize)
        defer { unsafe pthread_attr_destroy(&attributes) }
        var before = sigset_t()
        var all = sigset_t()
        unsafe sigfillset(&all)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS] { unsafe sigdelset(&all, fault) }
        unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
        let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            guard let argument = unsafe argument else { return nil }
            let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
            // It was made while its maker might have it begin as real time.
            Rights.lowerThread()
            unsafe pt_prepare_thread(body.name)
            body.run()
            return nil
        }
        var thread = pthread_t()
        let beginsFirst = Scheduling.begin(with: &attributes, realTime)
        // The C library asks for real time on the maker's side.
        var status = Rights.raising(beginsFirst ? .realTime : []) {
            unsafe pthread_create(&thread, &attributes, main, box.toOpaque())
        }
        if beginsFirst, status != 0 {
            // Refused: it begins as the calling thread is, and so do all others.
            Scheduling.refuse()
            _ = unsafe pt_begin_as_real_time(&attributes, 0)
            status = unsafe pthread_create(&thread, &attributes, main, box.toOpaque())
        }
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard status == 0 else {
            unsafe box.release()
            throw EngineError(what: "thread \(name)", why: Errno(status).text)
        }
        self.thread = thread
    }

    /// Lets it go on by itself; nobody will wait for it.
    package consuming func detach() { pthread_detach(thread) }

    /// Waits until the body has returned, for so many nanoseconds at the most: what it waits for may never come.
    ///
    /// - Returns: false where it goes on, by itself.
    @discardableResult
    package consuming func join(within nanoseconds: UInt64 = EngineThreads.patience) -> Bool {
        pt_join_within(thread, nanoseconds) == 1
    }

    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = String(name.prefix(15))
            self.run = run
        }
    }
}

/// Threads to wait for, once, from whichever thread stops the session.
package final class EngineThreads: Sendable {
    /// Nanoseconds that are waited for threads unless something else is said: longer than any of them needs.
    package static let patience: UInt64 = 60_000_000_000

    private let running: Mutex<Running?>

    private struct Running: ~Copyable {
        let first: EngineThread
        let second: EngineThread
        let third: EngineThread?

        consuming func join(until deadline: Instant) {
            first.join(within: deadline.nanoseconds(since: .now))
            second.join(within: deadline.nanoseconds(since: .now))
            if let third { third.join(within: deadline.nanoseconds(since: .now)) }
        }
    }

    package init(
        _ first: consuming EngineThread, _ second: consuming EngineThread, _ third: consuming EngineThread? = nil
    ) {
        running = Mutex(Running(first: first, second: second, third: third))
    }

    /// Returns when all have ended, or after so many nanoseconds; at once the second time.
    package func join(within nanoseconds: UInt64 = EngineThreads.patience) {
        let threads = running.withLock { $0.take() }
        if let threads { threads.join(until: Instant.now.advanced(byNanoseconds: nanoseconds)) }
    }
}
