/// The stubs of the procedure linkage table, each named for what it jumps to.
///
/// Linkers lay these tables out in many ways, so nothing is assumed about sizes: each stub's own code says which slot
/// of the global offset table it jumps through, and the relocation of that slot says which symbol goes there.
struct LinkageStubs {
    /// Ascending by place in the tables.
    private(set) var named: [Named] = []
    /// What a stub of an indirect function runs to find its target; `NameReference.Place.other` counts in here.
    private(set) var resolvers: [ImageAddress] = []

    /// A stub whose target has a name.
    struct Named {
        let start: UInt64
        let end: UInt64
        let name: NameReference
    }

    /// More than any honest image has.
    private static let maximumCount = 1 << 17

    /// Finds the stubs of an x86-64 or AArch64 image; anything else, and anything malformed, has none.
    ///
    /// - Parameter dynamic: the image's table of dynamic symbols, to which relocations refer.
    init(of image: OpenImage, dynamic: SymbolTablePlace?) {
        let headers = image.headers
        guard headers.is64Bit, let types = RelocationTypes(machine: headers.machine) else { return }
        var stubs: [Stub] = []
        for (range, address, isTable) in Self.places(in: headers) where address <= UInt64.max - range.size {
            let room = Self.maximumCount - stubs.count
            guard let found = try? Self.jumps(in: range, at: address, headers.machine, image.file, limit: room)
            else { continue }
            for jump in found {
                let end = isTable ? range.size : min(UInt64(jump.start + jump.longest), range.size)
                stubs.append(Stub(start: address + UInt64(jump.start), end: address + end, slot: jump.slot))
            }
        }
        if stubs.isEmpty { return }
        // Several tables may jump through one slot.
        var slots = stubs.indices.map { Slot(address: stubs[$0].slot, stub: Int32($0)) }
        slots.sort { $0.address < $1.address }
        var budget = ELF.maximumSymbols
        var missing = stubs.count
        // The tables' own relocations are few and come first; those of all data are read only if some are missing.
        for table in Self.relocations(of: image).sorted(by: { $0.size < $1.size }) where missing > 0 {
            try? Self.relocate(&stubs, slots, &missing, types, table, image.file, budget: &budget)
        }
        stubs.removeAll { $0.target == nil }
        name(stubs, image.file, dynamic)
    }

    /// The stubs in a window, for the table of functions.
    func candidates(in window: CodeWindow) -> [SymbolCandidate] {
        let rank = SymbolRank(isSized: true, isFunction: true, isExported: false, binding: .local)
        return named.compactMap { stub in
            guard let part = window.part(stub.start, stub.end), UInt64(part.end - part.start) == stub.end - stub.start
            else { return nil }
            return SymbolCandidate(start: part.start, end: part.end, name: stub.name, rank: rank)
        }
    }

    /// Bytes of memory held.
    var byteCount: Int { MemoryLayout<Named>.stride * named.count + 8 * resolvers.count }

    /// Where stubs are looked for, and whether there is nothing but stubs.
    ///
    /// Sections bear the tables' names. Without section headers all code is searched: no other code jumps through the
    /// slots that are filled for stubs alone. But then the size of a stub must be known.
    private static func places(in image: ELFFile) -> [(FileRange, address: UInt64, isTable: Bool)] {
        if image.sections.isEmpty {
            return image.segments.filter { $0.isCode && $0.fileSize > 0 && $0.fileSize <= 16 << 20 }.prefix(4)
                .compactMap { segment in
                    image.fileRange(at: segment.address, count: segment.fileSize).map { ($0, segment.address, false) }
                }
        }
        return SectionName.linkageTables.flatMap(image.sections(named:)).compactMap { section in
            guard section.isCode, section.size > 0, section.size <= 4 << 20 else { return nil }
            return (try? image.fileRange(of: section)).map { ($0, section.address, true) }
        }
    }

    /// The tables of relocations that may fill slots with symbols.
    private static func relocations(of image: OpenImage) -> [FileRange] {
        let dynamic = DynamicSegment(of: image.headers, in: image.file)
        if image.headers.sections.isEmpty { return [dynamic?.linkageRelocations].compactMap(\.self) }
        let tables = image.headers.sections.lazy.filter {
            $0.type == ELF.addendRelocations && $0.flags & ELF.allocatedSection != 0
        }
        return tables.prefix(16).compactMap { section in
            guard let range = try? image.headers.fileRange(of: section) else { return nil }
            let skipped = min(dynamic?.relativeCount(ofTableAt: section.address) ?? 0, range.size / 24) * 24
            return try? FileRange(
                offset: range.offset + skipped, size: range.size - skipped, fileSize: image.headers.fileSize)
        }
    }

    private struct Stub {
        let start: UInt64
        /// The last byte it can have; the next stub with a target ends it earlier.
        let end: UInt64
        let slot: UInt64
        var target: Target?
    }

    private struct Slot {
        let address: UInt64
        let stub: Int32
    }

    private enum Target {
        case symbol(UInt32)
        case resolver(UInt64)
    }

    /// Numbers of the relocations that fill slots (psABI of the processor).
    private struct RelocationTypes {
        let symbol: (UInt32, UInt32)
        let resolver: UInt32

        init?(machine: UInt16) {
            switch machine {
            case ELF.intel64: (symbol, resolver) = ((6, 7), 37)
            case ELF.aarch64: (symbol, resolver) = ((1025, 1026), 1032)
            default: return nil
            }
        }
    }

    /// What the code of a stub says.
    struct Jump: Equatable {
        /// From the beginning of the code that was searched.
        let start: Int
        /// Bytes that such a stub has at the most.
        let longest: Int
        /// Address that it loads its target from.
        let slot: UInt64
    }

    /// A piece of code, with what stands before it.
    private struct Piece {
        let bytes: [UInt8]
        /// Where the piece itself begins and ends in `bytes`.
        let range: Range<Int>
        /// What stands first in `bytes`, from the beginning of the code.
        let first: Int
        /// Address of the same.
        let address: UInt64
    }

    /// Code is searched in pieces: whoever wrote the file decides how much of it there is.
    private static let pieceSize = 1 << 18
    /// Bytes before and behind an instruction that belong to a stub; a multiple of an instruction's size.
    private static let surroundings = 16

    /// The stubs in some code.
    ///
    /// - Throws: `tooLarge` where there are more than a limit: no honest image has so many.
    static func jumps(
        in range: FileRange, at address: UInt64, _ machine: UInt16, _ file: ImageFile, limit: Int,
        pieceSize: Int = pieceSize
    ) throws(ELFError) -> [Jump] {
        var result: [Jump] = []
        let size = Int(range.size)
        var next = 0
        while next < size {
            let first = max(0, next - surroundings)
            let end = min(size, next + pieceSize)
            let bytes = try file.bytes(
                at: range.offset + UInt64(first), count: min(size, end + surroundings) - first)
            let piece = Piece(
                bytes: bytes, range: (next - first)..<(end - first), first: first, address: address + UInt64(first))
            next = first + (machine == ELF.intel64 ? x86Jumps(piece, into: &result) : armJumps(piece, into: &result))
            if result.count > limit { throw .tooLarge }
        }
        return result
    }

    /// Every `jmp *d(%rip)` that begins in a piece; gives where to go on.
    private static func x86Jumps(_ piece: Piece, into result: inout [Jump]) -> Int {
        let code = piece.bytes
        var position = piece.range.lowerBound
        while position < piece.range.upperBound {
            guard position + 6 <= code.count else { return piece.range.upperBound }
            guard code[position] == 0xff, code[position + 1] == 0x25 else {
                position += 1
                continue
            }
            let distance = Int64(Int32(bitPattern: code.u32(position + 2)))
            // `bnd` and `endbr64` before the jump belong to the stub.
            var start = position
            if start >= 1, code[start - 1] == 0xf2 { start -= 1 }
            // `push d(%rip)` before it: the table's head, whose slot the loader fills on its own.
            if start >= 6, code[start - 6] == 0xff, code[start - 5] == 0x35 {
                position += 6
                continue
            }
            if start >= 4, code.u32(start - 4) == 0xfa1e_0ff3 { start -= 4 }
            let slot = piece.address &+ UInt64(bitPattern: Int64(position + 6) + distance)
            result.append(Jump(start: piece.first + start, longest: 16, slot: slot))
            position += 6
        }
        return position
    }

    /// `bti c`
    private static let landingPad: UInt32 = 0xd503_245f

    /// Every `adrp x16, page; ldr x17, [x16, #d]` that begins in a piece; gives where to go on.
    private static func armJumps(_ piece: Piece, into result: inout [Jump]) -> Int {
        let code = piece.bytes
        for position in stride(from: piece.range.lowerBound, to: piece.range.upperBound, by: 4) {
            guard position + 8 <= code.count else { break }
            let (page, load) = (code.u32(position), code.u32(position + 4))
            guard page & 0x9f00_001f == 0x9000_0010, load & 0xffc0_03ff == 0xf940_0211 else { continue }
            // 21 bits, signed, in pages: the low two stand apart.
            let raw = UInt64(page >> 5 & 0x7ffff) << 2 | UInt64(page >> 29 & 3)
            let pages = UInt64(bitPattern: Int64(bitPattern: raw << 43) >> 43)
            let base = ((piece.address &+ UInt64(position)) & ~0xfff) &+ pages << 12
            let before = position >= 4 ? code.u32(position - 4) : 0
            // `stp x16, x30, [sp, #-16]!` before it: the table's head, whose slot the loader fills on its own.
            if before == 0xa9bf_7bf0 { continue }
            // One layout begins with `bti c`, and is the longer one.
            let hasPad = before == landingPad
            result.append(
                Jump(
                    start: piece.first + position - (hasPad ? 4 : 0), longest: hasPad ? 24 : 16,
                    slot: base &+ UInt64(load >> 10 & 0xfff) << 3))
        }
        return piece.range.upperBound
    }

    private static func relocate(
        _ stubs: inout [Stub], _ slots: [Slot], _ missing: inout Int, _ types: RelocationTypes, _ table: FileRange,
        _ file: ImageFile, budget: inout Int
    ) throws(ELFError) {
        var entries = try EntryReader(in: table, entrySize: 24, limit: budget)
        while missing > 0, try entries.next(from: file) {
            budget -= entries.count
            for index in 0..<entries.count {
                let information = entries.bytes.u64(24 * index + 8)
                let type = UInt32(truncatingIfNeeded: information)
                guard type == types.resolver || type == types.symbol.0 || type == types.symbol.1 else { continue }
                let address = entries.bytes.u64(24 * index)
                var slot = lowerBound(slots.count) { slots[$0].address < address }
                // The first relocation of a slot fills it: so each stub is come to once.
                while slot < slots.count, slots[slot].address == address, stubs[Int(slots[slot].stub)].target == nil {
                    stubs[Int(slots[slot].stub)].target =
                        type == types.resolver
                        ? .resolver(entries.bytes.u64(24 * index + 16))
                        : .symbol(UInt32(truncatingIfNeeded: information >> 32))
                    missing -= 1
                    slot += 1
                }
            }
        }
    }

    private mutating func name(_ stubs: [Stub], _ file: ImageFile, _ dynamic: SymbolTablePlace?) {
        var window = dynamic.map { FileWindow(over: $0.entries) }
        for index in stubs.indices {
            let stub = stubs[index]
            var end = stub.end
            if index + 1 < stubs.count, stubs[index + 1].start > stub.start { end = min(end, stubs[index + 1].start) }
            let name: NameReference
            switch stub.target {
            case .symbol(let number):
                guard let offset = window?.name(of: number, file) else { continue }
                name = NameReference(.stub, offset)
            case .resolver(let address):
                name = NameReference(.other, UInt32(resolvers.count))
                resolvers.append(ImageAddress(address))
            case nil: continue
            }
            if stub.start < end { named.append(Named(start: stub.start, end: end, name: name)) }
        }
    }
}

extension FileWindow {
    /// Offset of a symbol's name in its string table; the window is over the entries.
    fileprivate mutating func name(of number: UInt32, _ file: ImageFile) -> UInt32? {
        guard let place = try? fetch(range.offset + 24 * UInt64(number), 24, from: file) else { return nil }
        let offset = bytes.u32(place)
        return offset != 0 && offset <= NameReference.maximumOffset ? offset : nil
    }
}
