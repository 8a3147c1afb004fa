/// The names in one ELF image: a flattened symbol table in memory, the names themselves left in the file.
///
/// Holds the file open until the end of its life, so that a name is one small `pread` when it is asked for, also
/// after the file was deleted or replaced. Used by one thread at a time.
package final class ImageSymbols {
    /// Descriptor of the GNU build-id note, empty where there is none; at most 64 bytes.
    package var buildID: [UInt8] { image.headers.buildID }
    private let image: OpenImage
    private let tables: Tables

    /// What was read; names are offsets in the files.
    private struct Tables {
        var symbols: FullSymbols?
        var dynamic: SymbolTablePlace?
        var functions = SymbolTable()
        var resolvers: [ImageAddress] = []
        var symbolCount = 0
    }

    /// Reads symbol tables, stubs and unwind tables of an image.
    ///
    /// Costs about 15 ms and 5 MB for a file of 300,000 symbols; unwind and relocation tables that make no sense are
    /// passed over.
    /// - Parameters:
    ///   - debugFiles: where a separate debug file may be; nil: none is looked for.
    ///   - explanation: takes up which tables were read.
    /// - Throws: `truncated`, `tooLarge`, `changed` or the errno of a read.
    init(reading image: OpenImage, debugFiles: DebugFiles?, explanation: inout Explanation) throws(ELFError) {
        do throws(ELFError) {
            tables = try Self.tables(of: image, debugFiles, &explanation)
        } catch {
            // What makes no sense may be one half of an old file and one of a new one.
            try image.checkUnchanged()
            throw error
        }
        try image.checkUnchanged()
        self.image = image
    }

    private static func tables(
        of image: OpenImage, _ debugFiles: DebugFiles?, _ explanation: inout Explanation
    ) throws(ELFError) -> Tables {
        var tables = Tables()
        guard let bounds = image.headers.codeBounds else {
            explanation.add("no segment of code")
            return tables
        }
        // Offsets in the table are 32 bits; no code is that far from the rest of its image.
        let size = min(bounds.upperBound - bounds.lowerBound, UInt64(UInt32.max))
        let near = bounds.lowerBound..<bounds.lowerBound + size
        var reading = SymbolReading(within: near)
        tables.symbols = try FullSymbols(of: image, debugFiles, into: &reading, explanation: &explanation)
        tables.dynamic = try image.dynamicSymbols()
        if let dynamic = tables.dynamic {
            let count = try reading.read(dynamic, of: image)
            explanation.add(".dynsym: functions \(count)")
        }
        let stubs = LinkageStubs(of: image, dynamic: tables.dynamic, within: near)
        let frames = FrameRanges(reading: image, within: near, besides: reading.candidates.count)
        explanation.add("linkage stubs: \(stubs.candidates.count); unwind tables: functions \(frames.count)")
        tables.functions = SymbolTable(
            base: near.lowerBound, candidates: reading.takeCandidates(adding: stubs.candidates), frames: frames)
        tables.resolvers = stubs.resolvers
        tables.symbolCount = reading.entryCount
        return tables
    }

    /// Reads headers and tables of an open regular file.
    ///
    /// - Parameter file: open for reading and known to be a regular file; its position is not used.
    /// - Throws: `notELF` and `unsupported` besides.
    package convenience init(
        reading file: consuming Descriptor, debugFiles: DebugFiles? = nil, explanation: inout Explanation
    ) throws(ELFError) {
        try self.init(reading: OpenImage(file), debugFiles: debugFiles, explanation: &explanation)
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
            return false
        } catch { return true }
    }

    /// Addresses of code, nil where there is none.
    package var codeRange: Range<UInt64>? { image.headers.codeBounds }

    /// Entries of the symbol tables that were read, functions or not.
    package var symbolCount: Int { tables.symbolCount }

    /// Open descriptors held: of the image, and of the file with its symbols.
    package var descriptorCount: Int { tables.symbols?.hasFile == true ? 2 : 1 }

    /// Bytes of memory held, without the names in the file.
    package var byteCount: Int {
        tables.functions.byteCount + 64 * image.headers.segments.count + 64 * image.headers.sections.count
            + 8 * tables.resolvers.count + (tables.symbols?.byteCount ?? 0)
    }

    /// Whether a function covers an address: what `answer` finds out before it reads a name.
    package func hasFunction(at address: ImageAddress) -> Bool { tables.functions.segment(at: address) != nil }

    /// What covers an address. Reads the name from the file: about a microsecond, so keep the answer.
    package func answer(at address: ImageAddress) -> SymbolAnswer {
        guard let segment = tables.functions.segment(at: address) else {
            return .none(tables.functions.count == 0 ? .imageHasNoSymbols : .betweenSymbols)
        }
        let entry = tables.functions.entry(segment)
        do {
            guard let name = try name(of: entry) else { return .range(start: entry.start, end: entry.end) }
            let source: NameSource =
                switch entry.name.place {
                case .symbols: tables.symbols?.source ?? .symbolTable
                case .dynamicSymbols: .dynamicSymbols
                case .stub, .other: .linkageStub
                }
            return .symbol(rawName: name, start: entry.start, end: entry.end, source: source)
        } catch {
            return .none(error)
        }
    }

    /// The best of the names an entry has; nil where it has none.
    private func name(of entry: SymbolTable.Entry) throws(Unresolved) -> [UInt8]? {
        if entry.name == .none { return nil }
        do throws(ELFError) {
            try image.checkUnchanged()
            try tables.symbols?.checkUnchanged()
            return try bestName([entry.name] + tables.functions.aliases(of: entry))
        } catch {
            if case .read(let errno) = error { throw .imageUnreadable(errno: errno.number) }
            throw .fileChanged
        }
    }

    private func bestName(_ references: [NameReference]) throws(ELFError) -> [UInt8]? {
        var best: [UInt8]?
        for reference in references {
            guard let name = try name(reference), !name.isEmpty else { continue }
            best = best.map { isBetterName(name, than: $0) ? name : $0 } ?? name
        }
        return best
    }

    private func name(_ reference: NameReference) throws(ELFError) -> [UInt8]? {
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
                let segment = tables.functions.segment(at: tables.resolvers[Int(reference.offset)])
            else { return nil }
            let entry = tables.functions.entry(segment)
            guard entry.start == tables.resolvers[Int(reference.offset)] else { return nil }
            // A stub is no resolver; one that claims to be would lead in circles.
            let functions = ([entry.name] + tables.functions.aliases(of: entry)).filter {
                $0.place == .symbols || $0.place == .dynamicSymbols
            }
            return try bestName(functions).map { $0 + linkageMark }
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
