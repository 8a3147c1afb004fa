/// An ELF file that is open: its headers, and whether it is still what it was when they were read.
final class OpenImage: Sendable {
    let file: Descriptor
    let headers: ELFFile
    /// Size and time of the last write when the headers were read.
    let stamp: FileStamp

    /// Reads the headers of an open regular file.
    init(_ file: consuming Descriptor) throws(ELFError) {
        let stamp = try file.fileStamp()
        let headers = try ELFFile(reading: file)
        self.stamp = stamp
        self.headers = headers
        self.file = file
    }

    /// Fails once somebody has written to the file: what was read no longer belongs to what is there.
    func checkUnchanged() throws(ELFError) {
        guard try file.fileStamp() == stamp else { throw .changed }
    }

    /// Whether somebody has written to it since.
    var isChanged: Bool { (try? checkUnchanged()) == nil }

    /// The string at an offset of a string table without its version, cut at 4 KiB.
    func string(at offset: UInt32, in table: FileRange) throws(ELFError) -> [UInt8] {
        guard UInt64(offset) < table.size else { return [] }
        let rest = table.size - UInt64(offset)
        for limit in [256, 4096] as [UInt64] {
            var bytes = try file.bytes(at: table.offset + UInt64(offset), count: Int(min(rest, limit)))
            let nul = bytes.firstIndex(of: 0)
            if nul == nil, rest > limit, limit < 4096 { continue }
            if let nul { bytes.removeLast(bytes.count - nul) }
            // `name@VERSION` and `name@@VERSION`: the static linker's way to write versions.
            if let mark = bytes.firstIndex(of: 0x40), mark > 0 { bytes.removeLast(bytes.count - mark) }
            return bytes
        }
        return []
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
