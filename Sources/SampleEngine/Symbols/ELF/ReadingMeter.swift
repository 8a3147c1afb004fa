/// What it may cost to read a file, and what it has cost so far: processor time of the thread that reads, and bytes.
///
/// Whoever wrote a file decides how large its tables are and how they lie. So everything that is read of it, of its debug
/// file and of the tables compressed in it is charged here, and reading ends where a limit is passed. Wall time does not
/// count: an honest giant on a loaded machine takes long and costs no more than elsewhere.
///
/// Used by one thread at a time.
package final class ReadingMeter {
    /// The most that reading may cost.
    package struct Limits: Sendable {
        package var nanoseconds: UInt64
        package var bytes: UInt64

        /// By default about ten times what an honest giant takes: 2 million symbols, a checksum of 2 GB.
        package init(nanoseconds: UInt64 = 20_000_000_000, bytes: UInt64 = 8 << 30) {
            self.nanoseconds = nanoseconds
            self.bytes = bytes
        }
    }

    /// Called again and again while reading goes on, after 64 KiB or 256 small reads at the latest. What it throws ends
    /// the reading: `stopped` for a session that is over.
    package var pause: (() throws(ELFError) -> Void)?

    /// Bytes read so far.
    package private(set) var bytes: UInt64 = 0
    /// Processor time spent so far, without what is being done at the moment.
    package private(set) var nanoseconds: UInt64 = 0

    private let limits: Limits
    /// Work since the clock was looked at, which costs as much as a small read itself.
    private var unchecked = 0
    /// The thread's clock when it was looked at last.
    private var seen: UInt64 = 0
    private var depth = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// What the thread does from here to `end` is charged.
    func begin() {
        if depth == 0 { seen = ownThreadNanoseconds() }
        depth += 1
    }

    func end() {
        depth -= 1
        if depth == 0 { nanoseconds += ownThreadNanoseconds() &- seen }
    }

    /// Charges some bytes that are about to be read.
    @inline(__always)
    func charge(_ count: Int) throws(ELFError) {
        bytes += UInt64(count)
        unchecked += count + 256
        if unchecked >= 65_536 { try check() }
    }

    /// Fails where a limit is passed, or where somebody wants the reading to end.
    func check() throws(ELFError) {
        unchecked = 0
        if depth > 0 {
            let now = ownThreadNanoseconds()
            nanoseconds += now &- seen
            seen = now
        }
        if bytes > limits.bytes || nanoseconds > limits.nanoseconds { throw .tooCostly }
        try pause?()
    }
}
