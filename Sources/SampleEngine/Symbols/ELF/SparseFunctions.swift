/// The functions of an image whose tables together are larger than an image's share of memory, or whose code is longer
/// than one window: nothing is kept of them, and they are read again for the addresses that are asked for.
struct SparseFunctions {
    let layout: CodeLayout
    let symbols: FullSymbols.Table?
    let dynamic: SymbolReading?
    let stubs: LinkageStubs
    let frames: FrameTables?
    /// Whether the list of the unwind tables can be searched by halves.
    let hasSortedList: Bool
    let onlyProven: Bool

    /// Addresses that are looked for in one pass: what is kept of a pass follows their number.
    static let batch = 4096

    /// A table that answers for some addresses of one window, and for them alone, as a table of all functions would.
    ///
    /// Costs one pass over the symbol tables, two where labels have sizes.
    func table(around addresses: [ImageAddress], inWindow number: UInt64) throws(ELFError) -> SymbolTable {
        let window = layout.window(number)
        let stubs = stubs.candidates(in: window)
        var offsets = Set(addresses.compactMap { window.offset(of: $0.value) })
        // A stub may be named for the function that finds its target.
        let stubOffsets = SortedOffsets(offsets.sorted())
        for stub in stubs
        where stub.name.place == .other && stubOffsets.position(of: stub.start) < stubOffsets.position(of: stub.end) {
            if let offset = resolver(stub.name).flatMap({ window.offset(of: $0.value) }) { offsets.insert(offset) }
        }
        let asked = offsets.sorted()
        let ranges = try frames?.ranges(around: asked, in: window, isSearched: hasSortedList) ?? []
        // Whether a function without a name is one at all depends on what is where it begins.
        let index = SortedOffsets(asked)
        for range in ranges where index.position(of: range.lowerBound) < index.position(of: range.upperBound) {
            offsets.insert(range.lowerBound)
        }
        var found = try neighborhood(of: offsets, stubs, window)
        if !found.labels.isEmpty, found.hasAllLabels {
            found = try neighborhood(of: offsets.union(found.labels.map(\.start)), stubs, window)
        }
        return SymbolTable(
            window: window, candidates: found.candidates(), frames: FrameRanges(ranges), onlyProven: onlyProven)
    }

    private func neighborhood(
        of offsets: Set<UInt32>, _ stubs: [SymbolCandidate], _ window: CodeWindow
    ) throws(ELFError) -> Neighborhood {
        var found = Neighborhood(of: offsets.sorted())
        _ = try symbols?.read(within: window, into: &found)
        _ = try dynamic?.read(within: window, into: &found)
        for stub in stubs { found.take(stub) }
        return found
    }

    private func resolver(_ name: NameReference) -> ImageAddress? {
        Int(name.offset) < stubs.resolvers.count ? stubs.resolvers[Int(name.offset)] : nil
    }

    /// Bytes of memory held.
    var byteCount: Int { layout.byteCount + stubs.byteCount + (dynamic?.byteCount ?? 0) + 256 }
}
