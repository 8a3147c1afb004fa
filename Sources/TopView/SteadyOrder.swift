internal import SampleEngine

/// Keeps rows in their places as long as only chance tells them apart.
///
/// Counts of samples scatter: two rows of `a` and `b` samples that use the same time differ by about √(a + b), the
/// standard error of their difference. Rows that close keep the order they had; rows further apart than that always
/// stand in the order of their weights.
struct SteadyOrder<Identity: Hashable & Sendable>: Sendable {
    /// Rows whose places are remembered; further down they stand as they were sorted. Bounds what a picture costs.
    static var reach: Int { 1000 }

    private var places: [Identity: Int] = [:]

    /// The next order is the sorted one, whatever was shown before.
    mutating func forget() { places = [:] }

    /// The order to show: places in the list of rows as it is sorted.
    ///
    /// - Parameters:
    ///   - sorted: each row once, in order of weight wherever one run of `runs` reaches.
    ///   - weights: the rows' weights in samples, rising or falling inside each run.
    ///   - runs: rows that may change places with each other; together they are the list.
    mutating func arrange(_ sorted: [Identity], weights: [Double], runs: [Range<Int>]) -> [Int] {
        var order: [Int] = []
        order.reserveCapacity(sorted.count)
        for run in runs where run.lowerBound < Self.reach {
            let near = run.lowerBound..<min(run.upperBound, Self.reach)
            order += Self.order(near, weights: weights, places: wanted(near, of: sorted))
        }
        let shown = order
        order += order.count..<sorted.count
        places.removeAll(keepingCapacity: true)
        for (place, index) in shown.enumerated() { places[sorted[index]] = place }
        return order
    }

    /// Whether more than chance is between two weights.
    static func differ(_ left: Double, _ right: Double) -> Bool {
        abs(left - right) > (left + right).squareRoot()
    }

    /// The places rows had; a new row belongs behind the one it was sorted behind.
    private func wanted(_ run: Range<Int>, of sorted: [Identity]) -> [Int] {
        var last = -1
        return run.map { index in
            last = places[sorted[index]] ?? last
            return last
        }
    }

    /// The rows of a run by their former places, except that none stands before one that is surely weightier (or, where
    /// weights rise, surely lighter).
    ///
    /// What differs from a row differs from every row beyond it too, so the rows that may be next are always the first
    /// ones that are left, up to the first that differs from the very first.
    private static func order(_ run: Range<Int>, weights: [Double], places: [Int]) -> [Int] {
        var order: [Int] = []
        var isPlaced = Array(repeating: false, count: run.count)
        // Last is the next one to be placed.
        var candidates: [Int] = []
        var (first, next) = (0, 0)
        while order.count < run.count {
            while isPlaced[first] { first += 1 }
            let leader = weights[run.lowerBound + first]
            while next < run.count, next <= first || !differ(leader, weights[run.lowerBound + next]) {
                let place = partition(candidates) { (places[$0], $0) > (places[next], next) }
                candidates.insert(next, at: place)
                next += 1
            }
            guard let chosen = candidates.popLast() else { break }
            isPlaced[chosen] = true
            order.append(run.lowerBound + chosen)
        }
        return order
    }

    /// How many elements at the beginning fulfill a condition that no later one fulfills.
    private static func partition(_ elements: [Int], where condition: (Int) -> Bool) -> Int {
        var (low, high) = (0, elements.count)
        while low < high {
            let middle = (low + high) / 2
            if condition(elements[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension SteadyOrder<RowKey> {
    /// Rows as they are shown.
    ///
    /// - Parameters:
    ///   - sorted: rows in exactly this order.
    ///   - samples: all samples behind the table.
    mutating func arranged(_ sorted: [Row], by ordering: Ordering<Column>, samples: UInt64) -> [Row] {
        let near = Array(sorted.prefix(Self.reach))
        let weights = near.map { ordering.weight(of: $0, samples: samples) }
        let order = arrange(near.map(\.key), weights: weights, runs: ordering.runs(of: near))
        return order.map { near[$0] } + sorted[near.count...]
    }
}

extension Ordering<Column> {
    /// What rows that may change places are compared by, in samples.
    fileprivate func weight(of row: Row, samples: UInt64) -> Double {
        if column == .samples { return Double(row.selfSamples) }
        // As it is shown: what cannot be seen is no difference.
        return (row.selfPercent * 100).rounded() / 10_000 * Double(samples)
    }

    /// Rows that only their weights keep in order: all of them, or those that are equal in the sorted column.
    fileprivate func runs(of rows: [Row]) -> [Range<Int>] {
        // What is compared with stands still: changes are sorted to the last digit.
        if column == .change { return rows.indices.map { $0..<($0 + 1) } }
        if column == .selfPercent || column == .samples { return rows.isEmpty ? [] : [0..<rows.count] }
        var runs: [Range<Int>] = []
        var start = 0
        for index in rows.indices where index > start && !areEqual(rows[start], rows[index]) {
            runs.append(start..<index)
            start = index
        }
        if start < rows.count { runs.append(start..<rows.count) }
        return runs
    }
}
