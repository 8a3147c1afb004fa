public import SampleEngine

/// Shows only rows that hold a text in their function, module or process name.
///
/// Case matters as soon as the text has a capital letter.
public struct Filter: Sendable, Equatable {
    /// What is looked for; empty accepts every row.
    public let text: String
    private let needle: [UInt8]
    private let matchesCase: Bool

    /// Text from a command line or a paste is sanitized like the names it is compared with.
    public init(_ text: String) {
        let text = displayText(text)
        self.text = text
        matchesCase = text.unicodeScalars.contains { $0.properties.isUppercase }
        needle = Array(text.utf8)
    }

    /// Whether every row is shown.
    public var isEmpty: Bool { needle.isEmpty }

    /// Whether the row is shown.
    public func accepts(_ row: Row) -> Bool {
        needle.isEmpty || finds(in: row.function) || finds(in: row.module) || finds(in: row.process)
    }

    private func finds(in name: String) -> Bool {
        // Letters outside ASCII may change their length with their case: those names take the slow way.
        if !matchesCase, !name.utf8.allSatisfy({ $0 < 0x80 }) { return finds(in: name.lowercased().utf8.span) }
        return finds(in: name.utf8.span)
    }

    private func finds(in name: Span<UInt8>) -> Bool {
        guard name.count >= needle.count, let first = needle.first else { return needle.isEmpty }
        for start in 0...(name.count - needle.count) where fold(name[start]) == first {
            var matched = 1
            while matched < needle.count, fold(name[start + matched]) == needle[matched] { matched += 1 }
            if matched == needle.count { return true }
        }
        return false
    }

    private func fold(_ byte: UInt8) -> UInt8 {
        !matchesCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
    }
}
