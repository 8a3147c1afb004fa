/// Bounds what a Swift name can expand to, without parsing it.
///
/// `A` refers to an entry that was made earlier in the name (Swift's `Mangling.rst`, "Substitutions"); entries that
/// refer twice to the one before double the text every six bytes. Entry *i* can only contain references to lower
/// entries that stand before its own use, so the size of every reference has a bound that is found in one pass, taking
/// everything that may be a reference for one.
enum SwiftExpansion {
    /// Largest text that may be made, in bytes of mangled name.
    static let limit = 1 << 19

    /// Whether a name begins as the compiler's do.
    static func isSwift(_ name: [UInt8]) -> Bool {
        let bare = name.first == 0x5f ? name[1...] : name[...]
        if bare.starts(with: [0x54, 0x30]) { return name[0] == 0x5f }  // _T0
        return bare.count > 2 && bare.first == 0x24 && [0x73, 0x53, 0x65].contains(bare[bare.startIndex + 1])
    }

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
struct AsyncPart {
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
