/// Where an image has code, laid end to end, so that 32 bits count its bytes however far apart its segments are.
///
/// Nearly every image has all of its code within 4 GiB, and then gaps between segments are kept and a place is a
/// difference. Code that is further apart is laid together without its gaps. What is still longer than 32 bits can count
/// is looked at in windows, one at a time.
struct CodeLayout: Sendable {
    /// Ascending, disjoint.
    private let ranges: [Range<UInt64>]
    /// What stands before each range, and at the end all of it.
    private let before: [UInt64]

    /// Bytes of a window: all offsets in it, and its end, fit 32 bits.
    private static let windowSize = UInt64(UInt32.max)

    /// - Parameter segments: ranges of addresses, in any order; nil where there is no code.
    init?(_ segments: [Range<UInt64>]) {
        var merged: [Range<UInt64>] = []
        for range in segments.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        guard let first = merged.first, let last = merged.last else { return nil }
        let whole = first.lowerBound..<last.upperBound
        ranges = whole.upperBound - whole.lowerBound <= Self.windowSize ? [whole] : merged
        var sum: UInt64 = 0
        // Disjoint ranges of 64-bit addresses have at most 2⁶⁴ − 1 bytes together.
        before = ranges.map { range in
            defer { sum += range.upperBound - range.lowerBound }
            return sum
        }
        size = sum
    }

    /// Bytes of all code.
    let size: UInt64

    /// Whether one window does not hold all of it.
    var isLong: Bool { size > Self.windowSize }

    /// The lowest address and the end.
    var bounds: Range<UInt64> { ranges[0].lowerBound..<ranges[ranges.count - 1].upperBound }

    /// The number of the window that holds an address, nil where there is no code.
    func window(of address: UInt64) -> UInt64? {
        let next = lowerBound(ranges.count) { ranges[$0].lowerBound <= address }
        guard next > 0, address < ranges[next - 1].upperBound else { return nil }
        return (before[next - 1] + (address - ranges[next - 1].lowerBound)) / Self.windowSize
    }

    func window(_ number: UInt64) -> CodeWindow {
        let (first, overflow) = number.multipliedReportingOverflow(by: Self.windowSize)
        if overflow || first >= size { return CodeWindow() }
        let end = min(size - first, Self.windowSize) + first
        var pieces: [CodeWindow.Piece] = []
        for (range, start) in zip(ranges, before)
        where start < end && start + (range.upperBound - range.lowerBound) > first {
            let skipped = first > start ? first - start : 0
            let size = min(range.upperBound - range.lowerBound, end - start) - skipped
            pieces.append(
                CodeWindow.Piece(
                    start: range.lowerBound + skipped, size: size,
                    offset: UInt32(truncatingIfNeeded: start + skipped - first)))
        }
        return CodeWindow(pieces)
    }

    /// Bytes of memory held.
    var byteCount: Int { 24 * ranges.count }
}

/// A stretch of an image's code that 32-bit offsets count.
struct CodeWindow: Sendable {
    struct Piece: Sendable {
        var start: UInt64
        var size: UInt64
        var offset: UInt32
    }

    /// The first piece, in nearly every image the only one.
    private let first: Piece
    private let rest: [Piece]

    /// One without code.
    init() { self.init([]) }

    fileprivate init(_ pieces: [Piece]) {
        first = pieces.first ?? Piece(start: 0, size: 0, offset: 0)
        rest = Array(pieces.dropFirst())
    }

    /// Where an address lies in the first piece, nil where it does not lie there.
    @inline(__always)
    func offsetInFirst(of address: UInt64) -> UInt32? {
        let distance = address &- first.start
        return distance < first.size ? UInt32(truncatingIfNeeded: distance) : nil
    }

    /// Where an address lies, nil where that is not in the window.
    @inline(__always)
    func offset(of address: UInt64) -> UInt32? {
        offsetInFirst(of: address) ?? (rest.isEmpty ? nil : placeInRest(of: address)?.offset)
    }

    /// The same, and how many bytes of code there are from there on.
    @inline(__always)
    func place(of address: UInt64) -> (offset: UInt32, room: UInt64)? {
        let distance = address &- first.start
        if distance < first.size { return (UInt32(truncatingIfNeeded: distance), first.size - distance) }
        return rest.isEmpty ? nil : placeInRest(of: address)
    }

    @inline(never)
    private func placeInRest(of address: UInt64) -> (offset: UInt32, room: UInt64)? {
        let next = lowerBound(rest.count) { rest[$0].start <= address }
        guard next > 0 else { return nil }
        let piece = rest[next - 1]
        let distance = address - piece.start
        guard distance < piece.size else { return nil }
        return (piece.offset + UInt32(truncatingIfNeeded: distance), piece.size - distance)
    }

    /// The part of a range that is code in the window and begins where the range begins; nil where nothing is.
    @inline(__always)
    func part(_ start: UInt64, _ end: UInt64) -> (start: UInt32, end: UInt32)? {
        guard end > start, let (offset, room) = place(of: start) else { return nil }
        return (offset, offset + UInt32(truncatingIfNeeded: min(end - start, room)))
    }

    /// The address at an offset of the window.
    @inline(__always)
    func address(of offset: UInt32) -> UInt64 {
        if rest.isEmpty || UInt64(offset) < first.size { return first.start &+ UInt64(offset) }
        let next = lowerBound(rest.count) { rest[$0].offset <= offset }
        let piece = next > 0 ? rest[next - 1] : first
        return piece.start &+ UInt64(offset - piece.offset)
    }

    /// Bytes of memory held.
    var byteCount: Int { 24 * rest.count }
}
