/// The functions of a program written in Go, by the table that its runtime needs, so that a stripped one has it, too.
///
/// `.gopclntab`, of Go 1.2, 1.16, 1.18 and 1.20 and later, which differ in their magic number and in whether places are
/// addresses or offsets from the beginning of the text (`debug/gosym` and `runtime/symtab.go` of the Go sources). Every
/// number is checked against the size of what the table stands in before it is used. Functions are listed in order, each
/// ends where the next begins.
struct GoTable {
    /// How many functions there are.
    let count: Int
    private let image: OpenImage
    /// The table, as far as it can reach.
    private let whole: FileRange
    /// Places in `whole`.
    private let functions: UInt64
    private let records: UInt64
    private let names: UInt64
    /// Bytes of a place of code in the list, and in a function's record.
    private let width: Int
    /// What places count from.
    private let text: UInt64

    private static let maximumCount: UInt64 = 4_194_304
    /// Without a section of its own the table is looked for in what the program only reads, which is most of a library.
    private static let searchedBytes: UInt64 = 256 << 20

    /// Finds the table by its section, else by its first bytes; nil where there is none.
    init?(of image: OpenImage, _ layout: CodeLayout) throws(ELFError) {
        for name in [SectionName.goTable, .relocatedGoTable] {
            for section in image.headers.sections(named: name) {
                guard let range = try? image.headers.fileRange(of: section) else { continue }
                if let table = try GoTable(image, range, at: section.address, layout) {
                    self = table
                    return
                }
            }
        }
        guard Self.mayHaveGo(image.headers) else { return nil }
        var budget = Self.searchedBytes
        for segment in Self.places(in: image.headers) where budget > 0 {
            // The table begins where addresses are multiples of 8.
            let skipped = (0 &- segment.address) & 7
            guard segment.fileSize > skipped, segment.offset <= image.headers.fileSize else { continue }
            let (start, size) = (segment.offset + skipped, min(segment.fileSize - skipped, budget))
            guard let range = try? FileRange(offset: start, size: size, fileSize: image.headers.fileSize) else {
                continue
            }
            budget -= size
            var entries = try EntryReader(in: range, entrySize: 8, limit: .max)
            while try entries.next(from: image.file) {
                for index in 0..<entries.count where Self.isMagic(entries.bytes, 8 * index) {
                    let place = UInt64(entries.first + index) * 8
                    guard
                        let rest = try? FileRange(
                            offset: start + place, size: size - place, fileSize: image.headers.fileSize),
                        let table = try GoTable(image, rest, at: segment.address &+ skipped &+ place, layout)
                    else { continue }
                    self = table
                    return
                }
            }
        }
        return nil
    }

    /// Whether all that a program only reads, up to all of a large library, is worth being read: not where its sections have
    /// names and none is of those that every Go linker makes, also for a stripped program.
    private static func mayHaveGo(_ image: ELFFile) -> Bool {
        let marks: [SectionName] = [.goFacts, .goNote, .goTable, .relocatedGoTable]
        return image.sections(named: .text).isEmpty || marks.contains { !image.sections(named: $0).isEmpty }
    }

    /// What is never written to once the program runs; the last two hold the table only in odd layouts.
    private static func places(in image: ELFFile) -> [ELFFile.Segment] {
        let loaded = image.segments.filter { $0.type == ELF.loadSegment && $0.flags & ELF.writableSegment == 0 }
        let constants = loaded.filter { !$0.isCode }
        return image.segments.filter { $0.type == ELF.relocatedSegment } + (constants.isEmpty ? loaded : constants)
    }

    /// The magic number of any layout, two zeros, the least distance of instructions, the size of a pointer.
    @inline(__always)
    private static func isMagic(_ bytes: [UInt8], _ offset: Int) -> Bool {
        let word = bytes.u64(offset)
        guard word & 0xffff_fff4 == 0xffff_fff0, word >> 32 & 0xffff == 0 else { return false }
        return [0xf0, 0xf1, 0xfa, 0xfb].contains(bytes[offset]) && [1, 2, 4].contains(bytes[offset + 6])
            && [4, 8].contains(bytes[offset + 7])
    }

    /// Checks the header; nil for anything that is no such table, or whose code is not this image's.
    private init?(
        _ image: OpenImage, _ whole: FileRange, at address: UInt64, _ layout: CodeLayout
    ) throws(ELFError) {
        let pointer = image.headers.is64Bit ? 8 : 4
        let headerSize = 8 + 8 * pointer
        guard whole.size >= UInt64(headerSize) else { return nil }
        let header = try image.file.bytes(at: whole.offset, count: headerSize)
        guard Self.isMagic(header, 0), Int(header[7]) == pointer else { return nil }
        func word(_ index: Int) -> UInt64 {
            pointer == 8 ? header.u64(8 + 8 * index) : UInt64(header.u32(8 + 4 * index))
        }
        let hasOffsets = header[0] == 0xf0 || header[0] == 0xf1
        (self.image, self.whole) = (image, whole)
        switch header[0] {
        case 0xfb: (functions, records, names) = (UInt64(8 + pointer), 0, 0)
        case 0xfa: (functions, records, names) = (word(6), word(6), word(2))
        default: (functions, records, names) = (word(7), word(7), word(3))
        }
        width = hasOffsets ? 4 : pointer
        let entrySize = UInt64(2 * width)
        guard word(0) > 0, word(0) <= Self.maximumCount, functions < whole.size, names < whole.size,
            word(0) * entrySize + UInt64(width) <= whole.size - functions
        else { return nil }
        count = Int(word(0))
        // The first function's record says again where it begins, and the last one ends where code ends.
        let first = try image.file.bytes(at: whole.offset + functions, count: 2 * width)
        let end = try image.file.bytes(at: whole.offset + functions + word(0) * entrySize, count: width)
        let places = (Self.number(first, 0, width), Self.number(end, 0, width))
        let record = records.addingReportingOverflow(Self.number(first, width, width))
        guard !record.overflow, record.partialValue < whole.size, whole.size - record.partialValue >= UInt64(width + 4),
            try Self.number(image.file.bytes(at: whole.offset + record.partialValue, count: width), 0, width)
                == places.0,
            places.0 < places.1
        else { return nil }
        guard hasOffsets else {
            guard layout.window(of: places.0) != nil, layout.window(of: places.1 - 1) != nil else { return nil }
            text = 0
            return
        }
        func isCode(_ text: UInt64) -> Bool {
            text != 0 && layout.window(of: text &+ places.0) != nil && layout.window(of: text &+ places.1 &- 1) != nil
        }
        if isCode(word(2)) {
            text = word(2)
            return
        }
        // A program that may lie anywhere: the loader writes the address, or (since Go 1.26) nobody does.
        if let start = try image.relativeTarget(ofSlot: address &+ UInt64(8 + 2 * pointer)), isCode(start) {
            text = start
            return
        }
        guard let start = image.headers.textStart, isCode(start) else { return nil }
        text = start
        // Where another linker put other code in front, the text begins later. Only the place that a program begins at
        // proves that it does not.
        let entry = image.headers.entry &- start
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            let bytes = try image.file.bytes(at: whole.offset + functions + UInt64(middle) * entrySize, count: width)
            if Self.number(bytes, 0, width) < entry { low = middle + 1 } else { high = middle }
        }
        guard low < count,
            try Self.number(
                image.file.bytes(at: whole.offset + functions + UInt64(low) * entrySize, count: width), 0, width)
                == entry
        else { return nil }
    }

    @inline(__always)
    private static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64 {
        width == 8 ? bytes.u64(offset) : UInt64(bytes.u32(offset))
    }

    /// Gives the functions inside a window away, until the sink is full, and returns how many.
    ///
    /// - Throws: `truncated` for a list that is not in order.
    func read<Sink: CandidateSink & ~Copyable>(
        within window: CodeWindow, into sink: inout Sink
    ) throws(ELFError) -> Int {
        let list = try FileRange(
            offset: whole.offset + functions, size: UInt64(count * 2 * width), fileSize: image.headers.fileSize)
        let rank = SymbolRank(isSized: true, isFunction: true, isExported: false, binding: .local)
        var found = 0
        var open: (start: UInt64, record: UInt64)?
        func close(_ end: UInt64, into sink: inout Sink) throws(ELFError) {
            guard let function = open else { return }
            guard end >= function.start else { throw .truncated }
            guard function.record <= UInt64(NameReference.maximumOffset),
                let part = window.part(function.start, end)
            else { return }
            found += 1
            sink.take(
                SymbolCandidate(
                    start: part.start, end: part.end,
                    name: NameReference(.symbols, UInt32(truncatingIfNeeded: function.record)), rank: rank))
        }
        sink.expect(count)
        var entries = try EntryReader(in: list, entrySize: 2 * width, limit: count)
        while !sink.isFull, try entries.next(from: image.file) {
            for index in 0..<entries.count {
                let start = text &+ Self.number(entries.bytes, 2 * width * index, width)
                try close(start, into: &sink)
                open = (start, Self.number(entries.bytes, 2 * width * index + width, width))
            }
        }
        if !sink.isFull {
            let end = try image.file.bytes(at: list.end, count: width)
            try close(text &+ Self.number(end, 0, width), into: &sink)
        }
        return found
    }

    /// The name of the function whose record is at an offset.
    func name(at record: UInt32) throws(ELFError) -> [UInt8] {
        let place = records + UInt64(record) + UInt64(width)
        guard place < whole.size, whole.size - place >= 4 else { throw .truncated }
        let offset = names + UInt64(try image.file.bytes(at: whole.offset + place, count: 4).u32(0))
        guard offset <= UInt64(UInt32.max) else { throw .truncated }
        return try image.string(at: UInt32(truncatingIfNeeded: offset), in: whole, hasVersions: false)
    }
}

extension OpenImage {
    /// What the loader writes into a slot that holds an address of the image itself; nil where it writes none.
    fileprivate func relativeTarget(ofSlot slot: UInt64) throws(ELFError) -> UInt64? {
        let types: [UInt16: UInt32] = [ELF.intel64: 8, ELF.aarch64: 1027]
        guard headers.is64Bit, let type = types[headers.machine],
            let table = DynamicSegment(of: headers, in: file)?.relocations
        else { return nil }
        var entries = try EntryReader(in: table, entrySize: 24, limit: ELF.maximumSymbols)
        while try entries.next(from: file) {
            for index in 0..<entries.count
            where entries.bytes.u64(24 * index) == slot && entries.bytes.u32(24 * index + 8) == type {
                return entries.bytes.u64(24 * index + 16)
            }
        }
        return nil
    }
}
