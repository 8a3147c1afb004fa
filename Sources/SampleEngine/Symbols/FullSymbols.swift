/// The table that names all functions of an image, also those it does not export, wherever that table stands.
struct FullSymbols {
    let source: NameSource
    /// The file it stands in, nil where that is the image's own.
    private let file: OpenImage?
    private let names: FileRange

    /// Adds the functions of the first place that has some: `.symtab`, else the compressed one. Nil where none has.
    ///
    /// - Throws: what is wrong with the image itself; a compressed table that is broken is passed over.
    init?(
        of image: OpenImage, into reading: inout SymbolReading, explanation: inout Explanation
    ) throws(ELFError) {
        if let table = try image.headers.symbolTable(ELF.symbolTable) {
            let count = try reading.read(table, of: image)
            explanation.add(".symtab: functions \(count)")
            if count > 0 {
                (source, file, names) = (.symbolTable, nil, table.names)
                return
            }
        }
        do {
            if let inner = try CompressedSymbols.open(in: image),
                let table = try inner.headers.symbolTable(ELF.symbolTable)
            {
                let count = try reading.read(table, of: inner)
                explanation.add(".gnu_debugdata: functions \(count)")
                if count > 0 {
                    (source, names) = (.compressedSymbols, table.names)
                    file = inner
                    return
                }
            }
        } catch {
            explanation.add(".gnu_debugdata: \(error.text)")
        }
        return nil
    }

    /// Bytes of memory held.
    var byteCount: Int { source == .compressedSymbols ? Int(file?.headers.fileSize ?? 0) : 0 }

    /// The name at an offset of the table's strings.
    func name(at offset: UInt32, in image: OpenImage) throws(ELFError) -> [UInt8] {
        try (file ?? image).string(at: offset, in: names)
    }
}
