/// What the loader goes by: the tables an image needs to run, by address, so also without section headers.
///
/// gABI, chapter 5, "Dynamic Section". Nothing says how many symbols there are; the tables the loader looks names up
/// with do.
struct DynamicSegment {
    private var values: [UInt64: UInt64] = [:]
    private let image: ELFFile

    private enum Tag {
        static let relocationsSize: UInt64 = 2
        static let hash: UInt64 = 4
        static let strings: UInt64 = 5
        static let relocations: UInt64 = 7
        static let allRelocationsSize: UInt64 = 8
        static let symbols: UInt64 = 6
        static let stringsSize: UInt64 = 10
        static let linkageRelocations: UInt64 = 23
        static let gnuHash: UInt64 = 0x6fff_fef5
        static let versions: UInt64 = 0x6fff_fff0
        static let relativeCount: UInt64 = 0x6fff_fff9
    }

    /// Reads the segment's entries, nil where there is no such segment.
    init?(of image: ELFFile, in file: ImageFile) {
        // Images have some thirty entries.
        guard let segment = image.segments.first(where: { $0.type == ELF.dynamicSegment }),
            let range = try? FileRange(
                offset: segment.offset, size: min(segment.fileSize, 65_536), fileSize: image.fileSize),
            let bytes = try? file.bytes(at: range.offset, count: Int(range.size))
        else { return nil }
        self.image = image
        let word = image.is64Bit ? 8 : 4
        for entry in stride(from: 0, to: bytes.count - (2 * word - 1), by: 2 * word) {
            let (tag, value) =
                image.is64Bit
                ? (bytes.u64(entry), bytes.u64(entry + 8)) : (UInt64(bytes.u32(entry)), UInt64(bytes.u32(entry + 4)))
            if tag == 0 { break }
            if values[tag] == nil { values[tag] = value }
        }
    }

    /// The dynamic symbols, nil where there are none.
    func symbolTable(in file: ImageFile) throws(ELFError) -> SymbolTablePlace? {
        guard let symbols = values[Tag.symbols], let strings = values[Tag.strings],
            let stringsSize = values[Tag.stringsSize], stringsSize <= UInt64(NameReference.maximumOffset),
            let count = try symbolCount(in: file), count > 0
        else { return nil }
        guard let entries = image.fileRange(at: symbols, count: UInt64(count) * (image.is64Bit ? 24 : 16)),
            let names = image.fileRange(at: strings, count: stringsSize)
        else { throw .truncated }
        let versions = values[Tag.versions].flatMap { image.fileRange(at: $0, count: 2 * UInt64(count)) }
        return SymbolTablePlace(isDynamic: true, entries: entries, names: names, indices: nil, versions: versions)
    }

    /// The relocations of the slots that linkage stubs jump through.
    var linkageRelocations: FileRange? {
        guard let address = values[Tag.linkageRelocations], let size = values[Tag.relocationsSize] else { return nil }
        return image.fileRange(at: address, count: size)
    }

    /// The relocations of everything else; those of the linkage stubs may be among them.
    var relocations: FileRange? {
        guard let address = values[Tag.relocations], let size = values[Tag.allRelocationsSize] else { return nil }
        return image.fileRange(at: address, count: size)
    }

    /// How many entries at the front of a relocation table only add where the image is: most of them, in large images.
    func relativeCount(ofTableAt address: UInt64) -> UInt64 {
        values[Tag.relocations] == address ? values[Tag.relativeCount] ?? 0 : 0
    }

    private func symbolCount(in file: ImageFile) throws(ELFError) -> Int? {
        if let table = values[Tag.hash], let head = image.fileRange(at: table, count: 8) {
            // There is one chain entry for each symbol.
            let count = try file.bytes(at: head.offset, count: 8).u32(4)
            if count > UInt32(ELF.maximumSymbols) { throw .tooLarge }
            return Int(count)
        }
        return try values[Tag.gnuHash].map { table throws(ELFError) in try gnuHashCount(at: table, in: file) }
    }

    /// The table sorts symbols by bucket: the last one ends the chain of the bucket that begins last.
    private func gnuHashCount(at table: UInt64, in file: ImageFile) throws(ELFError) -> Int {
        guard let head = image.fileRange(at: table, count: 16) else { throw .truncated }
        let header = try file.bytes(at: head.offset, count: 16)
        let (bucketCount, first, bloomCount) = (header.u32(0), header.u32(4), header.u32(8))
        if bucketCount > UInt32(ELF.maximumSymbols) || bloomCount > UInt32(ELF.maximumSymbols) { throw .tooLarge }
        let bucketOffset = 16 + UInt64(bloomCount) * (image.is64Bit ? 8 : 4)
        let chainOffset = bucketOffset + 4 * UInt64(bucketCount)
        guard let whole = image.fileRange(at: table, count: chainOffset) else { throw .truncated }
        var last: UInt32 = 0
        let buckets = try FileRange(
            offset: whole.offset + bucketOffset, size: 4 * UInt64(bucketCount), fileSize: image.fileSize)
        var entries = try EntryReader(in: buckets, entrySize: 4, limit: ELF.maximumSymbols)
        while try entries.next(from: file) {
            for index in 0..<entries.count { last = max(last, entries.bytes.u32(4 * index)) }
        }
        // Symbols before the first one are looked up elsewhere.
        guard last >= first else { return Int(min(first, UInt32(ELF.maximumSymbols))) }
        let chains = try FileRange(
            offset: whole.end, size: image.fileSize - whole.end, fileSize: image.fileSize)
        var window = FileWindow(over: chains, chunk: 4096)
        while last < UInt32(ELF.maximumSymbols) {
            let place = try window.fetch(whole.end + 4 * UInt64(last - first), 4, from: file)
            // The lowest bit ends a chain.
            if window.bytes.u32(place) & 1 == 1 { return Int(last) + 1 }
            last += 1
        }
        throw .tooLarge
    }
}

extension OpenImage {
    /// The dynamic symbols, found by section headers or, in a file without any, the way the loader finds them.
    func dynamicSymbols() throws(ELFError) -> SymbolTablePlace? {
        if headers.sections.isEmpty { return try DynamicSegment(of: headers, in: file)?.symbolTable(in: file) }
        return try headers.symbolTable(ELF.dynamicSymbols)
    }
}
