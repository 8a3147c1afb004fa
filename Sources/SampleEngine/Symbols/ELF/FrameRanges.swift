/// The functions an image's unwind tables know: start and end of each frame description entry, sorted by start.
///
/// Reads `.eh_frame` (Linux Standard Base, "Exception Frames"; DWARF 4, section 6.4.1). A stripped image keeps it, so
/// it tells functions apart that have no symbol, and it bounds symbols that have no size. Only starts and ends are
/// kept; nothing is interpreted. A malformed entry ends the reading: what was read before it stays.
///
/// The table can be large, ten times the list of starts in `.eh_frame_hdr`, which is sorted, too. Where symbols name
/// nearly everything, few ends are ever asked for: then the list does, and an entry is read when its end is wanted.
struct FrameRanges: ~Copyable {
    /// Ascending, relative to the base.
    private var starts: [UInt32] = []
    /// As many, or none where the list stands for them.
    private var ends: [UInt32] = []
    private var list: FrameList?

    static let maximumEntries = 4_194_304
    static let maximumBytes: UInt64 = 512 << 20

    /// No ranges.
    init() {}

    /// Reads the ranges that lie inside `bounds`, as addresses relative to its lower end.
    ///
    /// - Parameters:
    ///   - bounds: image addresses, at most 4 GiB apart.
    ///   - symbolCount: how many functions have symbols.
    init(reading image: OpenImage, within bounds: Range<UInt64>, besides symbolCount: Int) {
        guard let table = Self.table(of: image) else { return }
        if var list = FrameList(of: image, table), list.count / 2 <= symbolCount,
            let starts = list.starts(within: bounds)
        {
            self.starts = starts
            self.list = consume list
            return
        }
        var reader = FrameReader(table: table, is64Bit: image.headers.is64Bit)
        // Packed so that they sort as numbers.
        var packed: [UInt64] = []
        while packed.count < Self.maximumEntries, let entry = try? reader.next(from: image.file) {
            guard case .range(let start, let end) = entry else { continue }
            guard start >= bounds.lowerBound, end <= bounds.upperBound, start < end else { continue }
            packed.append((start - bounds.lowerBound) << 32 | min(end - bounds.lowerBound, UInt64(UInt32.max)))
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

    /// Where a function begins, relative to the base.
    func start(_ index: Int) -> UInt32 { starts[index] }

    /// Where it ends; nil where that cannot be read.
    mutating func end(_ index: Int) -> UInt32? { ends.isEmpty ? list?.end(index) : ends[index] }

    /// The furthest a function at an address can reach: the end of the one that covers it, or the start of the next.
    mutating func limit(at address: UInt32) -> UInt32 {
        let next = lowerBound(count) { starts[$0] <= address }
        if next > 0, let end = end(next - 1), end > address { return end }
        return next < count ? starts[next] : .max
    }

    /// The table's bytes and its address: by section, else through the header the unwinder itself uses.
    private static func table(of image: OpenImage) -> FrameReader.Table? {
        let headers = image.headers
        for section in headers.sections(named: .exceptionFrames)
        where section.type != ELF.noBits && section.flags & ELF.allocatedSection != 0
            && !section.isCode && section.size > 0
        {
            guard section.size <= maximumBytes, let range = try? headers.fileRange(of: section) else { return nil }
            return FrameReader.Table(range: range, address: section.address)
        }
        for segment in headers.segments where segment.type == ELF.frameHeaderSegment {
            guard segment.fileSize >= 8,
                let bytes = try? image.file.bytes(at: segment.offset, count: 8), bytes[0] == 1,
                // The pointer to .eh_frame: in practice always relative to itself, signed 32 bits.
                bytes[1] == PointerEncoding.relative32
            else { continue }
            let address = segment.address &+ 4 &+ UInt64(bitPattern: Int64(Int32(bitPattern: bytes.u32(4))))
            for load in headers.segments
            where load.type == ELF.loadSegment && address >= load.address && address - load.address < load.fileSize {
                let size = min(load.fileSize - (address - load.address), maximumBytes)
                guard let range = headers.fileRange(at: address, count: size) else { continue }
                return FrameReader.Table(range: range, address: address)
            }
        }
        return nil
    }
}

/// The list in `.eh_frame_hdr`, which the unwinder searches: the start of each function, and where its entry is.
private struct FrameList: ~Copyable {
    let count: Int
    /// Pairs of signed 32-bit numbers relative to the header: a start and an entry.
    private let pairs: [UInt8]
    private let address: UInt64
    private var base: UInt64 = 0
    private let image: OpenImage
    private var reader: FrameReader
    /// Ends that may still be read, each about a microsecond: what asks for more was made to waste time.
    private var budget = 65_536

    /// Nil where there is none in the one form that linkers write.
    init?(of image: OpenImage, _ table: FrameReader.Table) {
        guard let segment = image.headers.segments.first(where: { $0.type == ELF.frameHeaderSegment }),
            segment.fileSize >= 12, let head = try? image.file.bytes(at: segment.offset, count: 12),
            // Version, and the forms of the pointer to the table, of the count, and of the pairs.
            head[0..<4] == [1, PointerEncoding.relative32, 0x03, 0x3b],
            head.u32(8) <= UInt32(FrameRanges.maximumEntries),
            let range = try? FileRange(
                offset: segment.offset, size: 12 + 8 * UInt64(head.u32(8)), fileSize: image.headers.fileSize),
            range.size <= segment.fileSize,
            let pairs = try? image.file.bytes(at: range.offset + 12, count: Int(range.size) - 12)
        else { return nil }
        (count, self.pairs, address) = (Int(head.u32(8)), pairs, segment.address)
        self.image = image
        // Entries are in no order: each is a small read.
        reader = FrameReader(table: table, is64Bit: image.headers.is64Bit, chunk: 64)
    }

    /// The starts, relative to the lower bound; nil where they are not sorted or not all inside.
    mutating func starts(within bounds: Range<UInt64>) -> [UInt32]? {
        base = bounds.lowerBound
        var starts: [UInt32] = []
        starts.reserveCapacity(count)
        var least = bounds.lowerBound
        for index in 0..<count {
            let start = address(8 * index)
            guard start >= least, start < bounds.upperBound else { return nil }
            starts.append(UInt32(truncatingIfNeeded: start - base))
            least = start + 1
        }
        return starts
    }

    /// The end of a function; nil also where the entry is of another one.
    mutating func end(_ index: Int) -> UInt32? {
        guard budget > 0 else { return nil }
        budget -= 1
        guard let range = reader.range(at: address(8 * index + 4), from: image.file),
            range.start == address(8 * index), range.end > range.start
        else { return nil }
        return UInt32(clamping: range.end - base)
    }

    private func address(_ offset: Int) -> UInt64 {
        address &+ UInt64(bitPattern: Int64(Int32(bitPattern: pairs.u32(offset))))
    }
}
