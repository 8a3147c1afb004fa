internal import Glibc

/// Writers in user space as the origin: a software ring, of this process or handed over by another.
package final class SoftwareOrigin: RingOrigin, @unchecked Sendable {
    private let ring: SoftwareRing
    private let firstEvent: Int
    /// There was a writer and none is left: what has come is all there will be.
    private var isOver = false
    /// What each event said last.
    private var counted: [SoftwareRing.Counts] = []

    /// - Parameter firstEvent: place of the ring's first event in the session's list.
    package init(_ ring: SoftwareRing, firstEvent: Int) {
        self.ring = ring
        self.firstEvent = firstEvent
    }

    package var watched: Int32? { isOver ? nil : ring.wakeDescriptor }
    package func moveWatch() { isOver = true }

    /// Before the ring is read: what is written from now on is not missed, it makes the bell ring again.
    package func silence() {
        var count: UInt64 = 0
        _ = unsafe read(ring.wakeDescriptor, &count, 8)
    }

    /// Asked before the pass that reads what is there, so that the last records of a writer that ends are read too.
    package func refresh() {
        if ring.isAbandoned { isOver = true }
        ring.recover()
    }

    package var isExhausted: Bool { isOver || ring.isAbandoned }

    /// With the records that died with their writers.
    package var lost: UInt64? { ring.refused.addingSaturating(ring.skipped) }
    package var isDearToAsk: Bool { false }

    package func takeCounts(_ groupWasRead: (GroupReading) -> Void) -> [(event: Int, count: UInt64)]? {
        var counts: [(event: Int, count: UInt64)] = []
        for number in 0..<ring.events.count {
            // Whoever never says what was counted has not counted 0.
            guard let now = ring.counts(of: number), now.timeEnabled > 0 || now.value > 0 else { return nil }
            let before = number < counted.count ? counted[number] : nil
            if number < counted.count { counted[number] = now } else { counted.append(now) }
            let value = now.value >= before?.value ?? 0 ? now.value - (before?.value ?? 0) : 0
            let count = CountReading.scaled(
                value, enabled: now.timeEnabled &- (before?.timeEnabled ?? 0),
                running: now.timeRunning &- (before?.timeRunning ?? 0))
            counts.append((firstEvent + number, count))
        }
        return counts
    }

    package var ids: [(id: UInt64, event: Int, owner: Int32?)] {
        ring.events.enumerated().map { ($1.id, firstEvent + $0, nil) }
    }
}
