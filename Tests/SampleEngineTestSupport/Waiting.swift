internal import Glibc

/// Looks again and again until `condition` holds; false if that did not happen in time.
///
/// The one place where tests sleep: between two looks.
package func waitUntil(within seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        if try condition() { return true }
        if ContinuousClock.now >= deadline { return false }
        usleep(5_000)
    }
}

/// Lets a span of time go by that is itself what is measured or tried out; what stands for a condition is `waitUntil`.
package func letPass(seconds: Double) { _ = waitUntil(within: seconds) { false } }

/// The processor time that this thread needs for something, whatever else runs on the machine.
package func processorTime(_ work: () throws -> Void) rethrows -> Duration {
    let begun = threadTime()
    try work()
    return threadTime() - begun
}

private func threadTime() -> Duration {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// Gives the processor away for a moment, for loops that wait on another thread.
package func pauseThread() { sched_yield() }
