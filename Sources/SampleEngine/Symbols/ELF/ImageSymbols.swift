/// The names in one ELF image: a flattened symbol table in memory, the names themselves left in the file.
///
/// An image with more functions than its share of memory holds is `sparse`: nothing is kept, and its tables are read again
/// for the addresses that are asked for, with the same answers.
///
/// Holds the file open until the end of its life, so that a name is one small `pread` when it is asked for, also
/// after the file was deleted or replaced. Used by one thread at a time.
package final class ImageSymbols {
    /// The most that an image's table takes of memory before it is searched for single addresses instead.
    package struct Share: Sendable {
        package var functions: Int
        package var bytes: Int

        package init(functions: Int = 400_000, bytes: Int = 6 << 20) {
            self.functions = functions
            self.bytes = bytes
        }
    }

    /// Descriptor of the GNU build-id note, empty where there is none; at most 64 bytes.
    package var buildID: [UInt8] { image.headers.buildID }
    private let image: OpenImage
    private let tables: Tables

    /// What was read; names are offsets in the files.
    private struct Tables {
        var symbols: FullSymbols?
        var dynamic: SymbolTablePlace?
        /// Empty where they are too many to be kept.
        var functions = SymbolTable()
        var sparse: SparseFunctions?
        var resolvers: [ImageAddress] = []
        var symbolCount = 0
    }

    /// Pays for single names, which cost no more than a read.
    private let freeMeter = ReadingMeter(limits: ReadingMeter.Limits(nanoseconds: .max, bytes: .max))

    /// Reads symbol tables, stubs and unwind tables of an image.
    ///
    /// Costs about 15 ms and 5 MB for a file of 300,000 symbols; unwind and relocation tables that make no sense are
    /// passed over.
    /// - Parameters:
    ///   - debugFiles: where a separate debug file may be; nil: none is looked for.
    ///   - meter: pays for it; nil: that of the image.
    ///   - explanation: takes up which tables were read.
    /// - Throws: `truncated`, `tooLarge`, `changed`, `tooCostly`, `stopped` or the errno of a read.
    init(
        reading image: OpenImage, debugFiles: DebugFiles?, meter: ReadingMeter? = nil, share: Share = Share(),
        explanation: inout Explanation
    ) throws(ELFError) {
        let meter = meter ?? image.file.meter
        image.file.meter = meter
        meter.begin()
        defer { meter.end() }
        do throws(ELFError) {
            try image.recallSections()
            tables = try Self.tables(of: image, debugFiles, share, &explanation)
            // What was passed over may have been so for its cost.
            try meter.check()
        } catch {
            // What makes no sense may be one half of an old file and one of a new one.
            try image.checkUnchanged()
            throw error
        }
        try image.checkUnchanged()
        image.forgetSections()
        tables.symbols?.forgetSections()
        self.image = image
        isSparse = tables.sparse != nil
    }

    private static func tables(
        of image: OpenImage, _ debugFiles: DebugFiles?, _ share: Share, _ explanation: inout Explanation
    ) throws(ELFError) -> Tables {
        var tables = Tables()
        guard let layout = image.headers.codeLayout else {
            explanation.add("no segment of code")
            return tables
        }
        let window = layout.window(0)
        var list = CandidateList(limit: share.functions)
        tables.symbols = try FullSymbols(of: image, debugFiles, layout, into: &list, explanation: &explanation)
        tables.dynamic = try image.dynamicSymbols()
        let dynamic = try tables.dynamic.map { table throws(ELFError) in try SymbolReading(table, of: image) }
        if let dynamic, !list.isFull {
            let count = try dynamic.read(within: window, into: &list).functions
            explanation.add(".dynsym: functions \(count)")
        }
        let stubs = LinkageStubs(of: image, dynamic: tables.dynamic)
        let frames = FrameTables(of: image)
        tables.resolvers = stubs.resolvers
        tables.symbolCount = (tables.symbols?.entryCount ?? 0) + (dynamic?.entryCount ?? 0)
        // An image without exports and unwind tables was written by hand: nothing was taken out of its table.
        let isCompiled = dynamic.map { $0.entryCount > 1 } ?? false || frames != nil
        let onlyProven = tables.symbols.map { !$0.isComplete && isCompiled } ?? true
        let (symbols, resolved) = (tables.symbols?.table, stubs.named.count)
        list.candidates += stubs.candidates(in: window)
        if !layout.isLong, !list.isFull,
            let ranges = frames.map({
                FrameRanges(reading: $0, within: window, besides: list.candidates.count, limit: share.functions)
            }) ?? FrameRanges()
        {
            explanation.add("linkage stubs: \(resolved); unwind tables: functions \(ranges.count)")
            let functions = SymbolTable(
                window: window, candidates: list.takeCandidates(), frames: ranges, onlyProven: onlyProven)
            if functions.byteCount <= share.bytes {
                tables.functions = functions
                return tables
            }
        }
        explanation.add("more code or functions than are kept: looked for address by address")
        tables.sparse = SparseFunctions(
            layout: layout, symbols: symbols, dynamic: dynamic, stubs: stubs, frames: frames,
            hasSortedList: try frames?.hasSortedList(in: layout) ?? false, onlyProven: onlyProven)
        return tables
    }

    /// Reads headers and tables of an open regular file.
    ///
    /// - Parameter file: open for reading and known to be a regular file; its position is not used.
    /// - Throws: `notELF` and `unsupported` besides.
    package convenience init(
        reading file: consuming Descriptor, debugFiles: DebugFiles? = nil, meter: ReadingMeter = ReadingMeter(),
        share: Share = Share(), explanation: inout Explanation
    ) throws(ELFError) {
        try self.init(
            reading: OpenImage(file, meter: meter), debugFiles: debugFiles, share: share, explanation: &explanation)
    }

    /// The same for a caller who needs no explanation.
    package convenience init(reading file: consuming Descriptor) throws(ELFError) {
        var explanation = Explanation(isWanted: false)
        try self.init(reading: file, explanation: &explanation)
    }

    /// The address the file's own tables use for a byte of the file, nil where no code segment holds it.
    package func imageAddress(of offset: FileOffset) -> ImageAddress? { image.headers.imageAddress(of: offset) }

    /// Whether somebody has written to the file since it was read.
    var isChanged: Bool {
        do {
            try image.checkUnchanged()
            try tables.symbols?.checkUnchanged()
            return false
        } catch { return true }
    }

    /// Addresses of code, nil where there is none.
    package var codeRange: Range<UInt64>? { image.headers.codeLayout?.bounds }

    /// Entries of the symbol tables that were read, functions or not.
    package var symbolCount: Int { tables.symbolCount }

    /// Whether nothing is kept of the tables: answers cost a pass over them, so many should be asked for at once.
    package let isSparse: Bool

    /// Open descriptors held: of the image, and of the file with its symbols.
    package var descriptorCount: Int { tables.symbols?.hasFile == true ? 2 : 1 }

    /// Bytes of memory held, without the names in the file; a decompressed image is held in memory, too.
    package var byteCount: Int {
        tables.functions.byteCount + (tables.sparse?.byteCount ?? 0) + image.headers.byteCount
            + 8 * tables.resolvers.count + (tables.symbols?.byteCount ?? 0)
            + 512
    }

    /// Whether a function covers an address: what `answer` finds out before it reads a name.
    package func hasFunction(at address: ImageAddress) -> Bool {
        // The usual look-up makes no call, so it has no registers to save; of a sparse image the window is empty.
        if let offset = tables.functions.window.offsetInFirst(of: address.value) {
            return tables.functions.segment(atOffset: offset) != nil
        }
        return hasFunctionElsewhere(at: address)
    }

    @inline(never)
    private func hasFunctionElsewhere(at address: ImageAddress) -> Bool {
        if !isSparse { return tables.functions.segment(at: address) != nil }
        if case .none = answer(at: address) { return false }
        return true
    }

    /// What covers an address. Reads the name from the file: about a microsecond, so keep the answer.
    package func answer(at address: ImageAddress) -> SymbolAnswer {
        if isSparse { return answers(at: [address], meter: ReadingMeter())[0] }
        charge(freeMeter)
        return answer(at: address, in: tables.functions)
    }

    /// What covers each of some addresses; the reading that it takes is charged.
    ///
    /// Of a sparse image, one pass over its tables for up to 4,096 addresses: a tenth of a second for 2 million symbols.
    /// What costs too much, or is stopped, is the reason of the answers that are missing.
    package func answers(at addresses: [ImageAddress], meter: ReadingMeter) -> [SymbolAnswer] {
        charge(meter)
        meter.begin()
        defer { meter.end() }
        if let sparse = tables.sparse { return answers(at: addresses, in: sparse) }
        return addresses.map { answer(at: $0, in: tables.functions) }
    }

    private func charge(_ meter: ReadingMeter) {
        image.file.meter = meter
        tables.symbols?.charge(meter)
    }

    private func answers(at addresses: [ImageAddress], in functions: SparseFunctions) -> [SymbolAnswer] {
        var answers = [SymbolAnswer](repeating: .none(.betweenSymbols), count: addresses.count)
        let windows = Dictionary(grouping: addresses.indices) { functions.layout.window(of: addresses[$0].value) }
        for (window, indices) in windows {
            guard let window else { continue }
            for start in stride(from: 0, to: indices.count, by: SparseFunctions.batch) {
                let some = indices[start..<min(start + SparseFunctions.batch, indices.count)]
                do throws(ELFError) {
                    let table = try functions.table(around: some.map { addresses[$0] }, inWindow: window)
                    try image.file.meter.check()
                    try image.checkUnchanged()
                    for index in some { answers[index] = answer(at: addresses[index], in: table) }
                } catch {
                    for index in some { answers[index] = .none(reason(error)) }
                }
            }
        }
        return answers
    }

    private func answer(at address: ImageAddress, in functions: SymbolTable) -> SymbolAnswer {
        guard let segment = functions.segment(at: address) else {
            return .none(functions.count == 0 && !isSparse ? .imageHasNoSymbols : .betweenSymbols)
        }
        let entry = functions.entry(segment)
        do throws(ELFError) {
            guard let name = try name(of: entry, in: functions) else {
                return .range(start: entry.start, end: entry.end)
            }
            let source: NameSource =
                switch entry.name.place {
                case .symbols: tables.symbols?.source ?? .symbolTable
                case .dynamicSymbols: .dynamicSymbols
                case .stub, .other: .linkageStub
                }
            return .symbol(rawName: name, start: entry.start, end: entry.end, source: source)
        } catch {
            return .none(reason(error))
        }
    }

    /// Why a file that could be read gives no answer any more: it is another one by now, or never made sense.
    private func reason(_ error: ELFError) -> Unresolved {
        switch error {
        case .read, .tooCostly, .stopped: Unresolved(error)
        default: isChanged ? .fileChanged : Unresolved(error)
        }
    }

    /// The best of the names an entry has; nil where it has none.
    private func name(of entry: SymbolTable.Entry, in functions: SymbolTable) throws(ELFError) -> [UInt8]? {
        if entry.name == .none { return nil }
        try image.checkUnchanged()
        try tables.symbols?.checkUnchanged()
        return try bestName([entry.name] + functions.aliases(of: entry), functions)
    }

    private func bestName(_ references: [NameReference], _ functions: SymbolTable) throws(ELFError) -> [UInt8]? {
        var best: [UInt8]?
        for reference in references {
            guard let name = try name(reference, functions), !name.isEmpty else { continue }
            best = best.map { isBetterName(name, than: $0) ? name : $0 } ?? name
        }
        return best
    }

    private func name(_ reference: NameReference, _ functions: SymbolTable) throws(ELFError) -> [UInt8]? {
        switch reference.place {
        case .symbols: return try tables.symbols?.name(at: reference.offset, in: image)
        case .dynamicSymbols:
            return try tables.dynamic.map { table throws(ELFError) in
                try image.string(at: reference.offset, in: table.names)
            }
        case .stub:
            guard let dynamic = tables.dynamic else { return nil }
            let name = try image.string(at: reference.offset, in: dynamic.names)
            return name.isEmpty ? nil : name + linkageMark
        case .other:
            guard Int(reference.offset) < tables.resolvers.count,
                let segment = functions.segment(at: tables.resolvers[Int(reference.offset)])
            else { return nil }
            let entry = functions.entry(segment)
            guard entry.start == tables.resolvers[Int(reference.offset)] else { return nil }
            // A stub is no resolver; one that claims to be would lead in circles.
            let names = ([entry.name] + functions.aliases(of: entry)).filter {
                $0.place == .symbols || $0.place == .dynamicSymbols
            }
            return try bestName(names, functions).map { $0 + linkageMark }
        }
    }
}

/// `@plt`
private let linkageMark: [UInt8] = [0x40, 0x70, 0x6c, 0x74]

/// Chooses among names of equal rank: fewest leading `_`, no clone suffix, shortest, first in byte order.
func isBetterName(_ left: [UInt8], than right: [UInt8]) -> Bool {
    let (a, b) = (NameStanding(left), NameStanding(right))
    if (a.underscores, a.clone, a.length) != (b.underscores, b.clone, b.length) {
        return (a.underscores, a.clone, a.length) < (b.underscores, b.clone, b.length)
    }
    return left.lexicographicallyPrecedes(right)
}

private struct NameStanding {
    let underscores: Int
    let clone: Int
    let length: Int

    init(_ name: [UInt8]) {
        underscores = name.prefix { $0 == 0x5f }.count
        clone = CloneSuffix(of: name) == nil ? 0 : 1
        length = name.count
    }
}
