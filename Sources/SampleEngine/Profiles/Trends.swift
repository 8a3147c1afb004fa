/// What rows weighed step by step, oldest first.
public struct Trends: Sendable {
    /// Of the heaviest rows.
    public let weights: [RowKey: [Double]]
    /// Of the whole event; 0 where nothing was sampled, or nothing is kept any more.
    public let totals: [UInt64]
    /// The event's samples.
    public let samples: [UInt64]

    public init(weights: [RowKey: [Double]], totals: [UInt64], samples: [UInt64]) {
        self.weights = weights
        self.totals = totals
        self.samples = samples
    }
}

extension Profile {
    /// Folds the cells of one event into the weights of rows in steps of time.
    ///
    /// - Parameters:
    ///   - step: nanoseconds of a step; steps begin at multiples of it, whatever moment the profile ends at, and one that
    ///     is not over is left out: what was drawn stays as it is until a step is added.
    ///   - count: how many steps.
    public func trends(
        of event: Int, by grouping: Set<GroupKey>, inside scopes: [Scope] = [], matching filter: Filter = .everything,
        step: UInt64, count: Int
    ) -> Trends {
        var fold = RowFold(profile: self, grouping: grouping, scopes: scopes, filter: filter, siblings: [])
        var totals = Array(repeating: UInt64(0), count: count)
        var samples = totals
        let current = (slices.last?.end.nanoseconds ?? 0) / step
        for slice in slices {
            // A slice that ends where a step begins is of the step before; a longer one is shared out by time.
            let last = (max(slice.end.nanoseconds, 1) - 1) / step
            let length = slice.end.nanoseconds(since: slice.start)
            let first = length > step ? min(slice.start.nanoseconds / step, last) : last
            // Where the clock is another's, a slice may end behind the newest one, or before all steps.
            let from = max(first, current - min(UInt64(count), current))
            let to = min(last.addingSaturating(1), current)
            for number in from..<max(from, to) {
                let place = count - Int(current - number)
                let share = length > step ? Self.share(of: slice, in: number, step) : 1
                for cell in slice.cells where cell.event == event {
                    totals[place] = totals[place].addingSaturating(Self.part(cell.period, share))
                    samples[place] = samples[place].addingSaturating(Self.part(cell.count, share))
                    fold.add(cell, to: place, of: count, share: Float(share))
                }
            }
        }
        return Trends(weights: fold.weights(of: count), totals: totals, samples: samples)
    }

    /// How much of a slice lies in a step: 0 to 1.
    private static func share(of slice: Slice, in number: UInt64, _ step: UInt64) -> Double {
        let (end, overflow) = (number + 1).multipliedReportingOverflow(by: step)
        let begin = Instant(nanoseconds: max(slice.start.nanoseconds, number * step))
        let part = Instant(nanoseconds: min(slice.end.nanoseconds, overflow ? .max : end)).nanoseconds(since: begin)
        return min(Double(part) / Double(max(slice.end.nanoseconds(since: slice.start), 1)), 1)
    }

    private static func part(_ value: UInt64, _ share: Double) -> UInt64 {
        share == 1 ? value : UInt64(min(Double(value) * share, 1e19))
    }
}
