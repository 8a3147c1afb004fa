/// The functions an image's unwind tables know: start and end of each frame description entry, sorted by start.
///
/// A stripped image keeps these tables, so they tell functions apart that have no symbol, and bound symbols that have no
/// size. Functions do not overlap there: where two do, the later one's start ends the earlier one.
///
/// Where symbols name nearly everything, few ends are ever asked for: then the list of starts does, and an entry is read
/// when its end is wanted.
struct FrameRanges: ~Copyable {
    /// Ascending, relative to the window.
    private var starts: [UInt32] = []
    /// As many, or none where the list stands for them.
    private var ends: [UInt32] = []
    private var list: FrameList?

    /// No ranges.
    init() {}

    /// Ranges that are known, ascending by start.
    init(_ ranges: [Range<UInt32>]) {
        starts = ranges.map(\.lowerBound)
        ends = ranges.map(\.upperBound)
    }

    /// Reads the ranges that lie inside a window; nil where there are more than `limit`.
    ///
    /// A malformed entry ends the reading: what was read before it stays.
    /// - Parameter symbolCount: how many functions have symbols.
    init?(reading tables: FrameTables, within window: CodeWindow, besides symbolCount: Int, limit: Int) {
        if let place = tables.list, place.count / 2 <= symbolCount {
            if place.count > limit { return nil }
            if let list = FrameList(tables, place, window), let starts = list.starts() {
                self.starts = starts
                self.list = consume list
                return
            }
        }
        var reader = tables.reader()
        // Packed so that they sort as numbers.
        var packed: [UInt64] = []
        while let entry = try? reader.next(from: tables.image.file) {
            guard case .range(let start, let end) = entry, let part = window.part(start, end),
                UInt64(part.end - part.start) == end - start
            else { continue }
            packed.append(UInt64(part.start) << 32 | UInt64(part.end))
            if packed.count > limit { return nil }
        }
        sortByStart(&packed)
        starts.reserveCapacity(packed.count)
        ends.reserveCapacity(packed.count)
        for range in packed where range.start != starts.last {
            starts.append(range.start)
            ends.append(UInt32(truncatingIfNeeded: range))
        }
    }

    /// Number of functions.
    var count: Int { starts.count }

    /// Where a function begins, relative to the window.
    func start(_ index: Int) -> UInt32 { starts[index] }

    /// Where it ends; nil where that cannot be read.
    mutating func end(_ index: Int) -> UInt32? {
        guard let end = ends.isEmpty ? list?.end(index) : ends[index] else { return nil }
        return index + 1 < count ? min(end, starts[index + 1]) : end
    }

    /// The furthest a function without a size at an address can reach: the end of the one that covers it, else the
    /// start of the next; or, if only what is proven counts, no further than its first byte.
    mutating func limit(at address: UInt32, onlyProven: Bool) -> UInt32 {
        let next = lowerBound(count) { starts[$0] <= address }
        if next > 0, let end = end(next - 1), end > address { return end }
        if onlyProven { return address + 1 }
        return next < count ? starts[next] : .max
    }
}

/// The list of starts in memory, and the entries it leads to in the file.
private struct FrameList: ~Copyable {
    private let place: FrameTables.List
    /// Pairs of signed 32-bit numbers relative to the header: a start and an entry.
    private let pairs: [UInt8]
    private let window: CodeWindow
    private let file: ImageFile
    private var reader: FrameReader
    /// Ends that may still be read, each about a microsecond: what asks for more was made to waste time.
    private var budget = 65_536

    init?(_ tables: FrameTables, _ place: FrameTables.List, _ window: CodeWindow) {
        guard let pairs = try? tables.image.file.bytes(at: place.range.offset, count: Int(place.range.size)) else {
            return nil
        }
        (self.place, self.pairs, self.window) = (place, pairs, window)
        file = tables.image.file
        // Entries are in no order: each is a small read.
        reader = tables.reader(chunk: 64)
    }

    /// The starts, relative to the window; nil where they are not sorted or not all inside.
    func starts() -> [UInt32]? {
        var starts: [UInt32] = []
        starts.reserveCapacity(place.count)
        var least: UInt64 = 0
        for index in 0..<place.count {
            let start = place.start(pairs, 8 * index)
            guard start >= least, let offset = window.offset(of: start) else { return nil }
            starts.append(offset)
            least = start + 1
        }
        return starts
    }

    /// The end of a function; nil also where the entry is of another one.
    mutating func end(_ index: Int) -> UInt32? {
        guard budget > 0 else { return nil }
        budget -= 1
        guard let range = reader.range(at: place.entry(pairs, 8 * index), from: file),
            range.start == place.start(pairs, 8 * index)
        else { return nil }
        return window.part(range.start, range.end)?.end
    }
}
