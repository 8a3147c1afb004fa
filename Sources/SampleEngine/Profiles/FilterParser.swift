/// Reads the filter language; what it does not understand it names by its place.
struct FilterParser {
    private let text: String
    private let source: [Unicode.Scalar]
    private var place = 0
    private var terms: [Filter.Term] = []
    private var count = 0

    /// Longest expression; a longer one only slows what it is asked of.
    private static var lengthLimit: Int { 1000 }

    init(_ text: String) {
        self.text = text
        source = Array(text.unicodeScalars)
    }

    mutating func parse() throws(FilterError) -> Filter {
        if source.count > Self.lengthLimit {
            throw FilterError(at: Self.lengthLimit, "longer than \(Self.lengthLimit) characters")
        }
        skipBlanks()
        if place == source.count { return Filter.everything }
        var alternatives = [try alternative()]
        while next == "|" {
            place += 1
            alternatives.append(try alternative())
        }
        return Filter(text: text, terms: terms, alternatives: alternatives)
    }

    private var next: Unicode.Scalar? { place < source.count ? source[place] : nil }

    private mutating func skipBlanks() { while next == " " { place += 1 } }

    private mutating func alternative() throws(FilterError) -> Filter.Alternative {
        var alternative = Filter.Alternative()
        let start = place
        skipBlanks()
        while let scalar = next, scalar != "|" {
            try addTerm(to: &alternative)
            skipBlanks()
        }
        if alternative == Filter.Alternative() {
            let side = next == "|" ? "nothing stands before this |" : "nothing stands after this |"
            throw FilterError(at: next == "|" ? place : max(start - 1, 0), side)
        }
        return alternative
    }

    private mutating func addTerm(to alternative: inout Filter.Alternative) throws(FilterError) {
        let start = place
        count += 1
        if count > Filter.termLimit { throw FilterError(at: start, "more than \(Filter.termLimit) terms") }
        let isNegated = next == "!"
        if isNegated { place += 1 }
        guard let scalar = next, scalar != " ", scalar != "|" else {
            throw FilterError(at: start, "nothing stands after this !")
        }
        if let comparison = try comparison() {
            alternative.comparisons.append(isNegated ? comparison.opposite : comparison)
            return
        }
        let mark: UInt64 = 1 << UInt64(terms.count)
        terms.append(try term())
        if isNegated { alternative.excluded |= mark } else { alternative.required |= mark }
    }

    // MARK: Comparisons

    /// `self>1`, where a number's name and a sign stand; `vector<int>` is a text.
    private mutating func comparison() throws(FilterError) -> Filter.Comparison? {
        let start = place
        let name = word { $0 != ">" && $0 != "<" && $0 != " " && $0 != "|" }
        guard let number = Filter.Comparison.Number(rawValue: name), let sign = next, sign == ">" || sign == "<" else {
            place = start
            return nil
        }
        place += 1
        var operation = String(Character(sign))
        if next == "=" {
            operation += "="
            place += 1
        }
        let digits = place
        let written = word { $0 != " " && $0 != "|" }
        if written.isEmpty { throw FilterError(at: digits - 1, "a number has to follow") }
        guard let bound = Double(written), bound.isFinite,
            let operation = Filter.Comparison.Operator(rawValue: operation)
        else { throw FilterError(at: digits, "not a number") }
        return Filter.Comparison(number: number, operation: operation, bound: bound)
    }

    private mutating func word(_ belongs: (Unicode.Scalar) -> Bool) -> String {
        let start = place
        while let scalar = next, belongs(scalar) { place += 1 }
        return Self.string(source[start..<place])
    }

    // MARK: Terms

    private enum Field: String, CaseIterable {
        case function, module, process, pid, tid, thread, cpu, user, kind
        /// perf's words for the first three.
        case sym, symbol, dso, comm
    }

    private mutating func term() throws(FilterError) -> Filter.Term {
        guard let field = try field() else { return .anyName(try pattern()) }
        guard let scalar = next, scalar != " ", scalar != "|" else {
            throw FilterError(at: place - 1, "nothing stands after \(field.rawValue):")
        }
        return switch field {
        case .function, .sym, .symbol: .function(try pattern())
        case .module, .dso: .module(try pattern())
        case .process, .comm: .process(try pattern())
        case .pid: .pid(try integer())
        case .tid, .thread: .thread(try integer())
        case .cpu: .cpu(try integer())
        case .user: .user(try integer())
        case .kind: .kind(try kind())
        }
    }

    /// `module:`; two colons are a name's own. What looks like a field mistyped would hide everything: it is refused.
    private mutating func field() throws(FilterError) -> Field? {
        let start = place
        let name = word { ("a"..."z").contains($0) }
        guard next == ":", place + 1 >= source.count || source[place + 1] != ":" else {
            place = start
            return nil
        }
        if let field = Field(rawValue: name) {
            place += 1
            return field
        }
        let rest = word { $0 != " " && $0 != "|" }
        place = start
        if !name.isEmpty, rest.filter({ $0 == ":" }).count == 1, let meant = Self.field(near: name) {
            let text = "\"\(name)\(rest)\""
            throw FilterError(at: start, "no '\(name):'; did you mean \(meant.rawValue): (as a text: \(text))?")
        }
        return nil
    }

    /// The field that is written as the word is but for a letter or two.
    private static func field(near name: String) -> Field? {
        let distances = Field.allCases.map {
            (field: $0, letters: editDistance(Array(name.utf8), Array($0.rawValue.utf8)))
        }
        guard let nearest = distances.filter({ $0.letters <= 2 }).min(by: { $0.letters < $1.letters }) else {
            return nil
        }
        // `mod` is no mistyped `pid`, though that is nearer.
        return Field.allCases.first { $0.rawValue.hasPrefix(name) } ?? nearest.field
    }

    private mutating func integer<Number: FixedWidthInteger>() throws(FilterError) -> Number {
        let start = place
        guard let number = Number(word { $0 != " " && $0 != "|" }) else { throw FilterError(at: start, "not a number") }
        return number
    }

    private mutating func kind() throws(FilterError) -> CodeKind {
        let start = place
        let kinds = CodeKind.allCases.filter { $0 != .mixed }
        guard let kind = CodeKind(rawValue: word { $0 != " " && $0 != "|" }.lowercased()), kinds.contains(kind) else {
            throw FilterError(at: start, "one of \(kinds.map(\.rawValue).joined(separator: ", ")) has to follow")
        }
        return kind
    }

    /// `/…/`, `"…"`, or a word up to the next blank or `|`.
    private mutating func pattern() throws(FilterError) -> NamePattern {
        switch next {
        case "/": return try expression()
        case "\"": return NamePattern(text: try quoted())
        default: return NamePattern(text: word { $0 != " " && $0 != "|" })
        }
    }

    private mutating func expression() throws(FilterError) -> NamePattern {
        let open = place
        place += 1
        var inner: [Unicode.Scalar] = []
        while let scalar = next, scalar != "/" {
            place += 1
            if scalar == "\\", let escaped = next {
                place += 1
                // The slash needs its backslash here alone, and the places of the others stay true.
                inner += [scalar, escaped]
            } else {
                inner.append(scalar)
            }
        }
        guard next == "/" else { throw FilterError(at: open, "this expression has no closing /") }
        place += 1
        do {
            return try NamePattern(expression: inner)
        } catch {
            throw FilterError(at: open + 1 + error.place, error.reason)
        }
    }

    private mutating func quoted() throws(FilterError) -> String {
        let open = place
        place += 1
        let inner = word { $0 != "\"" }
        guard next == "\"" else { throw FilterError(at: open, "this \" is not closed") }
        if inner.isEmpty { throw FilterError(at: open, "nothing stands between these quotes") }
        place += 1
        return inner
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
