/// Turns bytes from outside (comm, path, symbol, map line) into text that is safe to print anywhere.
///
/// Every foreign string passes here once, before its width is measured and before any output. Control characters
/// (C0, DEL, C1), line and paragraph separators, bidirectional controls, zero-width characters and bytes that are not
/// UTF-8 become visible escapes (`\x1b`, `\u{202e}`), and so do marks that have no character before them: nothing reaches the
/// terminal that could move its cursor, reorder a line, or be drawn into what stands to the left.
///
/// - Parameter limit: longest result in bytes; what is longer is cut before the limit and ends in `…`.
public func displayText(_ bytes: some Sequence<UInt8>, limit: Int = 4096) -> String {
    // Nearly every name is plain ASCII, and is its own text.
    let plain = bytes.withContiguousStorageIfAvailable { bytes in
        unsafe bytes.count <= limit && bytes.allSatisfy { $0 >= 0x20 && $0 <= 0x7e }
            ? String(decoding: bytes, as: UTF8.self) : nil
    }
    if let text = plain ?? nil { return text }
    var text = ""
    var decoder = UTF8Decoder()
    var iterator = bytes.makeIterator()
    /// What comes may join what was before it.
    var hasBase = false
    while let unit = decoder.next(&iterator) {
        let isItself =
            if case .scalar(let scalar) = unit { isHarmless(scalar) && (hasBase || !joins(scalar)) } else { false }
        hasBase = isItself
        let shown =
            switch unit {
            case .scalar(let scalar) where isItself: String(scalar)
            case .scalar(let scalar) where scalar.value < 0x100: escape(byte: UInt8(scalar.value))
            case .scalar(let scalar): "\\u{" + String(scalar.value, radix: 16) + "}"
            case .invalid(let byte): escape(byte: byte)
            }
        if text.utf8.count + shown.utf8.count > limit { return text + "…" }
        text += shown
    }
    return text
}

/// The same for a string that may still hold control characters.
public func displayText(_ string: String, limit: Int = 4096) -> String { displayText(string.utf8, limit: limit) }

/// The same for what others have chosen as a name. Names in square brackets are ours (`[kernel]`, `[unknown]`): one that only
/// looks so has a backslash before it.
public func foreignName(_ bytes: some Sequence<UInt8>, limit: Int = 4096) -> String {
    asForeignName(displayText(bytes, limit: limit))
}

/// Marks a text that has been made harmless as the name of somebody else.
func asForeignName(_ text: String) -> String { text.hasPrefix("[") ? "\\" + text : text }

private func escape(byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "\\x0" + digits : "\\x" + digits
}

private func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7e: true
    case 0...0x9f: false
    case ..<0x300: scalar.value != 0xad  // soft hyphen
    case 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f: false  // zero-width, separators, bidi controls
    case 0xfff9...0xfffb, 0xe0000...0xe007f: false  // interlinear marks, tags
    default: !scalar.properties.isDefaultIgnorableCodePoint  // whatever else shows nothing
    }
}

/// Whether it has no cell of its own: a mark, or a part of a Hangul syllable.
private func joins(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x300 { return false }
    if (0x1160...0x11ff).contains(scalar.value) { return true }
    return switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: true
    default: false
    }
}

/// A strict UTF-8 decoder that hands back each byte it cannot use, so that hostile input stays visible byte by byte.
private struct UTF8Decoder {
    enum Unit {
        case scalar(Unicode.Scalar)
        case invalid(UInt8)
    }

    private var pending: [UInt8] = []

    mutating func next(_ bytes: inout some IteratorProtocol<UInt8>) -> Unit? {
        if pending.isEmpty {
            guard let byte = bytes.next() else { return nil }
            pending.append(byte)
        }
        let first = pending[0]
        let length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
        while pending.count < length, let byte = bytes.next() { pending.append(byte) }
        if length > 0, pending.count >= length,
            let scalar = String(validating: pending[..<length], as: UTF8.self)?.unicodeScalars.first
        {
            pending.removeFirst(length)
            return .scalar(scalar)
        }
        pending.removeFirst()
        return .invalid(first)
    }
}
