internal import Synchronization

/// What is looked for in names: a text, or a regular expression.
///
/// Case matters as soon as what was written has a capital letter.
public struct NamePattern: Sendable, Equatable {
    /// As it was written; an expression without its slashes.
    public let source: String
    private let needle: [UInt8]
    private let matchesCase: Bool
    private let expression: NameExpression?
    private let answers: Answers?

    /// Looks for a text; it is sanitized like the names it is compared with.
    public init(text: String) {
        let text = displayText(text)
        source = text
        matchesCase = text.unicodeScalars.contains { $0.properties.isUppercase }
        needle = Array(text.utf8)
        expression = nil
        answers = nil
    }

    /// Looks for a regular expression.
    init(expression source: [Unicode.Scalar]) throws(FilterError) {
        let expression = try NameExpression(source)
        self.source = String(String.UnicodeScalarView(source))
        matchesCase = expression.matchesCase
        needle = []
        self.expression = expression
        answers = Answers()
    }

    /// Whether every name is found.
    public var isEmpty: Bool { needle.isEmpty && expression == nil }

    /// Two patterns are equal where they were written alike.
    public static func == (left: Self, right: Self) -> Bool {
        left.source == right.source && (left.expression == nil) == (right.expression == nil)
    }

    /// Whether a name holds it.
    public func isFound(in name: String) -> Bool {
        if let expression, let answers { return answers.answer(for: name) { expression.isFound(in: name) } }
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

    /// What an expression said of a name; the same names come again with every picture.
    private final class Answers: Sendable {
        private static var limit: Int { 1 << 14 }
        private let known = Mutex<[String: Bool]>([:])

        func answer(for name: String, _ ask: () -> Bool) -> Bool {
            if let answer = known.withLock({ $0[name] }) { return answer }
            let answer = ask()
            known.withLock {
                if $0.count >= Self.limit { $0.removeAll() }
                $0[name] = answer
            }
            return answer
        }
    }
}
