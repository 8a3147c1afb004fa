/// Takes the functions of a table one after the other.
protocol CandidateSink: ~Copyable {
    /// Makes room for about so many.
    mutating func expect(_ count: Int)
    mutating func take(_ candidate: SymbolCandidate)
    /// Whether more would be of no use.
    var isFull: Bool { get }
}

/// Functions in the order of their tables, up to a limit and a few more.
struct CandidateList: CandidateSink {
    var candidates: [SymbolCandidate] = []
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Growing by doubling would copy a large table several times and hold two of them.
    mutating func expect(_ count: Int) {
        candidates.reserveCapacity(min(candidates.count + count, limit + 4096))
    }

    @inline(__always)
    mutating func take(_ candidate: SymbolCandidate) { candidates.append(candidate) }

    @inline(__always)
    var isFull: Bool { candidates.count > limit }

    /// Gives them away.
    mutating func takeCandidates() -> [SymbolCandidate] {
        var result: [SymbolCandidate] = []
        swap(&result, &candidates)
        return result
    }
}

/// Reads the functions that one symbol table names, as often as they are wanted.
struct SymbolReading {
    /// Entries of the table, functions or not.
    let entryCount: Int
    private let table: SymbolTablePlace
    private let image: OpenImage
    private let sections: CodeSections

    /// What reading a table has found out besides its functions.
    struct Finding {
        /// Inside the window.
        var functions = 0
        /// Whether there were local objects or labels. Those are what is left out first of a table that
        /// does not name all functions: by `strip --keep-symbol` and `strip --discard-all`.
        var hasLocalMarks = false
    }

    /// - Throws: `tooLarge` for a table of more than 8 Mi symbols.
    init(_ table: SymbolTablePlace, of image: OpenImage) throws(ELFError) {
        self.table = table
        self.image = image
        sections = CodeSections(image.headers)
        let count = table.entries.size / UInt64(image.headers.is64Bit ? 24 : 16)
        if count > UInt64(ELF.maximumSymbols) { throw .tooLarge }
        entryCount = Int(count)
    }

    /// Bytes of memory held.
    var byteCount: Int { sections.byteCount + 128 }

    /// Gives the functions inside a window away, until the sink is full.
    ///
    /// - Throws: `truncated` besides read errors.
    func read<Sink: CandidateSink & ~Copyable>(
        within window: CodeWindow, into sink: inout Sink
    ) throws(ELFError) -> Finding {
        var (functions, hasLocalMarks) = (0, false)
        let (is64Bit, isARM) = (image.headers.is64Bit, image.headers.machine == ELF.arm)
        let entrySize = is64Bit ? 24 : 16
        let (strings, sections) = (table.names, sections)
        let place: NameReference.Place = table.isDynamic ? .dynamicSymbols : .symbols
        var details = Details(of: table)
        var firstLetters = FirstLetters(range: strings)
        var entries = try EntryReader(in: table.entries, entrySize: entrySize, limit: ELF.maximumSymbols)
        sink.expect(entryCount)
        while !sink.isFull, try entries.next(from: image.file) {
            let bytes = unsafe entries.bytes.span.bytes
            for index in 0..<entries.count {
                let symbol = RawSymbol(bytes, at: index * entrySize, is64Bit: is64Bit)
                if !hasLocalMarks { hasLocalMarks = symbol.isLocalMark }
                guard symbol.isCode, symbol.name != 0, UInt64(symbol.name) < strings.size else { continue }
                let number = entries.first + index
                // Bit 0 of a 32-bit ARM function says Thumb; it is no part of the address.
                let address = isARM && symbol.isFunction ? symbol.value & ~1 : symbol.value
                let section = try details.sectionIndex(number, symbol.section, image.file)
                guard address != 0, let sectionEnd = sections.end(section, at: address), address < sectionEnd else {
                    continue
                }
                let (end, overflow) = address.addingReportingOverflow(symbol.size)
                guard let range = window.part(address, symbol.size == 0 || overflow ? sectionEnd : end) else {
                    continue
                }
                if !symbol.isFunction, try firstLetters.isMarker(symbol.name, image.file) { continue }
                let binding = symbol.binding
                let isExported = try details.isExported(number, binding, image.file)
                functions += 1
                sink.take(
                    SymbolCandidate(
                        start: range.start, end: range.end, name: NameReference(place, symbol.name),
                        rank: SymbolRank(
                            isSized: symbol.size != 0, isFunction: symbol.isFunction, isExported: isExported,
                            binding: binding)))
            }
        }
        return Finding(functions: functions, hasLocalMarks: hasLocalMarks)
    }

    /// What runs along a symbol table.
    private struct Details: ~Copyable {
        private let isDynamic: Bool
        private var indices: FileWindow?
        private var versions: FileWindow?

        init(of table: SymbolTablePlace) {
            isDynamic = table.isDynamic
            indices = table.indices.map { FileWindow(over: $0) }
            versions = table.versions.map { FileWindow(over: $0) }
        }

        @inline(__always)
        mutating func sectionIndex(_ symbol: Int, _ stated: UInt16, _ file: ImageFile) throws(ELFError) -> Int {
            if stated != 0xffff { return stated >= 0xff00 ? 0 : Int(stated) }
            guard let range = indices?.range, 4 * UInt64(symbol) + 4 <= range.size,
                let place = try indices?.fetch(range.offset + 4 * UInt64(symbol), 4, from: file)
            else { return 0 }
            return Int(indices?.bytes.u32(place) ?? 0)
        }

        @inline(__always)
        mutating func isExported(
            _ symbol: Int, _ binding: SymbolRank.Binding, _ file: ImageFile
        ) throws(ELFError) -> Bool {
            guard isDynamic, binding != .local else { return false }
            guard let range = versions?.range, 2 * UInt64(symbol) + 2 <= range.size,
                let place = try versions?.fetch(range.offset + 2 * UInt64(symbol), 2, from: file)
            else { return true }
            return (versions?.bytes.u16(place) ?? 0) & 0x8000 == 0
        }
    }
}

/// An entry of a symbol table (gABI, "Symbol Table").
private struct RawSymbol {
    let name: UInt32
    let info: UInt8
    let section: UInt16
    let value: UInt64
    let size: UInt64

    @inline(__always)
    init(_ bytes: RawSpan, at base: Int, is64Bit: Bool) {
        name = bytes.number(base)
        if is64Bit {
            info = bytes.number(base + 4)
            section = bytes.number(base + 6)
            value = bytes.number(base + 8)
            size = bytes.number(base + 16)
        } else {
            value = UInt64(bytes.number(base + 4) as UInt32)
            size = UInt64(bytes.number(base + 8) as UInt32)
            info = bytes.number(base + 12)
            section = bytes.number(base + 14)
        }
    }

    /// FUNC, GNU_IFUNC, or NOTYPE, which assembly leaves when nobody says `.type`.
    @inline(__always)
    var isCode: Bool { info & 15 == 2 || info & 15 == 10 || info & 15 == 0 }
    @inline(__always)
    var isFunction: Bool { info & 15 != 0 }
    /// A local symbol of an object or a label, as every whole table has some.
    @inline(__always)
    var isLocalMark: Bool { info == 1 || info == 0 && name != 0 }

    var binding: SymbolRank.Binding {
        switch info >> 4 {
        case 0: .local
        case 2: .weak
        default: .global
        }
    }
}

/// Which sections hold code, and where they end; in a file without section headers, segments stand for them.
private struct CodeSections {
    private let ends: [UInt64]
    private let segments: [Range<UInt64>]
    private let owners: RangeOwners

    init(_ image: borrowing ELFFile) {
        ends = image.sections.map { section in
            let (end, overflow) = section.address.addingReportingOverflow(section.size)
            return section.isCode && !overflow ? end : 0
        }
        segments = ends.isEmpty ? image.segments.filter(\.isCode).map(\.addresses) : []
        owners = RangeOwners(segments)
    }

    var byteCount: Int { 8 * ends.count + 16 * segments.count + owners.byteCount }

    /// The end of a section of code, nil for any other, and so for undefined, absolute and common symbols.
    @inline(__always)
    func end(_ index: Int, at address: UInt64) -> UInt64? {
        if ends.isEmpty { return index == 0 ? nil : owners.owner(of: address).map { segments[$0].upperBound } }
        return index < ends.count && ends[index] != 0 ? ends[index] : nil
    }
}

/// Tells mapping symbols (`$x`, `$d.1`) from names, by reading the name's first bytes.
///
/// They mark where code and data begin inside a function (ELF for the Arm 64-bit Architecture, "Mapping symbols") and
/// are the only symbols whose name must be known while a table is read.
private struct FirstLetters: ~Copyable {
    private let range: FileRange
    private var window: FileWindow
    /// Steps that may leave the window; tables of compilers go forward and need few.
    private var budget = 100_000

    /// - Parameter range: the string table.
    init(range: FileRange) {
        self.range = range
        window = FileWindow(over: range, chunk: 4096)
    }

    /// Names without a budget count as markers: only labels outside of functions are lost by that.
    mutating func isMarker(_ name: UInt32, _ file: ImageFile) throws(ELFError) -> Bool {
        guard UInt64(name) + 3 <= range.size else { return false }
        let offset = range.offset + UInt64(name)
        if !window.holds(offset, 3) {
            if budget == 0 { return true }
            budget -= 1
        }
        let place = try window.fetch(offset, 3, from: file)
        let (mark, letter, end) = (window.bytes[place], window.bytes[place + 1], window.bytes[place + 2])
        return mark == 0x24 && [0x61, 0x64, 0x74, 0x78].contains(letter) && (end == 0 || end == 0x2e)
    }
}
