/// Finds which of some ascending offsets come at or after another, faster than by halves where they are spread out.
struct SortedOffsets {
    private let offsets: [UInt32]
    private let shift: UInt32
    /// How many offsets lie before each stretch of 2^`shift` bytes.
    private let before: [UInt32]

    init(_ offsets: [UInt32]) {
        self.offsets = offsets
        let span = (offsets.last ?? 0) - (offsets.first ?? 0)
        var shift: UInt32 = 0
        while span >> shift >= 16_384 { shift += 1 }
        self.shift = shift
        var before = [UInt32](repeating: 0, count: Int(span >> shift) + 2)
        for offset in offsets { before[Int((offset - offsets[0]) >> shift) + 1] += 1 }
        for stretch in 1..<before.count { before[stretch] += before[stretch - 1] }
        self.before = before
    }

    /// The index of the first one that is not before an offset; their count where all are.
    @inline(__always)
    func position(of offset: UInt32) -> Int {
        guard let first = offsets.first, offset > first else { return 0 }
        let stretch = Int((offset - first) >> shift)
        if stretch + 1 >= before.count { return offsets.count }
        var (low, high) = (Int(before[stretch]), Int(before[stretch + 1]))
        while low < high {
            let middle = low + (high - low) / 2
            if offsets[middle] < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Of all functions of a window, those that decide what covers each of some offsets: in memory that follows the number
/// of offsets, whatever the tables hold, and at a cost of O(log offsets) for each function.
///
/// A table made of these alone answers at the offsets as one made of all functions would. That needs, for each offset:
/// the innermost sized function that covers it; of those that begin before it, the one that reaches furthest; the last
/// start before it with what has no size there; the next start after it; and the labels with a size that cover it, where
/// their own starts are offsets, too (`FlatSegments` says what each is for).
struct Neighborhood: CandidateSink {
    private let offsets: [UInt32]
    private let index: SortedOffsets
    /// In the gap up to each offset, and behind the last one.
    private var gaps: [Gap]
    /// A segment tree over the offsets: what covers all of a node's offsets.
    private var covers: [Best]
    private(set) var labels: [SymbolCandidate] = []

    /// Sized labels that are kept: more of them were made to waste time, and none of them counts.
    private static let maximumLabels = 4096

    private struct Gap {
        /// One that begins first.
        var first: SymbolCandidate?
        /// The sized function that reaches furthest.
        var widest: SymbolCandidate?
        /// What begins last: one with a size, and the best of those without.
        var sized: SymbolCandidate?
        var unsized = Best()
    }

    /// - Parameter offsets: ascending, each once.
    init(of offsets: [UInt32]) {
        self.offsets = offsets
        index = SortedOffsets(offsets)
        gaps = Array(repeating: Gap(), count: offsets.count + 1)
        covers = Array(repeating: Best(), count: 2 * offsets.count)
    }

    mutating func expect(_ count: Int) {}
    var isFull: Bool { false }

    mutating func take(_ function: SymbolCandidate) {
        let place = index.position(of: function.start)
        if gaps[place].first.map({ function.start < $0.start }) ?? true { gaps[place].first = function }
        if place == offsets.count { return }
        let rank = function.rank
        if !rank.isSized {
            if gaps[place].sized.map({ $0.start >= function.start }) ?? false { return }
            gaps[place].unsized.take(function, isEndCommon: true)
            return
        }
        if gaps[place].sized.map({ $0.start < function.start }) ?? true { gaps[place].sized = function }
        let end = index.position(of: function.end)
        guard rank.isFunction else {
            if end > place, labels.count <= Self.maximumLabels { labels.append(function) }
            return
        }
        if gaps[place].widest.map({ $0.end < function.end }) ?? true { gaps[place].widest = function }
        if end > place { cover(place, end, function) }
    }

    private mutating func cover(_ start: Int, _ end: Int, _ function: SymbolCandidate) {
        var (low, high) = (start + offsets.count, end + offsets.count)
        while low < high {
            if low & 1 == 1 {
                covers[low].take(function)
                low += 1
            }
            if high & 1 == 1 {
                high -= 1
                covers[high].take(function)
            }
            low /= 2
            high /= 2
        }
    }

    /// Whether no label was left out; else none counts.
    var hasAllLabels: Bool { labels.count <= Self.maximumLabels }

    /// All that was kept, in no order.
    func candidates() -> [SymbolCandidate] {
        var result: [SymbolCandidate] = []
        for gap in gaps {
            result += [gap.first, gap.widest, gap.sized].compactMap(\.self)
            result += gap.unsized.candidates
        }
        for cover in covers { result += cover.candidates }
        if hasAllLabels { result += labels }
        return result
    }
}

/// The best of the functions that were seen: the latest start, then the smallest range, then the highest rank. Of equals
/// all are kept, up to as many as a table looks at.
private struct Best {
    private var best: SymbolCandidate?
    private var names: [UInt32] = []

    /// - Parameter isEndCommon: all with one start have one end, the smallest.
    mutating func take(_ function: SymbolCandidate, isEndCommon: Bool = false) {
        guard let known = best, known.start <= function.start else {
            if best == nil { set(function) }
            return
        }
        var function = function
        if known.start == function.start, isEndCommon {
            function.end = min(function.end, known.end)
            best?.end = function.end
        } else if known.start < function.start || function.end < known.end {
            return set(function)
        } else if function.end > known.end {
            return
        }
        if function.rank < known.rank { return }
        if function.rank > known.rank { return set(function) }
        let name = function.name.bits
        let place = lowerBound(names.count) { names[$0] < name }
        if place == names.count ? names.count < SymbolTable.maximumAliases + 1 : names[place] != name {
            names.insert(name, at: place)
            if names.count > SymbolTable.maximumAliases + 1 { names.removeLast() }
        }
    }

    private mutating func set(_ function: SymbolCandidate) {
        best = function
        names = [function.name.bits]
    }

    var candidates: [SymbolCandidate] {
        guard let best else { return [] }
        return names.map { name in
            var function = best
            function.name = NameReference(bits: name)
            return function
        }
    }
}
