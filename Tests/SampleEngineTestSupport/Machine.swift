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

    package static var ownPID: Int32 { getpid() }

    package static let noPerf =
        "perf_event_open(2) is not permitted here (perf_event_paranoid, or a container's filter)"

    /// True where the slow and large tests are wanted (PERFTOP_FULL=1).
    package static let isFull = unsafe getenv("PERFTOP_FULL").map { unsafe String(cString: $0) == "1" } ?? false

    /// True where this user may mount a file system of its own making; a container's filter may forbid it to root.
    package static let mayMountFUSE =
        unsafe geteuid() == 0 && access("/dev/fuse", W_OK) == 0
        && output(of: "unshare", ["-m", "mount", "-t", "tmpfs", "none", "/tmp"]) != nil

    /// True in a build with the thread sanitizer.
    package static let hasThreadSanitizer = unsafe dlsym(nil, "__tsan_init") != nil
}
