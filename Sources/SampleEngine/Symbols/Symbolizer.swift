internal import Glibc

/// From a location to the symbol that is shown for it: the whole road, for every kind of space.
///
/// Everything here is slow and runs on the resolver thread, which needs 8 MB of stack for the demanglers.
package struct Symbolizer: ~Copyable {
    package var processes = ProcessCatalog()
    private var images = ImageStore()
    private var sightings: [SpaceID: ImageSighting] = [:]
    private var kernel: KernelSymbols?
    private var kernelRead: Instant?
    private var vdso: ImageSymbols??
    private let opener = FileOpener()

    package init() {}

    /// Takes up where an image can be opened.
    package mutating func note(_ sighting: ImageSighting) { sightings[sighting.space] = sighting }

    /// True once kernel code was sampled whose names the kernel hides (`kernel.kptr_restrict`).
    package var kernelIsHidden: Bool { kernel?.isRestricted ?? false }

    /// What to show for a location.
    package mutating func symbol(at location: Location, now: Instant) -> Symbol {
        let space = location.space
        switch space {
        case .kernel: return kernelSymbol(RuntimeAddress(location.value), now)
        case .guest: return Symbol(name: "[guest]", module: Module(name: "[guest]"), kind: .guest)
        case .other: return Symbol(name: "[other]", module: Module(name: "[other]"), kind: .unknown)
        case .vdso: return vdsoSymbol(location.value)
        default: break
        }
        if space.isImage {
            guard let sighting = sightings[space] else { return Self.unknown(Module(name: "[unknown]")) }
            return symbol(
                in: MappedFile(path: sighting.path, identity: sighting.identity),
                ImageStore.Witness(pid: sighting.pid, start: sighting.start, end: sighting.end),
                FileOffset(location.value))
        }
        guard let owner = space.owner else { return Self.unknown(Module(name: "[unknown]")) }
        if owner == .idle || owner == .exiting { return Self.unknown(Module(name: "[unknown]")) }
        switch processes.place(location.value, in: owner, at: now) {
        case .file(let line, let pid):
            return symbol(
                in: MappedFile(
                    path: line.path, identity: .inode(device: line.device, inode: line.inode, generation: 0)),
                ImageStore.Witness(pid: pid, start: line.start, end: line.end),
                FileOffset(location.value &- line.start &+ line.offset))
        case .memory(let start):
            return Symbol(name: "[jit 0x\(String(start, radix: 16))]", module: Module(name: "[jit]"), kind: .jit)
        case .vdso(let offset): return vdsoSymbol(offset)
        case .unknown: return Self.unknown(Module(name: "[unknown]"))
        }
    }

    // MARK: Files

    private mutating func symbol(
        in file: MappedFile, _ witness: ImageStore.Witness, _ offset: FileOffset
    ) -> Symbol {
        var explanation = Explanation(isWanted: false)
        let image = images.image(of: file, seenBy: witness, explanation: &explanation)
        switch image.symbols {
        case .failure(.notELF): return Symbol(name: "[jit \(image.module.name)]", module: image.module, kind: .jit)
        case .failure: return Self.unknown(image.module)
        case .success(let symbols):
            guard let address = symbols.imageAddress(of: offset) else { return Self.unknown(image.module) }
            return Self.symbol(symbols.answer(at: address), image.module, .user)
        }
    }

    private mutating func vdsoSymbol(_ offset: UInt64) -> Symbol {
        let module = Module(name: "[vdso]")
        if vdso == nil { vdso = .some(ImageSymbols.vdso()) }
        guard let symbols = vdso ?? nil, let address = symbols.imageAddress(of: FileOffset(offset)) else {
            return Self.unknown(module)
        }
        return Self.symbol(symbols.answer(at: address), module, .user)
    }

    // MARK: Kernel

    private mutating func kernelSymbol(_ address: RuntimeAddress, _ now: Instant) -> Symbol {
        if kernelRead == nil { readKernel(now) }
        var found = kernel?.answer(at: address)
        if !kernelIsHidden, case (.none, _)? = found, let read = kernelRead,
            now.nanoseconds(since: read) > 1_000_000_000
        {
            // No record tells of a module that is loaded: a new address asks for a new look, once a second at most.
            readKernel(now)
            found = kernel?.answer(at: address)
        }
        guard let found, !kernelIsHidden else { return Self.unknown(Module(name: "[kernel]")) }
        let module = found.module.map { "[" + displayText($0, limit: 64) + "]" } ?? "[kernel]"
        return Self.symbol(found.answer, Module(name: module), .kernel)
    }

    private mutating func readKernel(_ now: Instant) {
        kernelRead = now
        guard let file = try? opener.open(own: "/proc/kallsyms"), let read = try? KernelSymbols(readingKallsyms: file)
        else { return }
        kernel = read
    }

    // MARK: Names

    private static func symbol(_ answer: SymbolAnswer, _ module: Module, _ kind: CodeKind) -> Symbol {
        switch answer {
        case .symbol(let rawName, _, _, _):
            let raw = displayText(rawName)
            guard let name = demangled(rawName), name != raw else {
                return Symbol(name: raw, module: module, kind: kind)
            }
            return Symbol(name: name, rawName: raw, module: module, kind: kind)
        case .range(let start, _):
            return Symbol(name: "[fn 0x\(String(start.value, radix: 16))]", module: module, kind: kind)
        case .none: return unknown(module)
        }
    }

    private static func unknown(_ module: Module) -> Symbol {
        Symbol(name: "[unknown]", module: module, kind: .unknown)
    }
}
