internal import Glibc

/// A point on CLOCK_MONOTONIC in nanoseconds: the one clock of samples, side-band, slices and screen.
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

    public static var now: Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }
}

/// Wall-clock time in nanoseconds since 1970, for what people read.
public func wallClockNanoseconds() -> UInt64 { read(CLOCK_REALTIME) }

/// Processor time this process has used, user and kernel, in nanoseconds.
package func ownProcessorNanoseconds() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

private func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    guard unsafe clock_gettime(clock, &time) == 0 else { return 0 }
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}
