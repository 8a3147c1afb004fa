internal import CLinuxShims

/// The readable form of a symbol's name, nil where the name is readable as it is or cannot be demangled.
///
/// C++ (`_Z`), Rust (legacy `_ZN…17h…E` and v0 `_R`) and Swift (`$s`, `$S`, `$e`, `_T0`). Suffixes that a compiler
/// gave to a copy or a part of a function are shown in brackets, also for C: `name [cold]`. The text is sanitized and
/// at most 4 KiB; names over 2 KiB (Swift: 1 KiB) and names made to expand without bound stay raw.
///
/// Any thread with a stack of 8 MiB: both demanglers recurse with the depth of the name.
package func demangled(_ rawName: [UInt8]) -> String? {
    if rawName.count > 2048 || rawName.contains(0) { return nil }
    guard let suffix = CloneSuffix(of: rawName) else { return demangledBase(rawName) }
    let base = Array(rawName[..<suffix.start])
    return (demangledBase(base) ?? displayText(base)) + " [" + displayText(suffix.label) + "]"
}

private func demangledBase(_ name: [UInt8]) -> String? {
    guard name.count > 3 else { return nil }
    switch (name[0], name[1]) {
    case (0x5f, 0x5a), (0x5f, 0x52): return demangledC(name)  // _Z _R
    case (0x5f, 0x5f) where name.starts(with: [0x5f, 0x5f, 0x5f, 0x5a]): return demangledC(name)  // ___Z
    case (0x24, _), (0x5f, 0x24), (0x5f, 0x54): return isSwift(name) ? demangledSwift(name) : nil
    default: return nil
    }
}

/// Longest readable form that is shown.
private let capacity = 4096

private func demangledC(_ name: [UInt8]) -> String? {
    if needsDeepStack(name) { return nil }
    return unsafe text { out in
        unsafe (name + [0]).withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) {
                guard let start = $0.baseAddress, let room = out.baseAddress else { return -1 }
                return unsafe pt_demangle(start, room, out.count)
            }
        }
    }
}

/// libiberty puts (references to template parameters) × (templates) records of 24 bytes on the stack, counting each
/// up to twice; no real name of 2 KiB comes near the bound.
private func needsDeepStack(_ name: [UInt8]) -> Bool {
    var (templates, references) = (0, 0)
    for byte in name {
        if byte == 0x49 || byte == 0x4a { templates += 1 }  // I J
        if byte == 0x52 || byte == 0x4f { references += 1 }  // R O
    }
    return templates * references > 20_000
}

private func isSwift(_ name: [UInt8]) -> Bool {
    let bare = name[0] == 0x5f ? name[1...] : name[...]
    if bare.starts(with: [0x54, 0x30]) { return name[0] == 0x5f }  // _T0
    return bare.count > 2 && bare.first == 0x24 && [0x73, 0x53, 0x65].contains(bare[bare.startIndex + 1])
}

private func demangledSwift(_ name: [UInt8]) -> String? {
    guard name.count <= 1024, !SwiftExpansion.mayExplode(name) else { return nil }
    if let part = AsyncPart(of: name), let base = swiftText(Array(name[..<part.start])) {
        return base + " [" + part.label + "]"
    }
    return swiftText(name)
}

private func swiftText(_ name: [UInt8]) -> String? {
    let result = unsafe text { out in
        unsafe (name + [0]).withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) {
                guard let start = $0.baseAddress, let room = out.baseAddress else { return -1 }
                return unsafe pt_demangle_swift(start, name.count, room, out.count)
            }
        }
    }
    return result == displayText(name) ? nil : result
}

/// Sanitized text of what a function wrote; nil for a negative length.
private func text(_ write: (UnsafeMutableBufferPointer<CChar>) -> Int) -> String? {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { out in
        let length = unsafe write(out)
        guard length > 0, length <= out.count else { return nil }
        return unsafe displayText(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(out)[..<length]))
    }
}

/// Bounds what a Swift name can expand to, without parsing it.
///
/// `A` refers to an entry that was made earlier in the name (Swift's `Mangling.rst`, "Substitutions"); entries that
/// refer twice to the one before double the text every six bytes. Entry *i* can only contain references to lower
/// entries that stand before its own use, so the size of every reference has a bound that is found in one pass, taking
/// everything that may be a reference for one.
enum SwiftExpansion {
    /// Largest text that may be made, in bytes of mangled name.
    static let limit = 1 << 19

    static func mayExplode(_ name: [UInt8]) -> Bool {
        // Size of all references so far by entry; the last class holds every higher entry.
        var sizes = [Int](repeating: 0, count: 27)
        var text = name.count
        var words = 0
        var position = 0
        var total = 1
        // Everything that follows an `A` may belong to it, until a capital ends it.
        var isReference = false
        var isWord = false
        var count = 0
        while position < name.count {
            let byte = name[position]
            position += 1
            if byte < 0x20 || byte >= 0x80 { return true }  // references by address: only in running processes
            let isCapital = (0x41...0x5a).contains(byte)
            let isSmall = (0x61...0x7a).contains(byte)
            if (0x30...0x39).contains(byte) {
                count = min(count * 10 + Int(byte - 0x30), 100_000)
                if byte == 0x30 { isWord = true }
                continue
            }
            // A repeated standard type (`S2i`) is text that is not in the name.
            if count > 1, isSmall { text += 16 * min(count, 2048) }
            if isWord, isSmall || isCapital { words += 1 }
            if isReference, isSmall || isCapital || byte == 0x5f {
                let entry = byte == 0x5f ? 26 : Int(byte & 0x1f) - 1
                let inside = entry == 26 ? total : 1 + sizes[..<entry].reduce(0, +)
                let size = inside * (byte == 0x5f ? 1 : max(1, min(count, 2048)))
                sizes[entry] += size
                total += size
            }
            if total > limit { return true }
            count = 0
            if !isSmall { (isReference, isWord) = (byte == 0x41, false) }
        }
        // An identifier may repeat words of earlier ones.
        return total * text * (1 + words) > limit
    }
}

/// One of the parts an asynchronous function is split into; all of them are shown under its name.
private struct AsyncPart {
    let start: Int
    let label: String

    /// Recognizes the endings `TY…_` (suspended) and `TQ…_` (awaited).
    init?(of name: [UInt8]) {
        guard name.last == 0x5f else { return nil }
        var position = name.count - 1
        while position > 0, (0x30...0x39).contains(name[position - 1]) { position -= 1 }
        guard position >= 6, name[position - 2] == 0x54 else { return nil }
        let digits = name[position..<name.count - 1].reduce(0) { min($0 * 10 + Int($1 - 0x30), 1_000_000) }
        let number = position == name.count - 1 ? 0 : digits + 1
        switch name[position - 1] {
        case 0x59: label = "suspend \(number)"
        case 0x51: label = "resume \(number)"
        default: return nil
        }
        start = position - 2
    }
}

/// The ending of a name that marks a part or a copy of a function: `.cold`, `.part.0`, `.isra.0`, `.constprop.0`,
/// `.llvm.123`, `.lto_priv.0`, or several of them.
struct CloneSuffix {
    /// Index of the first dot.
    let start: Int
    /// Without the first dot, and without the long numbers of `.llvm`.
    let label: [UInt8]

    init?(of name: [UInt8]) {
        var start = name.count
        var label: [UInt8] = []
        while let dot = name[..<start].lastIndex(of: 0x2e), dot > 0 {
            var word = name[(dot + 1)..<start]
            var begin = dot
            let isNumber = !word.isEmpty && word.allSatisfy { (0x30...0x39).contains($0) }
            if isNumber {
                guard let before = name[..<dot].lastIndex(of: 0x2e), before > 0 else { break }
                begin = before
                word = name[(before + 1)..<dot]
            }
            guard let kind = Self.kinds.first(where: { word.elementsEqual($0.utf8) }), isNumber || kind == "cold" else {
                break
            }
            let shown = kind == "llvm" ? Array(word) : Array(name[(begin + 1)..<start])
            label = label.isEmpty ? shown : shown + [0x2e] + label
            start = begin
        }
        if label.isEmpty { return nil }
        self.start = start
        self.label = label
    }

    private static let kinds = ["cold", "part", "isra", "constprop", "llvm", "lto_priv"]
}
