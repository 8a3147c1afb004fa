/// Where the unwind tables of an image stand: `.eh_frame`, and the list in `.eh_frame_hdr` that unwinders search.
///
/// Linux Standard Base, "Exception Frames"; DWARF 4, section 6.4.1. Only starts and ends of functions are read; nothing
/// is interpreted.
struct FrameTables {
    let image: OpenImage
    let list: List?
    private let table: FrameReader.Table

    private static let maximumEntries: UInt32 = 4_194_304
    private static let maximumBytes: UInt64 = 512 << 20

    init?(of image: OpenImage) {
        guard let table = Self.table(of: image) else { return nil }
        self.image = image
        self.table = table
        list = List(of: image)
    }

    /// The start of each function, and where its entry is: pairs of signed 32-bit numbers relative to the header.
    struct List {
        let range: FileRange
        let count: Int
        private let address: UInt64

        /// Nil where there is none in the one form that linkers write.
        fileprivate init?(of image: OpenImage) {
            guard let segment = image.headers.segments.first(where: { $0.type == ELF.frameHeaderSegment }),
                segment.fileSize >= 12, let head = try? image.file.bytes(at: segment.offset, count: 12),
                // Version, and the forms of the pointer to the table, of the count, and of the pairs.
                head[0..<4] == [1, PointerEncoding.relative32, 0x03, 0x3b],
                head.u32(8) <= FrameTables.maximumEntries, 8 * UInt64(head.u32(8)) <= segment.fileSize - 12,
                let range = try? FileRange(
                    offset: segment.offset + 12, size: 8 * UInt64(head.u32(8)), fileSize: image.headers.fileSize)
            else { return nil }
            self.range = range
            count = Int(head.u32(8))
            address = segment.address
        }

        /// Of the pair at an offset of some bytes.
        @inline(__always)
        func start(_ pairs: [UInt8], _ offset: Int) -> UInt64 { place(pairs, offset) }
        @inline(__always)
        func entry(_ pairs: [UInt8], _ offset: Int) -> UInt64 { place(pairs, offset + 4) }

        @inline(__always)
        private func place(_ pairs: [UInt8], _ offset: Int) -> UInt64 {
            address &+ UInt64(bitPattern: Int64(Int32(bitPattern: pairs.u32(offset))))
        }
    }

    /// Reads entries from the first on.
    func reader(chunk: Int = 65_536) -> FrameReader {
        FrameReader(table: table, is64Bit: image.headers.is64Bit, chunk: chunk)
    }

    // MARK: Few functions of many

    /// Whether the list can be searched by halves: sorted, and of code alone.
    func hasSortedList(in layout: CodeLayout) throws(ELFError) -> Bool {
        guard let list else { return false }
        var least: UInt64 = 0
        var entries = try EntryReader(in: list.range, entrySize: 8, limit: list.count)
        while try entries.next(from: image.file) {
            for index in 0..<entries.count {
                let start = list.start(entries.bytes, 8 * index)
                guard start >= least, layout.bounds.contains(start) else { return false }
                least = start + 1
            }
        }
        return true
    }

    /// For each of some offsets of a window, ascending: the last function that begins there or before, and the next.
    ///
    /// What is said of a function is its start, and its end where that matters for one of the offsets.
    /// - Parameter isSearched: whether the list is used.
    /// - Returns: in order of start, each once.
    func ranges(
        around offsets: [UInt32], in window: CodeWindow, isSearched: Bool
    ) throws(ELFError) -> [Range<UInt32>] {
        var found: [UInt32: UInt32] = [:]
        func add(_ last: Range<UInt32>?, _ next: UInt32?) {
            if let last {
                let end = min(last.upperBound, next ?? .max)
                found[last.lowerBound] = max(found[last.lowerBound] ?? 0, end)
            }
            if let next { found[next] = max(found[next] ?? 0, next) }
        }
        if isSearched, let list {
            var reader = reader(chunk: 64)
            for offset in offsets {
                let (last, next) = try search(list, window.address(of: offset), &reader)
                add(
                    last.flatMap { range in
                        window.offset(of: range.start).map { $0..<(window.part(range.start, range.end)?.end ?? $0) }
                    }, next.flatMap { window.offset(of: $0) })
            }
        } else {
            try walk(around: offsets, in: window, add)
        }
        return found.sorted { $0.key < $1.key }.map { $0.key..<$0.value }
    }

    private func search(
        _ list: List, _ address: UInt64, _ reader: inout FrameReader
    ) throws(ELFError) -> (last: (start: UInt64, end: UInt64)?, next: UInt64?) {
        func pair(_ index: Int) throws(ELFError) -> [UInt8] {
            try image.file.bytes(at: list.range.offset + 8 * UInt64(index), count: 8)
        }
        var (low, high) = (0, list.count)
        while low < high {
            let middle = low + (high - low) / 2
            if try list.start(pair(middle), 0) <= address { low = middle + 1 } else { high = middle }
        }
        let next = low < list.count ? try list.start(pair(low), 0) : nil
        guard low > 0 else { return (nil, next) }
        let pair = try pair(low - 1)
        let start = list.start(pair, 0)
        guard let range = reader.range(at: list.entry(pair, 0), from: image.file), range.start == start else {
            // It is there, but nobody knows how far it reaches.
            return ((start, start), next)
        }
        return (range, next)
    }

    private func walk(
        around offsets: [UInt32], in window: CodeWindow, _ add: (Range<UInt32>?, UInt32?) -> Void
    ) throws(ELFError) {
        // Between one offset and the next: the first start, and the last range.
        var firsts = [UInt32?](repeating: nil, count: offsets.count + 1)
        var lasts = [Range<UInt32>?](repeating: nil, count: offsets.count + 1)
        let index = SortedOffsets(offsets)
        var reader = reader()
        while let entry = try? reader.next(from: image.file) {
            guard case .range(let start, let end) = entry, let part = window.part(start, end),
                UInt64(part.end - part.start) == end - start
            else { continue }
            let place = index.position(of: part.start)
            firsts[place] = min(firsts[place] ?? .max, part.start)
            // Of several with one start, the first counts.
            if lasts[place].map({ $0.lowerBound < part.start }) ?? true { lasts[place] = part.start..<part.end }
        }
        try image.file.meter.check()
        var next = firsts[offsets.count]
        var nexts: [UInt32?] = []
        for place in offsets.indices.reversed() {
            nexts.append(next)
            next = firsts[place] ?? next
        }
        var last: Range<UInt32>?
        for place in offsets.indices {
            last = lasts[place] ?? last
            add(last, nexts[offsets.count - 1 - place])
        }
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
            guard let range = headers.fileRange(from: address, atMost: maximumBytes) else { return nil }
            return FrameReader.Table(range: range, address: address)
        }
        return nil
    }
}
