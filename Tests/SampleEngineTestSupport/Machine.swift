internal import CLinuxShims
internal import Glibc
internal import SampleEngine

/// What this machine lets tests do; a test that needs more is skipped with the reason.
package enum Machine {
    /// True where a plain software event on the main thread opens.
    package static let mayFollowItself: Bool = {
        var opener = EventOpener(Sampling(target: Target(.threads([getpid()]))))
        return (try? opener.open()) != nil
    }()

    package static let noPerf =
        "perf_event_open(2) is not permitted here (perf_event_paranoid, or a container's filter)"
}

/// Gives the processor away for a moment, for loops that wait on another thread.
package func pauseThread() { sched_yield() }
