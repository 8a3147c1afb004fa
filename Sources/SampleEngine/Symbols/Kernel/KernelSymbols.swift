/// The kernel's own list of its functions, core and modules: `/proc/kallsyms`.
///
/// Lines are `ADDRESS TYPE NAME` and, for a module, a tab and `[MODULE]`. The list has no sizes, so a function ends
/// where the next begins; gaps are cut at 64 KiB, and at the end of the page where the next one belongs to another
/// module. Padding symbols and section markers name nothing but still end what is before them, and nothing of the core
/// has a name outside of its image. Code that the kernel made at run time stands in modules of the list's own:
/// `[bpf]`, `[__builtin__ftrace]`, `[__builtin__kprobes]`. Immutable, so any thread may use it.
package struct KernelSymbols: Sendable {
    /// Whether the kernel hid every address (`kptr_restrict`, or no CAP_SYSLOG).
    package let isRestricted: Bool
    private let starts: [UInt64]
    private let functions: [Function]
    /// Names one after the other, those of modules too.
    private let blob: [UInt8]
    private let modules: [Slice]

    /// What begins at the start of the same index.
    private struct Function {
        var name: UInt32
        var length: UInt16
        /// Index into `modules`, 0 for the core.
        var module: UInt16
    }

    private struct Slice {
        let start: Int
        let length: Int
    }

    private static let largestGap: UInt64 = 65_536
    private static let pageSize: UInt64 = 4096

    /// Reads a list in chunks of 64 KiB, about 40 ms for a whole kernel, most of it the kernel's.
    ///
    /// - Parameters:
    ///   - file: `/proc/kallsyms` or a copy, read from its beginning. Lines that make no sense are left out.
    ///   - goesOn: asked behind each chunk; false ends it.
    /// - Throws: the errno of a read; `interrupted` where it does not go on.
    package init(readingKallsyms file: borrowing Descriptor, goesOn: () -> Bool = { true }) throws(Errno) {
        var list = KallsymsList()
        let limit = 1 << 30
        var offset = 0
        while offset < limit {
            if !goesOn() { throw .interrupted }
            let got = try list.readChunk(of: file, at: offset)
            if got == 0 { break }
            offset += got
        }
        list.finish()
        isRestricted = list.lines > 0 && !list.hasAddresses
        if isRestricted { list.entries = [] }
        list.keepBest()
        starts = list.entries.map(\.address)
        functions = list.entries.map { Function(name: $0.name, length: $0.length, module: $0.module) }
        blob = list.blob
        modules = list.modules.map { Slice(start: $0.start, length: $0.length) }
    }

    /// Number of functions and boundaries.
    package var count: Int { starts.count }

    /// Bytes of memory held.
    package var byteCount: Int { 16 * starts.count + blob.count + 16 * modules.count }

    /// The function at an address of the running kernel, and its module without brackets, nil for the core.
    package func answer(at address: RuntimeAddress) -> (answer: SymbolAnswer, module: [UInt8]?) {
        if starts.isEmpty { return (.none(.imageHasNoSymbols), nil) }
        let next = lowerBound(starts.count) { starts[$0] <= address.value }
        guard next > 0 else { return (.none(.betweenSymbols), nil) }
        let function = functions[next - 1]
        let module = function.module == 0 ? nil : bytes(modules[Int(function.module) - 1])
        let start = starts[next - 1]
        let end = end(of: next - 1)
        guard function.length > 0, address.value < end else { return (.none(.betweenSymbols), nil) }
        let name = bytes(Slice(start: Int(function.name), length: Int(function.length)))
        return (
            .symbol(rawName: name, start: ImageAddress(start), end: ImageAddress(end), source: .kernelList), module
        )
    }

    /// Whether a function covers an address.
    func hasName(at address: RuntimeAddress) -> Bool {
        if case .symbol = answer(at: address).answer { true } else { false }
    }

    private func bytes(_ slice: Slice) -> [UInt8] { Array(blob[slice.start..<slice.start + slice.length]) }

    private func end(of index: Int) -> UInt64 {
        let start = starts[index]
        let (limit, overflow) = start.addingReportingOverflow(Self.largestGap)
        var end = overflow ? UInt64.max : limit
        guard index + 1 < starts.count else { return end }
        end = min(end, starts[index + 1])
        if functions[index + 1].module != functions[index].module {
            let page = start & ~(Self.pageSize - 1)
            let (pageEnd, overflow) = page.addingReportingOverflow(Self.pageSize)
            if !overflow { end = min(end, pageEnd) }
        }
        return end
    }
}
