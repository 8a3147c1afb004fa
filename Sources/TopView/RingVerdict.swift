public import SampleEngine

/// The health of the rings in one sentence: `rings ok`, or what is wrong, where, and what helps.
///
/// The same words on the screen and in every report.
public struct RingVerdict: Sendable {
    public let sentence: String
    public let isFine: Bool

    public init(_ profile: Profile) {
        let health = profile.health
        var said: [String] = []
        let rings = profile.rings
        if let ring = Self.worst(.samples, rings) { said.append(Self.samplesLost(ring, health)) }
        if let ring = Self.worst(.sideBand, rings) { said.append(Self.sideBandLost(ring, rings)) }
        if health.overrunBytes > 0 {
            let pages = rings.filter(\.overwrites).map(\.pages).max() ?? 1
            let bytes = Numbers.bytes(Double(health.overrunBytes))
            said.append("\(bytes) overwritten before they were read; try -m \(Self.largerPages(pages))")
        }
        if health.throttled > 0 {
            said.append("throttled \(Numbers.grouped(health.throttled)) times by the kernel: try a lower -F")
        }
        if health.runningPercent < 100 {
            let share = Numbers.fixed(health.runningPercent, 0)
            said.append("counted \(share)% of the time: events take turns on the processor's counters; ask for fewer")
        }
        if health.undecodable > 0 { said.append("\(Numbers.grouped(health.undecodable)) records made no sense") }
        if health.unread > 0 { said.append("\(Numbers.grouped(health.unread)) samples not read before the end") }
        if health.userless > 0 {
            said.append("\(Numbers.grouped(health.userless)) samples left out: no time to ask whose they are")
        }
        if health.folded > 0 {
            said.append("\(Numbers.grouped(health.folded)) samples under [other]: too many different places")
        }
        isFine = said.isEmpty
        sentence = isFine ? "rings ok" : said.joined(separator: "; ")
    }

    /// The ring of one kind that lost most; nil where none lost anything.
    private static func worst(_ purpose: RingFigures.Purpose, _ rings: [RingFigures]) -> RingFigures? {
        let worst = rings.filter { $0.purpose == purpose }.max { $0.missing < $1.missing }
        return worst.flatMap { $0.missing > 0 ? $0 : nil }
    }

    private static func place(_ ring: RingFigures) -> String {
        let cpu = ring.cpu < 0 ? "any CPU" : "CPU \(ring.cpu)"
        return ring.thread.map { "\(cpu), thread \($0)" } ?? cpu
    }

    private static func samplesLost(_ ring: RingFigures, _ health: Health) -> String {
        let share = "LOST \(Numbers.fixed(health.missingPercent, 1))% of samples"
        if ring.driverLost > ring.kernelLost ?? ring.lost {
            return "\(share): the PMU driver dropped them on \(place(ring))"
        }
        return "\(share): ring of \(place(ring)) full; try -m \(largerPages(ring.pages))"
    }

    /// No advice: the size of these rings is not for the user to choose.
    private static func sideBandLost(_ ring: RingFigures, _ rings: [RingFigures]) -> String {
        let lost = rings.reduce(UInt64(0)) { $1.purpose == .sideBand ? $0.addingSaturating($1.missing) : $0 }
        let records = "LOST \(Numbers.grouped(lost)) side-band records on \(place(ring))"
        return "\(records): names may be wrong or missing for a while"
    }

    /// Four times the ring, a power of two: enough for a burst, and one step that is felt.
    static func largerPages(_ pages: Int) -> Int {
        var larger = 8
        while larger < min(max(pages, 1), 1 << 20) * 4 { larger *= 2 }
        return larger
    }
}
