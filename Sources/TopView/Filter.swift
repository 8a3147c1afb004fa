public import SampleEngine

/// Shows only rows that hold a text in their function, module or process name.
///
/// Case matters as soon as the text has a capital letter.
public struct Filter: Sendable, Equatable {
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

    public var isEmpty: Bool { needle.isEmpty }

    /// Whether the row is shown.
    public func accepts(_ row: Row) -> Bool {
        needle.isEmpty || finds(in: row.function) || finds(in: row.module) || finds(in: row.process)
    }

    private func finds(in name: String) -> Bool {
        // Letters outside ASCII change their length with their case: those names take the slow way.
        if !matchesCase, !name.utf8.allSatisfy({ $0 < 0x80 }) { return finds(in: Array(name.lowercased().utf8)) }
        return finds(in: Array(name.utf8))
    }

    private func finds(in name: [UInt8]) -> Bool {
        guard name.count >= needle.count, let first = needle.first else { return needle.isEmpty }
        for start in 0...(name.count - needle.count) where fold(name[start]) == first {
            if needle.indices.allSatisfy({ fold(name[start + $0]) == needle[$0] }) { return true }
        }
        return false
    }

    private func fold(_ byte: UInt8) -> UInt8 {
        !matchesCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
    }
}
