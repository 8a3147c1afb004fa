import SampleEngineTestSupport

/// A 64-bit ELF file made byte by byte, for what no linker writes.
struct MadeImage {
    /// Addresses of each segment of code. Its bytes are never read, so there are none.
    var code: [Range<UInt64>] = []
    /// What a segment that is only read holds, and where.
    var constants: [UInt8] = []
    var constantsAddress: UInt64 = 0x1000
    /// In segment order: a section of each, and a table of these, where there are any.
    private var symbols: [UInt8] = Array(repeating: 0, count: 24)
    private var strings: [UInt8] = [0]

    init(code: [Range<UInt64>]) { self.code = code }

    mutating func addFunction(_ name: String, at start: UInt64, size: UInt64) {
        addFunction(nameAt: addStrings(Array(name.utf8) + [0]), at: start, size: size)
    }

    /// - Returns: where they begin.
    mutating func addStrings(_ bytes: [UInt8]) -> Int {
        strings += bytes
        return strings.count - bytes.count
    }

    mutating func addFunction(nameAt name: Int, at start: UInt64, size: UInt64) {
        let section = code.firstIndex { $0.contains(start) }.map { $0 + 1 } ?? 0
        symbols += word(UInt32(name)) + [0x12, 0] + word(UInt16(section)) + word(start) + word(size)
    }

    var bytes: [UInt8] {
        let hasSymbols = symbols.count > 24
        let segmentCount = code.count + (constants.isEmpty ? 0 : 1)
        let constantsOffset = (64 + 56 * segmentCount + 7) / 8 * 8
        let symbolsOffset = (constantsOffset + constants.count + 7) / 8 * 8
        let stringsOffset = symbolsOffset + symbols.count
        let headersOffset = (stringsOffset + strings.count + 7) / 8 * 8
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + Array(repeating: 0, count: 9)
        file += word(UInt16(3)) + word(UInt16(62)) + word(UInt32(1)) + word(UInt64(0)) + word(UInt64(64))
        file += word(UInt64(hasSymbols ? headersOffset : 0)) + word(UInt32(0)) + word(UInt16(64)) + word(UInt16(56))
        file += word(UInt16(segmentCount)) + word(UInt16(64)) + word(UInt16(hasSymbols ? code.count + 3 : 0))
        file += word(UInt16(0))
        for range in code { file += Self.segment(flags: 5, 0x1000, range.lowerBound, UInt64(range.count64)) }
        if !constants.isEmpty {
            file += Self.segment(
                flags: 4, UInt64(constantsOffset), constantsAddress, UInt64(constants.count))
        }
        pad(&file, to: constantsOffset)
        file += constants
        guard hasSymbols else { return file }
        pad(&file, to: symbolsOffset)
        file += symbols + strings
        pad(&file, to: headersOffset)
        file += Array(repeating: 0, count: 64)
        for range in code { file += Self.section(type: 1, flags: 6, range.lowerBound, 0x1000, range.count64) }
        file += Self.section(
            type: 2, flags: 0, 0, UInt64(symbolsOffset), UInt64(symbols.count), link: UInt32(code.count + 2), entry: 24)
        file += Self.section(type: 3, flags: 0, 0, UInt64(stringsOffset), UInt64(strings.count))
        return file
    }

    private func pad(_ file: inout [UInt8], to size: Int) {
        file += Array(repeating: 0, count: max(0, size - file.count))
    }

    private static func segment(flags: UInt32, _ offset: UInt64, _ address: UInt64, _ size: UInt64) -> [UInt8] {
        word(UInt32(1)) + word(flags) + word(offset) + word(address) + word(address) + word(size) + word(size)
            + word(UInt64(0x1000))
    }

    private static func section(
        type: UInt32, flags: UInt64, _ address: UInt64, _ offset: UInt64, _ size: UInt64, link: UInt32 = 0,
        entry: UInt64 = 0
    ) -> [UInt8] {
        word(UInt32(0)) + word(type) + word(flags) + word(address) + word(offset) + word(size) + word(link)
            + word(UInt32(1)) + word(UInt64(8)) + word(entry)
    }
}

extension Range<UInt64> {
    /// Also of one that an `Int` does not count.
    var count64: UInt64 { upperBound - lowerBound }
}

/// A table as Go's linker writes it (`runtime/symtab.go` of each version).
struct MadeGoTable {
    enum Layout: UInt32, CaseIterable {
        case go2 = 0xffff_fffb
        case go16 = 0xffff_fffa
        case go18 = 0xffff_fff0
        case go20 = 0xffff_fff1

        var hasOffsets: Bool { self == .go18 || self == .go20 }
    }

    var layout: Layout
    var text: UInt64
    /// Where each begins, counted from the text.
    var functions: [(start: UInt64, name: String)]
    /// Where the last one ends.
    var end: UInt64

    /// Bytes of the header in front of the list, or of the names.
    var headerSize: Int { layout == .go2 ? 16 : layout == .go16 ? 64 : 72 }

    /// Where the list begins.
    var listOffset: Int { layout == .go2 ? 16 : headerSize + names.count }

    private var names: [UInt8] { functions.flatMap { Array($0.name.utf8) + [0] } }

    var bytes: [UInt8] {
        var bytes = word(layout.rawValue) + [0, 0, 1, 8] + word(UInt64(functions.count))
        let width = layout.hasOffsets ? 4 : 8
        let listSize = 2 * width * functions.count + width
        let list = listOffset
        switch layout {
        case .go2: break
        case .go16: for value in [0, headerSize, 0, 0, 0, list] { bytes += word(UInt64(value)) }
        case .go18, .go20:
            bytes += word(UInt64(0)) + word(text)
            for value in [headerSize, 0, 0, 0, list] { bytes += word(UInt64(value)) }
        }
        if layout != .go2 { bytes += names }
        // Records are counted from the list, in the oldest layout from the table.
        let records = layout == .go2 ? list + listSize : listSize
        let recordSize = width + 4
        func place(_ address: UInt64) -> [UInt8] {
            layout.hasOffsets ? word(UInt32(address)) : word(text + address)
        }
        func number(_ value: Int) -> [UInt8] { layout.hasOffsets ? word(UInt32(value)) : word(UInt64(value)) }
        for (index, function) in functions.enumerated() {
            bytes += place(function.start) + number(records + recordSize * index)
        }
        bytes += place(end)
        var name = layout == .go2 ? records + recordSize * functions.count : 0
        for function in functions {
            bytes += place(function.start) + word(UInt32(name))
            name += function.name.utf8.count + 1
        }
        if layout == .go2 { bytes += names }
        return bytes
    }
}
