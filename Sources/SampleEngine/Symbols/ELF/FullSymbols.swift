/// The table that names all functions of an image, also those it does not export, wherever that table stands.
struct FullSymbols {
    let source: NameSource
    /// The file it stands in, nil where that is the image's own.
    private let file: OpenImage?
    private let names: FileRange

    /// Adds the functions of the first place that has some, nil where none has: the separate debug file, since a file
    /// may be stripped in part; its own `.symtab`; the compressed one.
    ///
    /// - Throws: what is wrong with the image itself; another file or a compressed table is passed over if broken.
    init?(
        of image: OpenImage, _ debugFiles: DebugFiles?, into reading: inout SymbolReading,
        explanation: inout Explanation
    ) throws(ELFError) {
        if let debugFile = debugFiles?.open(for: image, explanation: &explanation) {
            do {
                if let table = try debugFile.headers.symbolTable(ELF.symbolTable) {
                    let count = try reading.read(table, of: debugFile)
                    try debugFile.checkUnchanged()
                    explanation.add(".symtab of the debug file: functions \(count)")
                    if count > 0 {
                        (source, file, names) = (.debugFile, debugFile, table.names)
                        return
                    }
                }
            } catch {
                explanation.add("debug file: \(error.text)")
            }
        }
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

    /// Whether they stand in a file of their own.
    var hasFile: Bool { file != nil }

    /// Fails once somebody has written to that file.
    func checkUnchanged() throws(ELFError) { try file?.checkUnchanged() }

    /// Bytes of memory held.
    var byteCount: Int { source == .compressedSymbols ? Int(file?.headers.fileSize ?? 0) : 0 }

    /// The name at an offset of the table's strings.
    func name(at offset: UInt32, in image: OpenImage) throws(ELFError) -> [UInt8] {
        try (file ?? image).string(at: offset, in: names)
    }
}
