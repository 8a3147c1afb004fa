/// Bounds what a Swift name can expand to, without parsing it as a whole.
///
/// `A` refers to entries that were made earlier in the name (Swift's `Mangling.rst`, "Substitutions"); entries that
/// refer to the one before double the text every few bytes. Entry *i* can only contain references to lower entries
/// that stand before its own use, so the size of every reference has a bound that is found in one pass. Identifiers are
/// passed over, where nothing else can be meant: their letters are no references.
struct SwiftExpansion {
    /// Largest text that may be made, in bytes of mangled name.
    static let limit = 1 << 19
    /// Most repetitions of one reference that the runtime takes.
    private static let mostRepeats = 2048

    /// Whether a name begins as the compiler's do.
    static func isSwift(_ name: [UInt8]) -> Bool {
        let bare = name.first == 0x5f ? name[1...] : name[...]
        if bare.starts(with: [0x54, 0x30]) { return name[0] == 0x5f }  // _T0
        return bare.count > 2 && bare.first == 0x24 && [0x73, 0x53, 0x65].contains(bare[bare.startIndex + 1])
    }

    static func mayExplode(_ name: [UInt8]) -> Bool {
        var expansion = SwiftExpansion(name)
        return expansion.exceedsLimit()
    }

    private let name: [UInt8]
    private var position = 0
    /// Size of all references so far by entry; the last class holds every higher entry.
    private var sizes = [Int](repeating: 0, count: 27)
    private var total = 1
    private var text: Int
    private var longestIdentifier = 0
    private var discriminators = 0

    private init(_ name: [UInt8]) {
        self.name = name
        text = name.count
    }

    private mutating func exceedsLimit() -> Bool {
        while position < name.count {
            let byte = name[position]
            position += 1
            switch byte {
            // References by address: only in running processes.
            case ..<0x20, 0x80...: return true
            case 0x41: takeReferences()  // A
            case 0x53: takeStandardType()  // S
            case 0x30...0x39: takeDigits()
            default: break
            }
            if total > Self.limit || text > Self.limit || total * text > Self.limit { return true }
        }
        return false
    }

    /// `AbC`, `A3b2C`, `A12_`: several entries, each with a number of repetitions, up to a capital.
    private mutating func takeReferences() {
        var count = 0
        while position < name.count {
            let byte = name[position]
            switch byte {
            case 0x30...0x39: count = min(count * 10 + Int(byte - 0x30), 100_000)
            case 0x61...0x7a, 0x41...0x5a:
                refer(to: Int(byte & 0x1f) - 1, times: count)
                count = 0
                if byte < 0x61 {
                    position += 1
                    return
                }
            case 0x5f:
                refer(to: 26, times: 1)
                position += 1
                return
            default: return
            }
            position += 1
        }
    }

    private mutating func refer(to entry: Int, times count: Int) {
        let inside = entry == 26 ? total : 1 + sizes[..<entry].reduce(0, +)
        let size = min(inside, Self.limit) * max(1, min(count, Self.mostRepeats))
        sizes[entry] = min(sizes[entry] + size, Self.limit)
        total = min(total + size, Self.limit + 1)
    }

    /// `Si`, `S2i`: repeated, it is text that is not in the name.
    private mutating func takeStandardType() {
        var count = 0
        while position < name.count, (0x30...0x39).contains(name[position]) {
            count = min(count * 10 + Int(name[position] - 0x30), 100_000)
            position += 1
        }
        text += 16 * min(count, Self.mostRepeats)
    }

    /// A number at the place of an operator: the length of an identifier, or `0` and words of earlier ones.
    ///
    /// A number that belongs to an operator before it ends in `_`, or is the single digit of a specialization (`Tf4`).
    private mutating func takeDigits() {
        let start = position - 1
        let isPass = start >= 2 && name[start - 2] == 0x54 && !(0x30...0x39).contains(name[start - 1])
        if isPass || isIndex(from: start) && !isDiscriminator(at: start) { return }
        if name[start] == 0x30 {
            takeWords()
        } else {
            position = start
            takeLiteral()
        }
    }

    private func isIndex(from start: Int) -> Bool {
        name[start...].first { !(0x30...0x39).contains($0) } == 0x5f
    }

    /// `0` and letters, a capital the last, each a word of an earlier identifier; between and behind them literals.
    private mutating func takeWords() {
        var mayHaveWords = true
        while position < name.count, mayHaveWords {
            while position < name.count, mayHaveWords, isLetter(name[position]) {
                mayHaveWords = name[position] >= 0x61
                text += max(16, longestIdentifier)
                position += 1
            }
            guard position < name.count else { return }
            if name[position] == 0x30 {
                position += 1
                return
            }
            guard takeLiteral() else { return }
        }
    }

    private func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) }

    /// A length and so many bytes; false where that makes no sense, and then nothing is passed over.
    @discardableResult
    private mutating func takeLiteral() -> Bool {
        var end = position
        var length = 0
        while end < name.count, (0x30...0x39).contains(name[end]) {
            length = min(length * 10 + Int(name[end] - 0x30), 100_000)
            end += 1
        }
        guard length > 0, end > position, length <= name.count - end else {
            position += 1
            return false
        }
        longestIdentifier = max(longestIdentifier, length)
        position = end + length
        return true
    }

    /// `33_` and 32 hexadecimal digits before `LL` or `Ll`: the hash that tells private declarations of one name apart.
    ///
    /// It looks like an index, so more of them than honest names have count as that.
    private mutating func isDiscriminator(at start: Int) -> Bool {
        guard start + 37 <= name.count, name[start...].starts(with: [0x33, 0x33, 0x5f]), discriminators < 4,
            name[(start + 3)..<(start + 35)].allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x46).contains($0) }),
            name[start + 35] == 0x4c, name[start + 36] | 0x20 == 0x6c  // LL, Ll
        else { return false }
        discriminators += 1
        return true
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
