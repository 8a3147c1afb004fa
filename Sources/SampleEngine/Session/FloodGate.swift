/// Finds events that are sampled one by one and come in floods: those are sampled more seldom from then on.
///
/// Pure: it is told what was read, and when. Writing a sample costs the kernel about as much as the event itself, so that
/// one by one is only for what is rare.
package struct FloodGate: Sendable {
    /// Samples of each event since the interval began, ring after ring.
    private var seen: [UInt64]
    private var mayRise: [Bool]
    private var begun: Instant
    /// Place of the first count of the ring that is being read.
    private var place = 0

    package static let interval: UInt64 = 250_000_000
    /// More samples of one event on one CPU, each second, are a flood.
    package static let most: UInt64 = 50_000

    /// - Parameter mayRise: by event, whether it is sampled one by one because nobody asked for anything else.
    /// - Returns: nil where there is no such event.
    package init?(_ mayRise: [Bool], rings: Int, at now: Instant) {
        guard mayRise.contains(true), rings > 0 else { return nil }
        self.mayRise = mayRise
        seen = Array(repeating: 0, count: mayRise.count * rings)
        begun = now
    }

    /// What comes now is of this ring.
    package mutating func begin(ring: Int) { place = min(max(ring, 0) * mayRise.count, seen.count - mayRise.count) }

    @inline(__always)
    package mutating func add(event: Int) { if event < mayRise.count { seen[place + event] &+= 1 } }

    /// Whether an interval is over, and with it `takeFloods` is to be asked.
    package func isDue(at now: Instant) -> Bool { now.nanoseconds(since: begun) >= Self.interval }

    /// The events that came in a flood since the last call; each is told once.
    package mutating func takeFloods(at now: Instant) -> [Int] {
        let elapsed = max(1, now.nanoseconds(since: begun))
        let limit = UInt64(Double(Self.most) * Double(elapsed) / 1e9)
        var floods: [Int] = []
        for event in mayRise.indices where mayRise[event] {
            let busiest = stride(from: event, to: seen.count, by: mayRise.count).map { seen[$0] }.max() ?? 0
            if busiest > limit { floods.append(event) }
        }
        for event in floods { mayRise[event] = false }
        for index in seen.indices { seen[index] = 0 }
        begun = now
        return floods
    }
}
