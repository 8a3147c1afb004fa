/// How a pointer is written (LSB, "DWARF Exception Header Encoding").
struct PointerEncoding {
    static let relative32: UInt8 = 0x1b
    let byte: UInt8

    /// Bytes of the value, nil for a form no linker writes for functions.
    func size(is64Bit: Bool) -> Int? {
        switch byte & 0x0f {
        case 0: is64Bit ? 8 : 4
        case 2, 0xa: 2
        case 3, 0xb: 4
        case 4, 0xc: 8
        default: nil
        }
    }

    /// The value at an offset whose bytes are there.
    func value(_ bytes: [UInt8], _ offset: Int, size: Int) -> UInt64 {
        let isSigned = byte & 0x08 != 0
        switch size {
        case 2:
            let raw = bytes.u16(offset)
            return isSigned ? UInt64(bitPattern: Int64(Int16(bitPattern: raw))) : UInt64(raw)
        case 4:
            let raw = bytes.u32(offset)
            return isSigned ? UInt64(bitPattern: Int64(Int32(bitPattern: raw))) : UInt64(raw)
        default: return bytes.u64(offset)
        }
    }

    /// What the value is relative to; nil where that cannot be known from the table alone.
    func base(at address: UInt64) -> UInt64? {
        switch byte & 0xf0 {
        case 0x00: 0
        case 0x10: address
        default: nil
        }
    }
}

/// Walks the entries of `.eh_frame` from first to last, or goes to single ones.
struct FrameReader: ~Copyable {
    struct Table {
        let range: FileRange
        let address: UInt64
    }

    enum Entry {
        case range(start: UInt64, end: UInt64)
        case other
    }

    private let table: Table
    private let is64Bit: Bool
    private var window: FileWindow
    private var position: UInt64
    /// Pointer encodings by the file offset of their common information entry; an image has a handful.
    private var encodings: [UInt64: PointerEncoding] = [:]
    private var last: (offset: UInt64, encoding: PointerEncoding)?

    /// - Parameter chunk: bytes read at a time.
    init(table: Table, is64Bit: Bool, chunk: Int = 65_536) {
        self.table = table
        self.is64Bit = is64Bit
        window = FileWindow(over: table.range, chunk: chunk)
        position = table.range.offset
    }

    /// The entry at an address, nil where there is no function's.
    mutating func range(at address: UInt64, from file: ImageFile) -> (start: UInt64, end: UInt64)? {
        guard address >= table.address, address - table.address < table.range.size else { return nil }
        position = table.range.offset + (address - table.address)
        guard case .range(let start, let end) = try? next(from: file) else { return nil }
        return (start, end)
    }

    /// The next entry, nil at the end of the table.
    mutating func next(from file: ImageFile) throws(ELFError) -> Entry? {
        guard table.range.end - position >= 8 else { return nil }
        var place = try window.fetch(position, 8, from: file)
        let length = UInt64(window.bytes.u32(place))
        if length == 0 { return nil }
        // 64-bit DWARF lengths are for sections over 4 GiB: more than is read here.
        guard length < 0xffff_fff0, length >= 4 else { throw .tooLarge }
        let entry = position
        let (end, overflow) = position.addingReportingOverflow(4 + length)
        guard !overflow, end <= table.range.end else { throw .truncated }
        position = end
        let pointer = UInt64(window.bytes.u32(place + 4))
        if pointer == 0 { return .other }
        // The pointer counts back from its own place.
        guard pointer <= entry + 4 - table.range.offset else { throw .truncated }
        guard let encoding = try encoding(at: entry + 4 - pointer, from: file),
            let size = encoding.size(is64Bit: is64Bit), length >= UInt64(4 + 2 * size),
            let base = encoding.base(at: table.address &+ (entry + 8 - table.range.offset))
        else { return .other }
        place = try window.fetch(entry + 8, 2 * size, from: file)
        let start = encoding.value(window.bytes, place, size: size) &+ base
        let count = PointerEncoding(byte: encoding.byte & 0x07).value(window.bytes, place + size, size: size)
        let (stop, wraps) = start.addingReportingOverflow(count)
        return wraps ? .other : .range(start: start, end: stop)
    }

    /// The encoding that the entry at an offset prescribes for its functions, nil where it is not understood.
    private mutating func encoding(
        at offset: UInt64, from file: ImageFile
    ) throws(ELFError) -> PointerEncoding? {
        if let last, last.offset == offset { return last.encoding }
        if let known = encodings[offset] {
            last = (offset, known)
            return known
        }
        guard table.range.end - offset >= 17 else { throw .truncated }
        // A table that never uses an entry twice is made to waste time.
        guard encodings.count < 65_536 else { throw .tooLarge }
        // Entries are short: version, augmentation string, three numbers, augmentation data.
        let size = Int(min(table.range.end - offset, 128))
        let bytes = try file.bytes(at: offset, count: size)
        guard bytes.u32(4) == 0 else { throw .truncated }
        // One that is not understood keeps a form that has no size.
        let encoding = Self.encoding(inEntry: bytes, is64Bit: is64Bit) ?? PointerEncoding(byte: 0xff)
        encodings[offset] = encoding
        last = (offset, encoding)
        return encoding
    }

    private static func encoding(inEntry bytes: [UInt8], is64Bit: Bool) -> PointerEncoding? {
        guard bytes[8] == 1 || bytes[8] == 3, let nul = bytes[9...].firstIndex(of: 0) else { return nil }
        let augmentation = bytes[9..<nul]
        guard augmentation.first == 0x7a else { return augmentation.isEmpty ? PointerEncoding(byte: 0) : nil }
        var position = nul + 1
        // Code alignment, data alignment, return address register, size of the augmentation data.
        for field in 0..<4 {
            if field == 2, bytes[8] == 1 {
                position += 1
                continue
            }
            while position < bytes.count, bytes[position] & 0x80 != 0 { position += 1 }
            position += 1
        }
        for letter in augmentation.dropFirst() {
            guard position < bytes.count else { return nil }
            switch letter {
            case 0x52: return PointerEncoding(byte: bytes[position])  // R
            case 0x4c: position += 1  // L
            case 0x50:  // P: an encoding and a pointer in it
                guard let size = PointerEncoding(byte: bytes[position]).size(is64Bit: is64Bit) else { return nil }
                position += 1 + size
            case 0x53, 0x42: continue  // S, B: no data
            default: return nil
            }
        }
        return PointerEncoding(byte: 0)
    }
}
