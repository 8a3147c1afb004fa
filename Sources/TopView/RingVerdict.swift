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
        if health.lost > 0, let ring = health.worstRing { said.append(Self.loss(ring, health, profile.rings)) }
        if health.overrunBytes > 0 {
            let pages = profile.rings.filter(\.overwrites).map(\.pages).max() ?? 1
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
        if health.userless > 0 {
            said.append("\(Numbers.grouped(health.userless)) samples left out: gone before their user could be asked")
        }
        if health.folded > 0 {
            said.append("\(Numbers.grouped(health.folded)) samples under [other]: too many different places")
        }
        isFine = said.isEmpty
        sentence = isFine ? "rings ok" : said.joined(separator: "; ")
    }

    private static func loss(_ ring: RingFigures, _ health: Health, _ rings: [RingFigures]) -> String {
        let cpu = ring.cpu < 0 ? "any CPU" : "CPU \(ring.cpu)"
        let place = ring.thread.map { "\(cpu), thread \($0)" } ?? cpu
        let advice = "try -m \(Self.largerPages(ring.pages))"
        let samplesLost = rings.contains { $0.purpose == .samples && $0.missing > 0 }
        if !samplesLost {
            return "LOST \(Numbers.grouped(health.lost)) side-band records on \(place): names may be wrong; \(advice)"
        }
        let share = "LOST \(Numbers.fixed(health.missingPercent, 1))% of samples"
        if ring.driverLost > ring.kernelLost ?? ring.lost {
            return "\(share): the PMU driver dropped them on \(place)"
        }
        return "\(share): ring of \(place) full; \(advice)"
    }

    /// Four times the ring, a power of two: enough for a burst, and one step that is felt.
    static func largerPages(_ pages: Int) -> Int {
        var larger = 8
        while larger < min(max(pages, 1), 1 << 20) * 4 { larger *= 2 }
        return larger
    }
}
