/// Where the name of a symbol stands, without reading it.
struct NameReference: Hashable, Sendable {
    /// Which bytes the low 30 bits mean.
    enum Place: UInt32 {
        /// An offset in the string table of `.symtab`.
        case symbols = 0
        /// An offset in the string table of `.dynsym`.
        case dynamicSymbols = 0x4000_0000
        /// The same, shown as `name@plt`.
        case stub = 0x8000_0000
        /// An index into the table of stubs whose target is an address, not a symbol; all ones: no name at all.
        case other = 0xc000_0000
    }

    static let maximumOffset: UInt32 = 0x3fff_ffff
    /// A function known by its range alone.
    static let none = NameReference(bits: .max)

    let bits: UInt32
    var offset: UInt32 { bits & Self.maximumOffset }
    var place: Place { Place(rawValue: bits & ~Self.maximumOffset) ?? .other }

    init(_ place: Place, _ offset: UInt32) { bits = place.rawValue | (offset & Self.maximumOffset) }
    init(bits: UInt32) { self.bits = bits }
}

/// The functions of one image, flattened so that every byte belongs to at most one of them.
///
/// Where functions nest or overlap, the innermost (latest start, then smallest) has the byte:
///
///     symbols    |------- outer -------|
///                      |-- inner --|
///     segments   |outer|   inner   |out|
///
/// Places are 32 bits: offsets in a window of the image's code.
/// A bucket index over the address range makes a look-up one load and a short scan.
package struct SymbolTable: Sendable {
    /// What covers an address.
    struct Entry: Equatable {
        /// The function's own range, which functions inside it may interrupt.
        var start: ImageAddress
        var end: ImageAddress
        var name: NameReference
    }

    let window: CodeWindow
    private let starts: [UInt32]
    private let ends: [UInt32]
    private let names: [UInt32]
    /// Segments that are only part of their function, with the function's range; in order of `segment`.
    private let parts: [Part]
    /// Names of equal standing for the same range, in order of `key`; the best is chosen when a name is read.
    private let aliases: [Alias]
    private let index: BucketIndex
    /// Whether any function has a name.
    let hasNames: Bool

    /// Names of one function that are looked at.
    static let maximumAliases = 64

    struct Part {
        var segment: UInt32
        var start: UInt32
        var end: UInt32
    }

    struct Alias {
        var key: UInt64
        var name: UInt32
    }

    /// An empty table.
    init() { self.init(window: CodeWindow(), segments: FlatSegments()) }

    init(window: CodeWindow, segments: consuming FlatSegments) {
        self.window = window
        hasNames = segments.hasNames
        index = BucketIndex(starts: segments.starts, ends: segments.ends)
        starts = segments.starts
        ends = segments.ends
        names = segments.names
        parts = segments.parts
        aliases = segments.aliases
    }

    /// Number of segments.
    package var count: Int { starts.count }

    /// Bytes of memory held.
    package var byteCount: Int {
        12 * starts.count + MemoryLayout<Part>.stride * parts.count + MemoryLayout<Alias>.stride * aliases.count
            + index.byteCount + window.byteCount
    }

    /// Index of the segment that holds an address, nil where none does.
    @inline(__always)
    package func segment(at address: ImageAddress) -> Int? {
        window.offset(of: address.value).flatMap { segment(atOffset: $0) }
    }

    /// The same for an offset in the window.
    @inline(__always)
    func segment(atOffset offset: UInt32) -> Int? {
        guard let candidate = index.firstSegment(endingAfter: offset, ends: ends), starts[candidate] <= offset else {
            return nil
        }
        return candidate
    }

    /// The function a segment belongs to.
    func entry(_ segment: Int) -> Entry {
        var (start, end) = (starts[segment], ends[segment])
        if let part = partIndex(segment) { (start, end) = (parts[part].start, parts[part].end) }
        let address = window.address(of: start)
        return Entry(
            start: ImageAddress(address), end: ImageAddress(address &+ UInt64(end - start)),
            name: NameReference(bits: names[segment]))
    }

    /// Other names for exactly the range of an entry, of the same rank as its own; at most `maximumAliases`.
    func aliases(of entry: Entry) -> [NameReference] {
        if aliases.isEmpty { return [] }
        guard let start = window.offset(of: entry.start.value) else { return [] }
        let key = Self.aliasKey(
            start: start, end: start + UInt32(truncatingIfNeeded: entry.end.value - entry.start.value))
        var position = lowerBound(aliases.count) { aliases[$0].key < key }
        var result: [NameReference] = []
        while position < aliases.count, aliases[position].key == key, result.count < Self.maximumAliases {
            result.append(NameReference(bits: aliases[position].name))
            position += 1
        }
        return result
    }

    /// Ascending in the order functions are sorted: by start, the larger one first.
    static func aliasKey(start: UInt32, end: UInt32) -> UInt64 { UInt64(start) << 32 | UInt64(~end) }

    private func partIndex(_ segment: Int) -> Int? {
        if parts.isEmpty { return nil }
        let position = lowerBound(parts.count) { Int(parts[$0].segment) < segment }
        return position < parts.count && Int(parts[position].segment) == segment ? position : nil
    }
}

/// For each stretch of addresses, the first segment that ends inside or after it.
///
/// A stretch is 512 bytes of text; more where segments are so sparse that the index would outgrow them.
private struct BucketIndex: Sendable {
    private let lowest: UInt32
    private let shift: UInt32
    private let first: [UInt32]

    init(starts: [UInt32], ends: [UInt32]) {
        guard let lowest = starts.first, let highest = ends.last else {
            self.lowest = 0
            shift = 9
            first = []
            return
        }
        let span = UInt64(highest - lowest)
        var shift: UInt32 = 9
        while span >> UInt64(shift) > UInt64(4 * starts.count + 1024) { shift += 1 }
        let buckets = Int(span >> UInt64(shift)) + 1
        // All that no segment reaches into keep the count.
        var first = [UInt32](repeating: UInt32(ends.count), count: buckets + 1)
        fill(&first, ends, lowest: lowest, shift: shift)
        self.lowest = lowest
        self.shift = shift
        self.first = first
    }

    var byteCount: Int { 4 * first.count }

    @inline(__always)
    func firstSegment(endingAfter offset: UInt32, ends: [UInt32]) -> Int? {
        guard offset >= lowest else { return nil }
        let bucket = Int((offset - lowest) >> shift)
        guard bucket + 1 < first.count else { return nil }
        var candidate = Int(first[bucket])
        // Four steps cover nearly every bucket of real text; a crowded one is searched by halves.
        for _ in 0..<4 {
            guard candidate < ends.count else { return nil }
            if ends[candidate] > offset { return candidate }
            candidate += 1
        }
        let bound = min(Int(first[bucket + 1]) + 1, ends.count)
        guard candidate < bound else { return candidate < ends.count && ends[candidate] > offset ? candidate : nil }
        candidate += lowerBound(bound - candidate) { ends[candidate + $0] <= offset }
        return candidate < ends.count ? candidate : nil
    }
}

private func fill(_ first: inout [UInt32], _ ends: [UInt32], lowest: UInt32, shift: UInt32) {
    let ends = ends.span
    var first = first.mutableSpan
    var bucket = 0
    for segment in ends.indices {
        let last = Int((ends[segment] - 1 - lowest) >> shift)
        while bucket <= last {
            first[bucket] = UInt32(truncatingIfNeeded: segment)
            bucket += 1
        }
    }
}
