/// So much time of each second, for work that cannot be told beforehand how long it takes: what one piece takes too much,
/// the seconds that follow pay for.
struct TimeShare: Sendable {
    /// Nanoseconds of each second.
    let perSecond: UInt64
    /// What no second has paid for yet, and when the last one did.
    private var spent: UInt64 = 0
    private var paid = Instant.beginning

    init(perSecond: UInt64) { self.perSecond = perSecond }

    /// Whether work may begin.
    mutating func isLeft(at now: Instant) -> Bool {
        let seconds = now.nanoseconds(since: paid) / 1_000_000_000
        if seconds > 0 {
            paid = now
            let (earned, overflow) = seconds.multipliedReportingOverflow(by: perSecond)
            spent -= overflow ? spent : min(spent, earned)
        }
        return spent < perSecond
    }

    mutating func spend(_ nanoseconds: UInt64) { spent = spent.addingSaturating(nanoseconds) }
}
