internal import Glibc

/// From a location to the symbol that is shown for it: the whole road, for every kind of space.
///
///     kernel ──────────────► kernel's list, records of code made since
///     image ───────┐
///     own address ─┼─ file ► open and verify ► its tables ► name, or range of a function
///       (ask /proc)├─ memory ► map of the just-in-time compiler ► name, or [jit …]
///                  └─ vdso, vsyscall
///
/// Everything here is slow and runs on the resolver thread, which needs 8 MB of stack for the demanglers.
package struct Symbolizer: ~Copyable {
    package var processes = ProcessCatalog()
    private var images = ImageStore()
    private var sightings: [SpaceID: ImageSighting] = [:]
    private var kernel = KernelNames()
    private var vdso = VDSOImages()
    private var jit = JITNames()

    package init() {}

    /// What to show for a location.
    package struct Answer {
        package let symbol: Symbol
        /// False: a later look may tell more.
        package let isFinal: Bool

        init(_ symbol: Symbol, isFinal: Bool = true) {
            self.symbol = symbol
            self.isFinal = isFinal
        }
    }

    /// Takes up where an image can be opened.
    ///
    /// - Returns: true where its names are those of what the file held before somebody wrote to it.
    package mutating func note(_ sighting: ImageSighting) -> Bool {
        sightings[sighting.space] = sighting
        return images.isChanged(MappedFile(path: sighting.path, identity: sighting.identity))
    }

    /// Takes in what the kernel made at run time; gives the addresses that may have another name from now on.
    package mutating func note(_ code: KernelCode) -> Range<UInt64>? { kernel.note(code) }

    /// True once kernel code was sampled whose names the kernel hides (`kernel.kptr_restrict`).
    package var kernelIsHidden: Bool { kernel.isHidden }

    /// What a space is called before anything of it has been read.
    func name(of space: SpaceID) -> String {
        if let sighting = sightings[space] {
            return displayText(sighting.path.split(separator: UInt8(ascii: "/")).last ?? [], limit: 64)
        }
        return space == .kernel ? "the kernel's list" : "code made at run time"
    }

    /// What to show for a location.
    package mutating func answer(at location: Location, now: Instant) -> Answer {
        var silent = Explanation(isWanted: false)
        return answer(at: location, now: now, &silent)
    }

    /// The same, with each step of the answer.
    package mutating func answer(at location: Location, now: Instant, _ explanation: inout Explanation) -> Answer {
        let space = location.space
        switch space {
        case .kernel: return kernel.answer(at: RuntimeAddress(location.value), now: now, &explanation)
        case .guest: return Answer(Symbol(name: "[guest]", module: Module(name: "[guest]"), kind: .guest))
        case .other: return Answer(Symbol(name: "[other]", module: Module(name: "[other]"), kind: .unknown))
        case .vdso: return Self.answer(in: vdso.own(), FileOffset(location.value), Self.vdsoModule, &explanation)
        default: break
        }
        if space.isImage { return answer(in: space, FileOffset(location.value), &explanation) }
        guard let owner = space.owner, owner != .idle, owner != .exiting else {
            return Answer(.unknown(in: Self.noModule))
        }
        return answer(at: location.value, in: owner, now, &explanation)
    }

    private static var noModule: Module { Module(name: "[unknown]") }
    private static var vdsoModule: Module { Module(name: "[vdso]") }

    // MARK: Addresses of one process

    private mutating func answer(
        at address: UInt64, in owner: Generation, _ now: Instant, _ explanation: inout Explanation
    ) -> Answer {
        switch processes.place(address, in: owner, at: now, &explanation) {
        case .image(let space, let offset, let start):
            let found = answer(in: space, offset, &explanation)
            if found.symbol.source != .none { return found }
            return answer(inMemory: address, of: owner, .jit(hex(start)), now, &explanation)
        case .file(let line, let task):
            let file = MappedFile(
                path: line.path, identity: .inode(device: line.device, inode: line.inode, generation: 0))
            let witness = ImageStore.Witness(
                pid: task, start: line.witness.lowerBound, end: line.witness.upperBound)
            let found = answer(in: file, witness, FileOffset(address &- line.start &+ line.offset), &explanation)
            // A memfd is often no file with code, but the other end of a compiler's memory; and memory in a file's hole
            // may have nothing to do with the file.
            guard found.symbol.kind == .jit || line.isMoved && found.symbol.source == .none else { return found }
            let standIn = line.isMoved ? Symbol.jit(hex(line.start)) : found.symbol
            return answer(inMemory: address, of: owner, standIn, now, &explanation)
        case .memory(let start):
            return answer(inMemory: address, of: owner, .jit(hex(start)), now, &explanation)
        case .vdso(let offset):
            return Self.answer(in: vdso.own(), FileOffset(offset), Self.vdsoModule, &explanation)
        case .foreignVDSO(let line, let task):
            let image = vdso.image(of: task, at: line.start..<line.end)
            return Self.answer(in: image, FileOffset(address - line.start), Self.vdsoModule, &explanation)
        case .vsyscall(let offset):
            // Three entries for ever (arch/x86/entry/vsyscall, "fixed addresses").
            let names: [UInt64: String] = [0: "gettimeofday", 0x400: "time", 0x800: "getcpu"]
            let module = Module(name: "[vsyscall]")
            return Answer(
                names[offset & 0xc00].map { Symbol(name: $0, module: module, kind: .user, source: .kernelList) }
                    ?? .unknown(in: module))
        case .kernelPage(let name):
            let shown = displayText(name, limit: 64)
            return Answer(Symbol(name: shown, module: Module(name: shown), kind: .user, source: .kernelList))
        case .unknown(let mayCome): return Answer(.unknown(in: Self.noModule), isFinal: !mayCome)
        }
    }

    /// Code made at run time: the name that its maker wrote down, else a stand-in for the piece of memory.
    private mutating func answer(
        inMemory address: UInt64, of owner: Generation, _ standIn: Symbol, _ now: Instant,
        _ explanation: inout Explanation
    ) -> Answer {
        explanation.add("memory that is no file: code made at run time")
        guard let sighting = processes.sighting(of: owner),
            let found = jit.name(at: address, in: JITProcess(sighting), now: now, &explanation)
        else { return Answer(standIn) }
        return Answer(
            Symbol(name: displayText(found.name), module: standIn.module, kind: .jit, source: .perfMap))
    }

    /// Reads what the makers of a process's code have written since; gives the addresses that have other names now.
    package mutating func changedNames(of owner: Generation, now: Instant) -> [Range<UInt64>] {
        guard let sighting = processes.sighting(of: owner) else { return [] }
        return jit.refresh(JITProcess(sighting), now: now)
    }

    /// What kept names from being found and should be known, one sentence each.
    package mutating func takeNews() -> [String] { jit.takeRefusals() }

    /// Forgets processes that ended before a time, once there are many: their names are given by then.
    package mutating func forget(before time: Instant) {
        for generation in processes.forget(before: time) { jit.forget(generation) }
    }

    // MARK: Files

    private mutating func answer(
        in space: SpaceID, _ offset: FileOffset, _ explanation: inout Explanation
    ) -> Answer {
        guard let sighting = sightings[space] else { return Answer(.unknown(in: Self.noModule)) }
        return answer(
            in: MappedFile(path: sighting.path, identity: sighting.identity),
            ImageStore.Witness(pid: sighting.pid, start: sighting.start, end: sighting.end), offset, &explanation)
    }

    private mutating func answer(
        in file: MappedFile, _ witness: ImageStore.Witness, _ offset: FileOffset, _ explanation: inout Explanation
    ) -> Answer {
        var image = images.image(of: file, seenBy: witness, explanation: &explanation)
        if case .failure(.imageUnreadable) = image.symbols {
            // Where the leader has exited, another thread still has the memory.
            var other = witness
            other.pid = processes.livingTask(of: witness.pid)
            if other.pid != witness.pid { image = images.image(of: file, seenBy: other, explanation: &explanation) }
        }
        switch image.symbols {
        case .success(let symbols): return Self.answer(in: symbols, offset, image.module, &explanation)
        case .failure(.notELF):
            explanation.add("no ELF file")
            return Answer(.jit(image.module.name, in: image.module))
        case .failure(.fileChanged):
            explanation.add("the file that was mapped is not there any more, and another one's names would be wrong")
            return Answer(Symbol(name: "[file changed]", module: image.module, kind: .unknown))
        case .failure(let reason):
            explanation.add("no names: \(reason.sentence)")
            // Another process that maps it may come, through which it can be opened.
            return Answer(.unknown(in: image.module), isFinal: false)
        }
    }

    private static func answer(
        in symbols: ImageSymbols?, _ offset: FileOffset, _ module: Module, _ explanation: inout Explanation
    ) -> Answer {
        guard let symbols, let address = symbols.imageAddress(of: offset) else {
            explanation.add("no executable segment of the file holds offset \(hex(offset.value))")
            return Answer(.unknown(in: module))
        }
        explanation.add("offset \(hex(offset.value)) is address \(hex(address.value)) of the file's own tables")
        switch symbols.answer(at: address) {
        case .symbol(let rawName, let start, let end, let source):
            let symbol = Symbol(rawName: rawName, in: module, kind: .user, source: source)
            explanation.add(
                "\(source.explanation): \(symbol.rawName ?? symbol.name) at \(hex(start.value))-\(hex(end.value))")
            return Answer(symbol)
        case .range(let start, let end):
            explanation.add(
                "\(NameSource.unwindTable.explanation): a function without a name at "
                    + "\(hex(start.value))-\(hex(end.value))")
            return Answer(
                Symbol(name: "[fn \(hex(start.value))]", module: module, kind: .user, source: .unwindTable))
        case .none(let reason):
            explanation.add("no name: \(reason.sentence)")
            let isChanged = reason == .fileChanged
            return Answer(
                isChanged ? Symbol(name: "[file changed]", module: module, kind: .unknown) : .unknown(in: module))
        }
    }
}
