/// The functions that symbol tables name, from one file or from several that describe the same image.
struct SymbolReading {
    /// In the order of the tables, relative to the lower end of the bounds.
    private(set) var candidates: [SymbolCandidate] = []
    private let bounds: Range<UInt64>
    /// Entries of the tables, functions or not.
    private(set) var entryCount = 0

    /// - Parameter bounds: addresses of the image's code, at most 4 GiB apart; functions outside are left out.
    init(within bounds: Range<UInt64>) { self.bounds = bounds }

    /// Reads a symbol table and returns how many functions it has inside the bounds; after an error it has none.
    ///
    /// - Throws: `truncated` and `tooLarge` (more than 8 Mi symbols in all) besides read errors.
    mutating func read(_ table: SymbolTablePlace, of image: OpenImage) throws(ELFError) -> Int {
        let before = candidates.count
        do {
            try readEntries(table, Details(of: table, image), image)
        } catch {
            candidates.removeLast(candidates.count - before)
            throw error
        }
        return candidates.count - before
    }

    /// What runs along a symbol table.
    private struct Details {
        let isDynamic: Bool
        private var indices: [UInt8] = []
        private var versions: [UInt8] = []

        init(of table: SymbolTablePlace, _ image: OpenImage) throws(ELFError) {
            isDynamic = table.isDynamic
            if let range = table.indices { indices = try image.file.bytes(at: range.offset, count: Int(range.size)) }
            if let range = table.versions { versions = try image.file.bytes(at: range.offset, count: Int(range.size)) }
        }

        func sectionIndex(_ symbol: Int, _ stated: UInt16) -> Int {
            guard stated == 0xffff else { return stated >= 0xff00 ? 0 : Int(stated) }
            return 4 * symbol + 4 <= indices.count ? Int(indices.u32(4 * symbol)) : 0
        }

        func isExported(_ symbol: Int, _ binding: SymbolRank.Binding) -> Bool {
            guard isDynamic, binding != .local else { return false }
            return 2 * symbol + 2 > versions.count || versions.u16(2 * symbol) & 0x8000 == 0
        }
    }

    private mutating func readEntries(
        _ table: SymbolTablePlace, _ details: Details, _ image: OpenImage
    ) throws(ELFError) {
        let (bounds, strings) = (bounds, table.names)
        let entrySize = image.headers.is64Bit ? 24 : 16
        entryCount += Int(min(table.entries.size / UInt64(entrySize), UInt64(ELF.maximumSymbols) + 1))
        if entryCount > ELF.maximumSymbols { throw .tooLarge }
        // Growing by doubling would copy a large table several times and hold two of them.
        candidates.reserveCapacity(candidates.count + min(Int(table.entries.size) / entrySize, 1 << 20))
        let place: NameReference.Place = table.isDynamic ? .dynamicSymbols : .symbols
        let (is64Bit, isARM) = (image.headers.is64Bit, image.headers.machine == ELF.arm)
        let sections = CodeSections(image.headers)
        var firstLetters = FirstLetters(range: strings)
        try image.file.visitEntries(
            in: table.entries, entrySize: entrySize, limit: ELF.maximumSymbols
        ) { chunk throws(ELFError) in
            let bytes = unsafe chunk.bytes.span.bytes
            for index in 0..<chunk.count {
                let symbol = RawSymbol(bytes, at: index * entrySize, is64Bit: is64Bit)
                guard symbol.isCode, symbol.name != 0, UInt64(symbol.name) < strings.size else { continue }
                let number = chunk.first + index
                // Bit 0 of a 32-bit ARM function says Thumb; it is no part of the address.
                let address = isARM && symbol.isFunction ? symbol.value & ~1 : symbol.value
                let section = details.sectionIndex(number, symbol.section)
                guard let sectionEnd = sections.end(section, at: address) else { continue }
                guard address != 0, bounds.contains(address), address < sectionEnd else { continue }
                if !symbol.isFunction, try firstLetters.isMarker(symbol.name, image.file) { continue }
                let (end, overflow) = address.addingReportingOverflow(symbol.size)
                let stop = min(symbol.size == 0 || overflow ? sectionEnd : end, bounds.upperBound)
                let binding = symbol.binding
                candidates.append(
                    SymbolCandidate(
                        start: UInt32(truncatingIfNeeded: address - bounds.lowerBound),
                        end: UInt32(truncatingIfNeeded: min(stop - bounds.lowerBound, UInt64(UInt32.max))),
                        name: NameReference(place, symbol.name),
                        rank: SymbolRank(
                            isSized: symbol.size != 0, isFunction: symbol.isFunction,
                            isExported: details.isExported(number, binding), binding: binding)))
            }
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

    init(_ image: borrowing ELFFile) {
        ends = image.sections.map { section in
            let (end, overflow) = section.address.addingReportingOverflow(section.size)
            return section.isCode && !overflow ? end : 0
        }
        segments =
            !ends.isEmpty
            ? []
            : image.segments.filter(\.isCode).compactMap { segment in
                let (end, overflow) = segment.address.addingReportingOverflow(segment.fileSize)
                return overflow ? nil : segment.address..<end
            }
    }

    /// The end of a section of code, nil for any other, and so for undefined, absolute and common symbols.
    @inline(__always)
    func end(_ index: Int, at address: UInt64) -> UInt64? {
        if ends.isEmpty { return index == 0 ? nil : segments.first { $0.contains(address) }?.upperBound }
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
    mutating func isMarker(_ name: UInt32, _ file: borrowing Descriptor) throws(ELFError) -> Bool {
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

extension SymbolReading {
    /// Gives the candidates away, with some more.
    mutating func takeCandidates(adding more: [SymbolCandidate]) -> [SymbolCandidate] {
        var result: [SymbolCandidate] = []
        swap(&result, &candidates)
        result.append(contentsOf: more)
        return result
    }
}
