/// Which of several ranges holds a value: the first that does, in the order they were given.
///
/// Segments of a file may overlap in any way, and there may be thousands: they are made disjoint once, so that a look-up
/// is a search by halves.
struct RangeOwners: Sendable {
    private var starts: [UInt64] = []
    private var ends: [UInt64] = []
    private var owners: [UInt16] = []

    /// - Parameter ranges: at most 65,536; empty ones hold nothing.
    init(_ ranges: [Range<UInt64>]) {
        let bounds = Set(ranges.filter { !$0.isEmpty }.flatMap { [$0.lowerBound, $0.upperBound] }).sorted()
        guard bounds.count > 1 else { return }
        var owner = [Int](repeating: -1, count: bounds.count - 1)
        // The next piece without an owner, with what was passed over made shorter each time.
        var free = Array(0..<bounds.count)
        func firstFree(_ piece: Int) -> Int {
            var (root, piece) = (piece, piece)
            while free[root] != root { root = free[root] }
            while free[piece] != root { (free[piece], piece) = (root, free[piece]) }
            return root
        }
        for (index, range) in ranges.enumerated() where !range.isEmpty {
            let end = lowerBound(bounds.count) { bounds[$0] < range.upperBound }
            var piece = firstFree(lowerBound(bounds.count) { bounds[$0] < range.lowerBound })
            while piece < end {
                owner[piece] = index
                free[piece] = piece + 1
                piece = firstFree(piece + 1)
            }
        }
        for (piece, index) in owner.enumerated() where index >= 0 {
            if ends.last == bounds[piece], owners.last == UInt16(index) {
                ends[ends.count - 1] = bounds[piece + 1]
            } else {
                starts.append(bounds[piece])
                ends.append(bounds[piece + 1])
                owners.append(UInt16(index))
            }
        }
    }

    /// The first range that holds a value, nil where none does.
    func owner(of value: UInt64) -> Int? {
        let next = lowerBound(starts.count) { starts[$0] <= value }
        return next > 0 && value < ends[next - 1] ? Int(owners[next - 1]) : nil
    }

    /// Bytes of memory held.
    var byteCount: Int { 18 * starts.count }
}
