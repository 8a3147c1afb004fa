/// Who writes into a ring, as far as its reader must know; used by the sampler thread.
package protocol RingOrigin: AnyObject, Sendable {
    /// What epoll(7) is to watch: readable once the ring has crossed its watermark. Nil where nobody is left to write.
    var watched: Int32? { get }
    /// The watched descriptor says that its event has ended: another takes its place, where one lives.
    func moveWatch()
    /// Takes a wake-up back where the descriptor stays readable by itself.
    func silence()
    /// Called before every ring is read: writers that died are dealt with, `watched` says whether any is left.
    func refresh()
    /// Every writer is gone, whether a wait has seen it or not.
    var isExhausted: Bool { get }
    /// Records refused so far by the writers' own count, nil where they keep none. May cost a system call for each.
    var lost: UInt64? { get }
    /// What each event has counted since the last call, with its place in the session; nil where that is not known.
    /// Costs a system call for each event on the CPU.
    func takeCounts() -> [(event: Int, count: UInt64)]?
    /// The ids of what writes here, with the event's place in the session and the thread it was opened for.
    var ids: [(id: UInt64, event: Int, owner: Int32?)] { get }
}

/// The kernel as the origin: the counters of one purpose on one CPU, which share a ring.
package final class CounterOrigin: RingOrigin, @unchecked Sendable {
    private var counters: [Counter]
    /// Siblings only count, and their records are their leader's; they do so as long as they are open.
    private var siblings: [Counter] = []
    /// Place of the counter that epoll watches; beyond the last once all have ended.
    private var place = 0
    /// What each counter said last, by the place of the one that was read.
    private var readings: [CountReading?] = []

    /// Beyond so many counters they are not asked: each answer is a system call, and may interrupt another CPU.
    private static let mostRead = 256

    package init(_ counters: [Counter]) {
        self.counters = []
        add(counters)
        skipDead()
    }

    package var watched: Int32? { place < counters.count ? counters[place].fd : nil }

    /// A dead counter reports HUP for ever: watch one that lives.
    package func moveWatch() {
        place += 1
        skipDead()
    }

    private func skipDead() { while place < counters.count, counters[place].isDead { place += 1 } }

    package func silence() {}
    package func refresh() {}

    package var isExhausted: Bool { counters.allSatisfy(\.isDead) }

    package var lost: UInt64? {
        var sum: UInt64?
        for counter in counters { if let lost = counter.lost { sum = (sum ?? 0).addingSaturating(lost) } }
        return sum
    }

    package func takeCounts() -> [(event: Int, count: UInt64)]? {
        if counters.count > Self.mostRead { return nil }
        while readings.count < counters.count { readings.append(nil) }
        var counts: [(event: Int, count: UInt64)] = []
        for (index, counter) in counters.enumerated() {
            guard case .samples(let event) = counter.purpose else { continue }
            do throws(Errno) {
                let now = try counter.read()
                // Siblings are numbered behind their leader.
                for (member, count) in now.steps(since: readings[index], isScaled: counter.thread == nil).enumerated() {
                    counts.append((event + member, count))
                }
                readings[index] = now
            } catch {
                return nil
            }
        }
        return counts
    }

    package var ids: [(id: UInt64, event: Int, owner: Int32?)] {
        counters.compactMap { counter in
            guard case .samples(let event) = counter.purpose else { return nil }
            return (counter.id, event, counter.thread)
        }
    }

    /// Takes in counters that were opened later and already write into this ring.
    package func add(_ more: [Counter]) {
        for counter in more {
            if case .counts = counter.purpose { siblings.append(counter) } else { counters.append(counter) }
        }
    }
}
