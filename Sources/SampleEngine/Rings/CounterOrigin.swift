internal import Glibc

/// The kernel as the origin: the counters of one purpose on one CPU, which share a ring.
package final class CounterOrigin: RingOrigin, @unchecked Sendable {
    /// One counter that writes here, and what was read of it last.
    private struct Entry {
        let counter: Counter
        /// The reading that counts were taken from last.
        var reading: CountReading?
        /// Records it had lost when it could be asked last.
        var lost: UInt64?
    }

    /// The first one owns the ring, which goes when that is closed.
    private var entries: [Entry] = []
    /// Siblings only count, and their records are their leader's; they do so as long as they are open.
    private var siblings: [Counter] = []
    /// Place of the counter that epoll watches; beyond the last once all have ended.
    private var place = 0
    /// What counters that are closed by now had lost.
    private var lostByClosed: UInt64 = 0

    package init(_ counters: [Counter]) {
        take(counters)
        skipDead()
    }

    // MARK: Who is left

    package var watched: Int32? { place < entries.count ? entries[place].counter.fd : nil }

    /// A dead counter reports HUP for ever: watch one that lives.
    package func moveWatch() {
        place += 1
        skipDead()
    }

    private func skipDead() { while place < entries.count, entries[place].counter.isDead { place += 1 } }

    package func silence() {}
    package func refresh() {}

    package var isExhausted: Bool { entries.allSatisfy(\.counter.isDead) }

    /// Takes in counters that were opened later, and closes those whose threads have ended meanwhile: in a long session
    /// there would be more of them than a process may have files open.
    package func add(_ counters: [Counter]) {
        closeDead()
        take(counters)
    }

    private func take(_ counters: [Counter]) {
        for counter in counters {
            if counter.purpose.writesNothing {
                siblings.append(counter)
            } else {
                entries.append(Entry(counter: counter))
            }
        }
    }

    private func closeDead() {
        let watchedID = place < entries.count ? entries[place].counter.id : nil
        var kept: [Entry] = []
        for (index, entry) in entries.enumerated() {
            if index == 0 || entry.counter.id == watchedID || !entry.counter.isDead {
                kept.append(entry)
            } else {
                lostByClosed = lostByClosed.addingSaturating(entry.counter.lost ?? entry.lost ?? 0)
            }
        }
        entries = kept
        siblings.removeAll(where: \.isDead)
        place = entries.firstIndex { $0.counter.id == watchedID } ?? entries.count
    }

    package func disable() { for entry in entries { entry.counter.disable() } }
    package func lower(to frequency: UInt64) { for entry in entries { entry.counter.lower(to: frequency) } }

    private func samplers(of event: Int) -> [Counter] {
        entries.map(\.counter).filter { $0.purpose == .samples(event: event) }
    }

    package func pause(_ event: Int, _ isPaused: Bool) {
        for counter in samplers(of: event) { if isPaused { counter.disable() } else { counter.enable() } }
    }

    package func raise(_ event: Int, to period: UInt64) {
        for counter in samplers(of: event) { counter.raise(to: period) }
    }

    // MARK: What they say

    package var isDearToAsk: Bool { true }

    package var lost: UInt64? {
        var sum: UInt64?
        for index in entries.indices {
            // A group that is coming apart with its thread gives no answer just then: the one before holds.
            entries[index].lost = entries[index].counter.lost ?? entries[index].lost
            if let lost = entries[index].lost { sum = (sum ?? lostByClosed).addingSaturating(lost) }
        }
        return sum
    }

    /// Beyond so many counters they are not asked: each answer is a system call, and may interrupt another CPU.
    private static let mostRead = 256

    package func takeCounts(_ groupWasRead: (GroupReading) -> Void) -> [(event: Int, count: UInt64)]? {
        if entries.count > Self.mostRead { return nil }
        var counts: [(event: Int, count: UInt64)] = []
        for index in entries.indices {
            let counter = entries[index].counter
            // What cannot be read now is in the next answer.
            guard case .samples(let event) = counter.purpose, let now = try? counter.read() else { continue }
            let steps = now.steps(since: entries[index].reading, isScaled: counter.thread == nil)
            // Siblings are numbered behind their leader; a witness behind them is no event of the session.
            for (member, count) in steps.prefix(counter.members).enumerated() { counts.append((event + member, count)) }
            entries[index].reading = now
            if counter.members > 1, counter.thread == nil {
                groupWasRead(GroupReading(leader: event, cpu: counter.cpu, members: counter.members, counts: now))
            }
        }
        return counts
    }

    /// A thread's events are wanted on every CPU at once, and the page tells of the ring's owner alone.
    package var times: (enabled: UInt64, running: UInt64)? {
        guard let first = entries.first, first.counter.thread != nil else { return nil }
        var sum: (enabled: UInt64, running: UInt64) = (0, 0)
        for entry in entries.prefix(64) {
            guard let reading = try? entry.counter.read() else { return nil }
            sum.enabled = sum.enabled.addingSaturating(reading.enabled)
            sum.running = sum.running.addingSaturating(reading.running)
        }
        return sum
    }

    package var ids: [(id: UInt64, event: Int, owner: Int32?)] {
        entries.compactMap { entry in
            guard case .samples(let event) = entry.counter.purpose else { return nil }
            return (entry.counter.id, event, entry.counter.thread)
        }
    }
}
