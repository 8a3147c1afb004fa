/// An ELF file that is open: its headers, and whether it is still what it was when they were read.
final class OpenImage {
    let file: ImageFile
    private(set) var headers: ELFFile
    private var hasForgotten = false
    /// Size and time of the last write when the headers were read.
    let stamp: FileStamp

    /// Reads the headers of an open regular file.
    ///
    /// - Parameter meter: pays for all that is read of the file, also later.
    init(_ file: consuming ForeignFile, meter: ReadingMeter = ReadingMeter()) throws(ELFError) {
        let file = ImageFile(file, meter)
        let stamp = try file.stamp()
        meter.begin()
        defer { meter.end() }
        headers = try ELFFile(reading: file)
        self.stamp = stamp
        self.file = file
    }

    convenience init(_ file: consuming Descriptor, meter: ReadingMeter = ReadingMeter()) throws(ELFError) {
        try self.init(.here(file), meter: meter)
    }

    /// Fails once somebody has written to the file: what was read no longer belongs to what is there.
    func checkUnchanged() throws(ELFError) {
        guard try file.stamp() == stamp else { throw .changed }
    }

    /// Size and time of the last write now, nil where nobody can tell; any thread may ask.
    var presentStamp: FileStamp? { try? file.stamp() }

    /// Gives back the section headers, which only reading needs.
    func forgetSections() {
        headers.forgetSections()
        hasForgotten = true
    }

    /// Reads the section headers again where they were given back: its tables were not kept, and are wanted again.
    func recallSections() throws(ELFError) {
        if hasForgotten { headers = try ELFFile(reading: file) }
        hasForgotten = false
    }

    /// Longest name that is given away whole: what the demanglers take. Of a longer one, which no compiler writes, the
    /// first KiB is given, which is as much as is shown of any (`Symbol.longestName`).
    static let longestName: UInt64 = 2048

    /// The string at an offset of a string table, cut where it is longer than `longestName`.
    ///
    /// - Parameter hasVersions: whether `name@VERSION` may stand there, which is given without its version.
    func string(at offset: UInt32, in table: FileRange, hasVersions: Bool = true) throws(ELFError) -> [UInt8] {
        guard UInt64(offset) < table.size else { return [] }
        let rest = table.size - UInt64(offset)
        // Most names are short.
        var bytes = try file.bytes(at: table.offset + UInt64(offset), count: Int(min(rest, 256)))
        var nul = bytes.firstIndex(of: 0)
        if nul == nil, rest > 256 {
            bytes = try file.bytes(at: table.offset + UInt64(offset), count: Int(min(rest, Self.longestName + 1)))
            nul = bytes.firstIndex(of: 0)
        }
        bytes.removeLast(bytes.count - (nul ?? min(bytes.count, Symbol.longestName)))
        // `name@VERSION` and `name@@VERSION`: the static linker's way to write versions.
        if hasVersions, let mark = bytes.firstIndex(of: 0x40), mark > 0 { bytes.removeLast(bytes.count - mark) }
        return bytes
    }
}

/// Where a symbol table stands in its file, with the tables that run along it.
struct SymbolTablePlace {
    let isDynamic: Bool
    let entries: FileRange
    let names: FileRange
    /// `SHT_SYMTAB_SHNDX`: section indices that do not fit 16 bits.
    let indices: FileRange?
    /// `.gnu.version`: bit 15 marks a version that is not the default.
    let versions: FileRange?
}

extension ELFFile {
    /// The first symbol table of a type that has entries, nil where there is none.
    ///
    /// - Parameter type: `ELF.symbolTable` or `ELF.dynamicSymbols`; the format allows one of each.
    func symbolTable(_ type: UInt32) throws(ELFError) -> SymbolTablePlace? {
        let entrySize: UInt64 = is64Bit ? 24 : 16
        for index in sections.indices where sections[index].type == type && sections[index].size > 0 {
            let table = sections[index]
            guard Int(table.link) < sections.count, table.entrySize == entrySize else { continue }
            let strings = sections[Int(table.link)]
            guard strings.type == ELF.stringTable, strings.size <= UInt64(NameReference.maximumOffset) else { continue }
            return SymbolTablePlace(
                isDynamic: type == ELF.dynamicSymbols, entries: try fileRange(of: table),
                names: try fileRange(of: strings), indices: try companion(of: index, ELF.extendedIndices),
                versions: type == ELF.dynamicSymbols ? try companion(of: index, ELF.symbolVersions) : nil)
        }
        return nil
    }

    /// The section of a type that belongs to a symbol table; the format allows one of each.
    private func companion(of table: Int, _ type: UInt32) throws(ELFError) -> FileRange? {
        guard let section = sections.first(where: { $0.type == type && Int($0.link) == table }) else { return nil }
        guard section.size <= UInt64(4 * ELF.maximumSymbols) else { throw .tooLarge }
        return try fileRange(of: section)
    }
}
