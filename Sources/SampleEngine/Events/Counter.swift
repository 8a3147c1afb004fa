internal import CLinuxShims
internal import Glibc

/// One open perf event: on one CPU, for one thread or for all.
package final class Counter: Sendable {
    package enum Purpose: Equatable, Sendable {
        /// Writes samples; the number is the event's place in the session's list.
        case samples(event: Int)
        /// Only counts, and is read with the samples of its leader.
        case counts(event: Int)
        /// Counts the task switches of its CPU for the group that it is in, and is shown to nobody.
        case witness
        /// Writes what happens to processes.
        case sideBand

        /// It has no records of its own: what it counts is in its leader's.
        package var writesNothing: Bool {
            switch self {
            case .samples, .sideBand: false
            case .counts, .witness: true
            }
        }
    }

    package let purpose: Purpose
    package let cpu: Int
    /// The thread it follows, nil for all of the CPU.
    package let thread: Int32?
    /// What the kernel calls the event in each of its records.
    package let id: UInt64
    /// Events that are read with it and shown, itself included: more than 1 for the leader of a group.
    package let members: Int
    /// Samples per second that it was opened for; nil where it has a period, or none.
    package let frequency: UInt64?
    private let isClock: Bool
    private let descriptor: Descriptor

    /// Owned by this counter; never keep the number longer than it.
    package var fd: Int32 { descriptor.number }

    init(
        _ descriptor: consuming Descriptor, purpose: Purpose, cpu: Int, thread: Int32?, members: Int,
        attributes: perf_event_attr
    ) throws(Errno) {
        var id: UInt64 = 0
        let fd = descriptor.number
        _ = try systemCall { unsafe pt_perf_id(fd, &id) }
        self.descriptor = descriptor
        self.purpose = purpose
        self.cpu = cpu
        self.thread = thread
        self.id = id
        self.members = members
        frequency = attributes.freq == 1 ? attributes.sample_freq : nil
        isClock = attributes.isClock
    }

    package func enable() { _ = pt_perf_enable(fd) }
    package func disable() { _ = pt_perf_disable(fd) }

    /// Samples less often from now on; nothing where it has a period, or samples as seldom already.
    ///
    /// The kernel turns a clock's frequency into a period when it is opened, and from then on takes nothing else.
    package func lower(to frequency: UInt64) {
        guard let asked = self.frequency, frequency > 0, frequency < asked else { return }
        var value = isClock ? EventAttributes.clockPeriod(frequency) : frequency
        _ = unsafe pt_perf_period(fd, &value)
    }

    /// Samples once in so many from now on; not while it is enabled.
    package func raise(to period: UInt64) {
        var value = period
        _ = unsafe pt_perf_period(fd, &value)
    }

    /// The instant counts of this event, or of its whole group where it leads one.
    ///
    /// - Parameter room: for so many events, nil for as many as there can be, a witness among them; the kernel refuses to
    ///   answer (ENOSPC) where that is too little, more is fine.
    package func read(room: Int? = nil) throws(Errno) -> CountReading {
        var words = [UInt64](repeating: 0, count: 3 + 3 * max(0, room ?? members + 1))
        let fd = self.fd
        let count = try systemCall {
            unsafe words.withUnsafeMutableBytes { unsafe Glibc.read(fd, $0.baseAddress, $0.count) }
        }
        guard let reading = CountReading(words.prefix(count / 8), isGroup: members > 1) else { throw .invalid }
        return reading
    }

    /// Records a full ring refused of this event so far, nil where the kernel does not count them.
    package var lost: UInt64? { try? read().counts[0].lost }

    /// True once the thread it follows, and every child that inherited it, is gone (poll says HUP).
    package var isDead: Bool {
        var request = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&request, 1, 0) > 0 && request.revents & Int16(POLLHUP) != 0
    }
}

/// What read(2) says of an event or of a group, as `EventAttributes` asks for it (perf_event_open(2), "Reading
/// results"): with the times, ids and, from Linux 6.0 on, losses.
package struct CountReading: Equatable, Sendable {
    package struct Count: Equatable, Sendable {
        package let value: UInt64
        package let id: UInt64
        /// Records a full ring refused so far, nil before Linux 6.0.
        package let lost: UInt64?
    }

    /// Nanoseconds the event was wanted, and was on a counter; less where events take turns.
    package let enabled: UInt64
    package let running: UInt64
    /// Leader first.
    package let counts: [Count]

    /// What each event counted since an earlier reading; nil: since it was opened.
    ///
    /// - Parameter isScaled: as if it had been on a counter all the time. Not for an event that follows a thread on one
    ///   CPU: it is wanted as well while the thread runs on another, so that its times tell nothing of taking turns.
    package func steps(since earlier: CountReading?, isScaled: Bool) -> [UInt64] {
        let enabled = isScaled ? enabled &- (earlier?.enabled ?? 0) : 0
        let running = isScaled ? running &- (earlier?.running ?? 0) : 0
        return counts.enumerated().map { index, count in
            let before = earlier.map { index < $0.counts.count ? $0.counts[index].value : 0 } ?? 0
            return count.value < before ? 0 : Self.scaled(count.value - before, enabled: enabled, running: running)
        }
    }

    /// A count taken over a part of the time, as if it had been all of it; nonsense stays as it was counted.
    package static func scaled(_ count: UInt64, enabled: UInt64, running: UInt64) -> UInt64 {
        guard running > 0, running < enabled else { return count }
        let product = count.multipliedFullWidth(by: enabled)
        guard product.high < running else { return count }
        return running.dividingFullWidth(product).quotient
    }

    /// - Returns: nil where the words cannot be such an answer.
    package init?(_ words: ArraySlice<UInt64>, isGroup: Bool) {
        let words = Array(words)
        if !isGroup {
            guard words.count == 4 || words.count == 5 else { return nil }
            (enabled, running) = (words[1], words[2])
            counts = [Count(value: words[0], id: words[3], lost: words.count == 5 ? words[4] : nil)]
            return
        }
        guard words.count >= 3, words[0] > 0, words[0] <= UInt64(words.count) else { return nil }
        let members = Int(words[0])
        let (entry, rest) = (words.count - 3).quotientAndRemainder(dividingBy: members)
        guard rest == 0, entry == 2 || entry == 3 else { return nil }
        (enabled, running) = (words[1], words[2])
        counts = (0..<members).map { member in
            let place = 3 + member * entry
            return Count(value: words[place], id: words[place + 1], lost: entry == 3 ? words[place + 2] : nil)
        }
    }
}
