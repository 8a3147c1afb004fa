internal import CLinuxShims
internal import Glibc

/// One open perf event: on one CPU, for one thread or for all.
package final class Counter: Sendable {
    package enum Purpose: Equatable, Sendable {
        /// Writes samples; the number is the event's place in the session's list.
        case samples(event: Int)
        /// Writes what happens to processes.
        case sideBand
    }

    package let purpose: Purpose
    package let cpu: Int
    /// The thread it follows, nil for all of the CPU.
    package let thread: Int32?
    /// What the kernel calls the event in each of its records.
    package let id: UInt64
    private let descriptor: Descriptor

    /// Owned by this counter; never keep the number longer than it.
    package var fd: Int32 { descriptor.number }

    init(_ descriptor: consuming Descriptor, purpose: Purpose, cpu: Int, thread: Int32?) throws(Errno) {
        var id: UInt64 = 0
        let fd = descriptor.number
        _ = try systemCall { unsafe pt_perf_id(fd, &id) }
        self.descriptor = descriptor
        self.purpose = purpose
        self.cpu = cpu
        self.thread = thread
        self.id = id
    }

    package func enable() { _ = pt_perf_enable(fd) }

    /// What read(2) says of this event alone: `PERF_FORMAT_ID | PERF_FORMAT_LOST`.
    package struct Reading: Sendable {
        package let value: UInt64
        /// Records a full ring refused so far, nil before Linux 6.0.
        package let lost: UInt64?
    }

    /// The instant count; nil where the kernel would not say.
    package func read() -> Reading? {
        var words: [UInt64] = [0, 0, 0]
        let fd = self.fd
        let count = unsafe words.withUnsafeMutableBytes { unsafe Glibc.read(fd, $0.baseAddress, $0.count) }
        switch count {
        case 24: return Reading(value: words[0], lost: words[2])
        case 16: return Reading(value: words[0], lost: nil)
        default: return nil
        }
    }

    /// True once the thread it follows, and every child that inherited it, is gone (poll says HUP).
    package var isDead: Bool {
        var request = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&request, 1, 0) > 0 && request.revents & Int16(POLLHUP) != 0
    }
}
