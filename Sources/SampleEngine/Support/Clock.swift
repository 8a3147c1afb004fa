internal import CLinuxShims
internal import Glibc

/// A point on the kernel's CLOCK_MONOTONIC in nanoseconds: the one clock of samples, side-band, slices and screen, whatever
/// time namespace we are in.
public struct Instant: Hashable, Comparable, Sendable {
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Before everything: the time of what is known to hold from a process's beginning.
    public static let beginning = Instant(nanoseconds: 0)
    /// After everything: the end of what still holds.
    public static let forever = Instant(nanoseconds: .max)

    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Nanoseconds from an earlier point to this one, 0 where it is not earlier.
    public func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// This point moved later, stopping at `forever`.
    public func advanced(byNanoseconds delta: UInt64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(delta)
        return overflow ? .forever : Instant(nanoseconds: sum)
    }

    public static var now: Instant { Instant(nanoseconds: pt_monotonic()) }
}

/// Where a session's time comes from.
public struct Clock: Sendable {
    /// Nil, and an answer of nil, reads CLOCK_MONOTONIC.
    private let told: (@Sendable () -> Instant?)?

    private init(_ told: (@Sendable () -> Instant?)?) { self.told = told }

    public static let monotonic = Clock(nil)

    /// What somebody says: a test, a replay; nil leaves it to CLOCK_MONOTONIC. Whoever tells another time wakes those who
    /// wait for it.
    public static func told(by source: @escaping @Sendable () -> Instant?) -> Clock { Clock(source) }

    public var now: Instant { told?() ?? .now }

    /// Milliseconds until a time, for poll(2); −1 where no time passes by itself.
    public func milliseconds(until deadline: Instant) -> Int32 {
        if let told = told?() { return deadline <= told ? 0 : -1 }
        // Rounded up: waking a moment early would only mean waiting once more.
        return Int32(clamping: deadline.nanoseconds(since: now).addingSaturating(999_999) / 1_000_000)
    }
}

/// Wall-clock time in nanoseconds since 1970, for what people read.
public func wallClockNanoseconds() -> UInt64 { read(CLOCK_REALTIME) }

/// Processor time this process has used, user and kernel, in nanoseconds.
package func ownProcessorNanoseconds() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

/// The same of the calling thread alone: what a budget counts, whoever else the machine works for.
package func ownThreadNanoseconds() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

/// The same of any thread of ours, by its clock (pthread_getcpuclockid); 0 once it has ended.
func processorNanoseconds(of clock: clockid_t) -> UInt64 { read(clock) }

private func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    guard unsafe clock_gettime(clock, &time) == 0 else { return 0 }
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}
