/// The table that names all functions of an image, also those it does not export, wherever that table stands.
struct FullSymbols {
    let source: NameSource
    /// Whether it names everything: then a function without a size reaches to the next one that has a name.
    let isComplete: Bool
    let table: Table
    /// The file it stands in, nil where that is the image's own.
    private let file: OpenImage?
    private let names: FileRange

    enum Table {
        case symbols(SymbolReading)
        case go(GoTable)

        /// Gives the functions inside a window away, until the sink is full.
        func read<Sink: CandidateSink & ~Copyable>(
            within window: CodeWindow, into sink: inout Sink
        ) throws(ELFError) -> SymbolReading.Finding {
            switch self {
            case .symbols(let table): try table.read(within: window, into: &sink)
            case .go(let table): SymbolReading.Finding(functions: try table.read(within: window, into: &sink))
            }
        }
    }

    /// Adds the functions of the first place that has some, nil where none has: the separate debug file, since a file
    /// may be stripped in part; its own `.symtab`; the compressed one; that of Go's runtime.
    ///
    /// - Throws: what is wrong with the image itself; another file or a compressed table is passed over if broken.
    init?(
        of image: OpenImage, _ debugFiles: DebugFiles?, _ layout: CodeLayout, into list: inout CandidateList,
        explanation: inout Explanation
    ) throws(ELFError) {
        if let debugFile = try debugFiles?.open(for: image, explanation: &explanation) {
            do throws(ELFError) {
                if let place = try debugFile.headers.symbolTable(ELF.symbolTable) {
                    let found = try Self.read(place, of: debugFile, layout, into: &list)
                    try debugFile.checkUnchanged()
                    explanation.add(".symtab of the debug file: functions \(found.count)")
                    if let table = found.table {
                        (source, isComplete, self.table) = (.debugFile, found.isComplete, table)
                        (file, names) = (debugFile, place.names)
                        return
                    }
                }
            } catch {
                explanation.add("debug file: \(error.text)")
            }
        }
        if let place = try image.headers.symbolTable(ELF.symbolTable) {
            let found = try Self.read(place, of: image, layout, into: &list)
            explanation.add(".symtab: functions \(found.count)")
            if let table = found.table {
                (source, isComplete, self.table) = (.symbolTable, found.isComplete, table)
                (file, names) = (nil, place.names)
                return
            }
        }
        do throws(ELFError) {
            if let inner = try CompressedSymbols.open(in: image),
                let place = try inner.headers.symbolTable(ELF.symbolTable)
            {
                let found = try Self.read(place, of: inner, layout, into: &list)
                explanation.add(".gnu_debugdata: functions \(found.count)")
                if let table = found.table {
                    // It has what the exported ones leave out, and only functions: no marks tell how complete it is.
                    (source, isComplete, self.table) = (.compressedSymbols, true, table)
                    (file, names) = (inner, place.names)
                    return
                }
            }
        } catch {
            explanation.add(".gnu_debugdata: \(error.text)")
        }
        let before = list.candidates.count
        do throws(ELFError) {
            if let go = try GoTable(of: image, layout) {
                let count = layout.isLong ? go.count : try go.read(within: layout.window(0), into: &list)
                explanation.add(".gopclntab: functions \(count)")
                if count > 0 {
                    (source, isComplete, table) = (.goTable, false, .go(go))
                    (file, names) = (nil, try FileRange(offset: 0, size: 0, fileSize: 0))
                    return
                }
            }
        } catch {
            list.candidates.removeLast(list.candidates.count - before)
            explanation.add(".gopclntab: \(error.text)")
        }
        return nil
    }

    /// Reads a table; one without functions is none.
    private static func read(
        _ place: SymbolTablePlace, of image: OpenImage, _ layout: CodeLayout, into list: inout CandidateList
    ) throws(ELFError) -> (table: Table?, count: Int, isComplete: Bool) {
        let reading = try SymbolReading(place, of: image)
        let before = list.candidates.count
        do throws(ELFError) {
            let finding = try reading.read(within: layout.window(0), into: &list)
            // The other windows of a long layout are read when they are asked for.
            let count = layout.isLong ? reading.entryCount : finding.functions
            return (count > 0 ? .symbols(reading) : nil, count, finding.hasLocalMarks)
        } catch {
            list.candidates.removeLast(list.candidates.count - before)
            throw error
        }
    }

    /// Whether they stand in a file of their own.
    var hasFile: Bool { file != nil }

    /// Entries of the table, functions or not.
    var entryCount: Int {
        switch table {
        case .symbols(let table): table.entryCount
        case .go(let table): table.count
        }
    }

    /// Whoever asks for names pays from now on.
    func charge(_ meter: ReadingMeter) { file?.file.meter = meter }

    func forgetSections() { file?.forgetSections() }

    /// Fails once somebody has written to that file.
    func checkUnchanged() throws(ELFError) { try file?.checkUnchanged() }

    /// Bytes of memory held: of the headers, and of a decompressed image.
    var byteCount: Int {
        var kept = 64
        if case .symbols(let table) = table { kept += table.byteCount }
        return kept + (file?.headers.byteCount ?? 0)
            + (source == .compressedSymbols ? Int(file?.headers.fileSize ?? 0) : 0)
    }

    /// The name at an offset: of the table's strings, or of Go's records.
    func name(at offset: UInt32, in image: OpenImage) throws(ELFError) -> [UInt8] {
        switch table {
        case .symbols: try (file ?? image).string(at: offset, in: names)
        case .go(let table): try table.name(at: offset)
        }
    }
}
