/// Rust's first mangling, `_ZN…17h<hash>E`, where a name has letters beyond ASCII: libiberty knows no `$u4e2d$`, and would
/// give it as a C++ name with its hash.
enum LegacyRustPath {
    /// Nil where it is no such name.
    static func text(of name: [UInt8]) -> String? {
        guard name.starts(with: Array("_ZN".utf8)), name.last == UInt8(ascii: "E") else { return nil }
        var parts: [ArraySlice<UInt8>] = []
        var rest = name[3..<(name.count - 1)]
        while let part = takeIdentifier(&rest) { parts.append(part) }
        guard rest.isEmpty, parts.count > 1, let hash = parts.popLast(), isHash(hash),
            parts.contains(where: hasFarLetter)
        else { return nil }
        return displayText(parts.map(decoded).joined(separator: "::"))
    }

    /// `h` and 16 digits.
    private static func isHash(_ part: ArraySlice<UInt8>) -> Bool {
        part.count == 17 && part.first == UInt8(ascii: "h")
            && part.dropFirst().allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// A `$uHEX$` that is no ASCII, or such a letter as it is.
    private static func hasFarLetter(_ part: ArraySlice<UInt8>) -> Bool {
        if part.contains(where: { $0 > 0x7f }) { return true }
        return part.split(separator: UInt8(ascii: "$")).contains { scalar(of: $0).map { !$0.isASCII } ?? false }
    }

    private static func decoded(_ part: ArraySlice<UInt8>) -> String {
        var rest = part
        // A part does not begin with a sign; where it would, an underscore stands before it.
        if rest.starts(with: Array("_$".utf8)) { rest = rest.dropFirst() }
        var text: [UInt8] = []
        while let byte = rest.first {
            if rest.starts(with: Array("..".utf8)) {
                text += "::".utf8
                rest = rest.dropFirst(2)
            } else if byte == UInt8(ascii: "$"),
                let end = rest.dropFirst().firstIndex(of: byte), let sign = sign(of: rest[(rest.startIndex + 1)..<end])
            {
                text += sign.utf8
                rest = rest[(end + 1)...]
            } else {
                text.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let signs = [
        "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
    ]

    private static func sign(of word: ArraySlice<UInt8>) -> String? {
        signs[String(decoding: word, as: UTF8.self)] ?? scalar(of: word).map { String(Character($0)) }
    }

    /// `u4e2d`
    private static func scalar(of word: ArraySlice<UInt8>) -> Unicode.Scalar? {
        guard word.first == UInt8(ascii: "u"), word.count <= 7,
            let value = UInt32(String(decoding: word.dropFirst(), as: UTF8.self), radix: 16)
        else { return nil }
        return Unicode.Scalar(value)
    }
}

/// `3foo`: a length and so many bytes, at least one.
func takeIdentifier(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    guard digits.first != UInt8(ascii: "0"), digits.count <= 4,
        let length = Int(String(decoding: digits, as: UTF8.self)),
        length <= rest.count - digits.count
    else { return nil }
    let start = rest.startIndex + digits.count
    defer { rest = rest[(start + length)...] }
    return rest[start..<(start + length)]
}
