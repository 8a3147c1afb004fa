internal import Glibc

/// The lines of `/proc/kallsyms` that name code, collected chunk by chunk.
struct KallsymsList {
    /// One line, or a boundary where `length` is 0.
    struct Entry {
        var address: UInt64
        var name: UInt32
        var length: UInt16
        var module: UInt16
        /// Preference among entries at one address; the highest wins before names are compared.
        var standing: UInt8
    }

    var entries: [Entry] = []
    private(set) var blob: [UInt8] = []
    private(set) var modules: [(start: Int, length: Int)] = []
    private(set) var lines = 0
    private(set) var hasAddresses = false
    /// `_text` and `_etext`; everything until they are seen.
    private var image: (start: UInt64, end: UInt64) = (0, .max)
    private var moduleNumbers: [[UInt8]: UInt16] = [:]
    private var lastModule: (name: [UInt8], number: UInt16) = ([], 0)
    /// The beginning of a line whose end comes with the next chunk.
    private var rest: [UInt8] = []
    private var chunk = [UInt8](repeating: 0, count: 65_536)

    private static let maximumEntries = 8 << 20
    private static let maximumName = 512
    private static let borders: [StaticString] = [
        "_text", "_stext", "_etext", "_sinittext", "_einittext", "__init_begin", "__init_end",
    ]

    init() {
        entries.reserveCapacity(1 << 17)
        blob.reserveCapacity(1 << 21)
    }

    /// Reads and takes in the next chunk; returns its size, 0 at the end.
    mutating func readChunk(of file: borrowing Descriptor, at offset: Int) throws(Errno) -> Int {
        let number = file.number
        let start = rest.count
        chunk.replaceSubrange(0..<start, with: rest)
        rest = []
        let room = chunk.count - start
        let got = try systemCall {
            unsafe chunk.withUnsafeMutableBytes {
                unsafe pread(number, $0.baseAddress?.advanced(by: start), room, off_t(offset))
            }
        }
        takeLines(chunk, count: start + got)
        return got
    }

    /// Takes in a last line that has no newline.
    mutating func finish() {
        let last = rest
        rest = []
        if !last.isEmpty { takeLine(last, 0, last.count) }
    }

    private mutating func takeLines(_ bytes: [UInt8], count: Int) {
        var start = 0
        while let end = newline(bytes, start, count) {
            takeLine(bytes, start, end)
            start = end + 1
        }
        // A line longer than half a chunk is no line of the kernel's.
        if count - start < bytes.count / 2 { rest = Array(bytes[start..<count]) }
    }

    @inline(__always)
    private mutating func takeLine(_ line: [UInt8], _ start: Int, _ end: Int) {
        var position = start
        var address: UInt64 = 0
        while position < end, let digit = hexadecimal(line[position]) {
            address = address << 4 | UInt64(digit)
            position += 1
        }
        guard position > start, position - start <= 16, position + 3 < end, line[position] == 0x20,
            line[position + 2] == 0x20
        else { return }
        let type = line[position + 1]
        // t T w W: code, local or global, strong or weak.
        guard type | 0x20 == 0x74 || type | 0x20 == 0x77 else { return }
        lines += 1
        if address != 0 { hasAddresses = true }
        let name = position + 3
        var nameEnd = name
        while nameEnd < end, line[nameEnd] != 0x09, line[nameEnd] != 0x20 { nameEnd += 1 }
        guard nameEnd > name, nameEnd - name <= Self.maximumName, entries.count < Self.maximumEntries else { return }
        let module = nameEnd < end ? moduleNumber(line, nameEnd, end) : 0
        if isMarker(line, name, nameEnd, address) {
            entries.append(Entry(address: address, name: 0, length: 0, module: module, standing: 0))
            return
        }
        let standing: UInt8 = type == 0x54 ? 3 : type | 0x20 == 0x77 ? 2 : 1
        let isEntry = starts(line, name, nameEnd, "__x64_sys_") || starts(line, name, nameEnd, "__arm64_sys_")
        entries.append(
            Entry(
                address: address, name: UInt32(blob.count), length: UInt16(nameEnd - name), module: module,
                standing: isEntry ? 4 : standing))
        blob.append(contentsOf: line[name..<nameEnd])
    }

    /// `\t[NAME]`
    private mutating func moduleNumber(_ line: [UInt8], _ start: Int, _ end: Int) -> UInt16 {
        guard end - start > 3, line[start + 1] == 0x5b, line[end - 1] == 0x5d, end - start < 128 else { return 0 }
        var name: [UInt8] = []
        for index in start + 2..<end - 1 { name.append(line[index]) }
        if name == lastModule.name { return lastModule.number }
        if let known = moduleNumbers[name] {
            lastModule = (name, known)
            return known
        }
        guard modules.count < Int(UInt16.max) else { return 0 }
        modules.append((blob.count, name.count))
        blob.append(contentsOf: name)
        let number = UInt16(modules.count)
        moduleNumbers[name] = number
        lastModule = (name, number)
        return number
    }

    /// Padding before functions, and the borders the linker script sets: they name no function.
    private mutating func isMarker(_ line: [UInt8], _ first: Int, _ end: Int, _ address: UInt64) -> Bool {
        guard line[first] == 0x5f else { return false }
        // What runs before the kernel is where it will be has a second name for all that it uses.
        let start = starts(line, first, end, "__pi__") ? first + 5 : first
        if starts(line, start, end, "__pfx_") || starts(line, start, end, "__cfi_") { return true }
        if ends(line, start, end, "_text_start") || ends(line, start, end, "_text_end") { return true }
        func isNamed(_ name: StaticString) -> Bool {
            end - start == name.utf8CodeUnitCount && starts(line, start, end, name)
        }
        if start == first, isNamed("_text") { image.start = address }
        if start == first, isNamed("_etext") { image.end = address }
        return Self.borders.contains(where: isNamed)
    }

    /// Sorts by address and keeps one entry for each, the one that says most; of the core only what lies in its image.
    ///
    /// Behind the image comes what ran at boot: its memory was given back, and who uses it now has no name here.
    mutating func keepBest() {
        entries.removeAll { entry in
            entry.module == 0 && (entry.address < image.start || entry.address > image.end)
        }
        let blob = blob
        entries.sort { ($0.address, $1.standing) < ($1.address, $0.standing) }
        var kept = 0
        for entry in entries {
            if kept > 0, entries[kept - 1].address == entry.address {
                let best = entries[kept - 1]
                // Ordered by standing: only equals can be better.
                guard entry.standing == best.standing, entry.length > 0,
                    isBetterName(name(entry, blob), than: name(best, blob))
                else { continue }
                entries[kept - 1] = entry
                continue
            }
            entries[kept] = entry
            kept += 1
        }
        entries.removeLast(entries.count - kept)
        // At its end too nothing but the border: what begins there lies behind.
        if let end = entries.firstIndex(where: { $0.address == image.end && $0.module == 0 }) {
            entries[end].length = 0
        }
    }

    private func name(_ entry: Entry, _ blob: [UInt8]) -> [UInt8] {
        Array(blob[Int(entry.name)..<Int(entry.name) + Int(entry.length)])
    }
}

private func newline(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int? {
    unsafe bytes.withUnsafeBytes { buffer in
        guard start < end, end <= buffer.count, let base = buffer.baseAddress,
            let found = unsafe memchr(base + start, 0x0a, end - start)
        else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}

@inline(__always)
private func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: byte - 0x57
    default: nil
    }
}

@inline(__always)
private func starts(_ line: [UInt8], _ start: Int, _ end: Int, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard end - start >= count else { return false }
    for index in 0..<count where unsafe line[start + index] != text.utf8Start[index] { return false }
    return true
}

@inline(__always)
private func ends(_ line: [UInt8], _ start: Int, _ end: Int, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    return end - start >= count && starts(line, end - count, end, text)
}
