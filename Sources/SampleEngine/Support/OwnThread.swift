internal import Glibc

/// The thread that asks.
enum OwnThread {
    /// Nanoseconds on a processor, user and kernel.
    static var processorTime: UInt64 {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
