/// What can be read for certain of a C++ or Rust name whose grammar is newer than the demangler: the names it begins with,
/// then `(…)` where only parameters follow, else `…`.
///
///     _ZN3geo4areaITk5ShapeE…     geo::area<…>…       constraints of C++20
///     _RINvC3geo4areaKe61_E       geo::area::<…>…     a constant of Rust's
enum NameBeginning {
    static func text(of name: [UInt8]) -> String? {
        let found: String?
        if name.starts(with: Array("_Z".utf8)) {
            var rest = name[2...]
            found = cxx(&rest)
        } else if name.starts(with: Array("_R".utf8)) {
            var rest = name[2...]
            found = rust(&rest, depth: 0).map { $0.text + "…" }
        } else {
            return nil
        }
        return found.map { displayText($0) }
    }

    // MARK: C++

    /// Bytes of names after which the rest is left away.
    private static let longest = 2048

    private static func cxx(_ rest: inout ArraySlice<UInt8>) -> String? {
        while take("W", &rest) { guard takeIdentifier(&rest) != nil else { return nil } }
        let isNested = take("N", &rest)
        if isNested { while take("r", &rest) || take("V", &rest) || take("K", &rest) || take("R", &rest) {} }
        if isNested, !take("O", &rest) { _ = take("H", &rest) }
        var parts: [String] = []
        var length = 0
        if take("St", &rest) { parts.append("std") }
        // A constructor is called what stands before it, and that again: two bytes may stand for a thousand.
        while length <= longest {
            // A module's name, and the marks of what is local to a file or a friend with constraints.
            while take("W", &rest) { guard takeIdentifier(&rest) != nil else { return nil } }
            if !take("L", &rest) { _ = take("F", &rest) }
            if let identifier = takeIdentifier(&rest) {
                let isAnonymous = identifier.starts(with: Array("_GLOBAL__N".utf8))
                parts.append(isAnonymous ? "(anonymous namespace)" : String(decoding: identifier, as: UTF8.self))
            } else if let last = parts.last, takeOne(of: ["C1", "C2", "C3"], &rest) {
                parts.append(last)
            } else if let last = parts.last, takeOne(of: ["D0", "D1", "D2"], &rest) {
                parts.append("~" + last)
            } else {
                break
            }
            length += parts.last?.utf8.count ?? 0
            while take("B", &rest) { guard takeIdentifier(&rest) != nil else { return nil } }
            if !isNested { break }
        }
        if parts.isEmpty || parts == ["std"] { return nil }
        let text = parts.joined(separator: "::")
        if rest.first == UInt8(ascii: "I") { return text + "<…>…" }
        // What stands behind a whole name are parameters.
        let isWhole = isNested ? take("E", &rest) : true
        return isWhole && !rest.isEmpty && rest.first != UInt8(ascii: ".") ? text + "(…)" : text + "…"
    }

    private static func take(_ mark: String, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.starts(with: mark.utf8) else { return false }
        rest = rest.dropFirst(mark.utf8.count)
        return true
    }

    private static func takeOne(of marks: [String], _ rest: inout ArraySlice<UInt8>) -> Bool {
        marks.contains { take($0, &rest) }
    }

    // MARK: Rust

    /// A path of the second mangling as far as it has plain names.
    private static func rust(_ rest: inout ArraySlice<UInt8>, depth: Int) -> (text: String, isWhole: Bool)? {
        if depth > 64 { return nil }
        if take("C", &rest) { return rustIdentifier(&rest).map { ($0, true) } }
        if take("I", &rest) {
            return rust(&rest, depth: depth + 1).map { ($0.isWhole ? $0.text + "::<…>" : $0.text, false) }
        }
        guard take("N", &rest), rest.popFirst() != nil, let outer = rust(&rest, depth: depth + 1) else { return nil }
        guard outer.isWhole, let name = rustIdentifier(&rest) else { return (outer.text, false) }
        return (outer.text + "::" + name, true)
    }

    /// `s1_3foo`; nil for one in Punycode, and for a closure, which has none.
    private static func rustIdentifier(_ rest: inout ArraySlice<UInt8>) -> String? {
        if take("s", &rest) {
            rest = rest.drop { $0 != UInt8(ascii: "_") }
            guard take("_", &rest) else { return nil }
        }
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard digits.first != UInt8(ascii: "0"), digits.count <= 4,
            let length = Int(String(decoding: digits, as: UTF8.self))
        else { return nil }
        rest = rest.dropFirst(digits.count)
        _ = take("_", &rest)
        guard length <= rest.count else { return nil }
        defer { rest = rest.dropFirst(length) }
        return String(decoding: rest.prefix(length), as: UTF8.self)
    }
}
