internal import CLinuxShims

/// A symbol's name as people read it. Sanitized, each form at most 4 KiB.
package struct ReadableName: Equatable, Sendable {
    /// With parameters and types, for whoever asks which of several it is.
    package var full: String
    /// Without them: what a row has room for.
    package var short: String
}

/// The readable forms of a symbol's name, nil where it is readable as it is or cannot be demangled.
///
/// C++ (`_Z`), Rust (legacy `_ZN…17h…E` and v0 `_R`), Swift (`$s`, `$S`, `$e`, `_T0`), D (`_D`) and OCaml
/// (`camlModule__f_12`). Suffixes that a compiler gave to a copy or a part of a function are shown in brackets, also
/// for C: `name [cold]`. Names over 2 KiB (Swift, D: 1 KiB) and names made to expand without bound stay raw. Of a C++ or
/// Rust name that is newer than the demangler what it begins with is given, and `…` for the rest.
///
/// Any thread with a stack of 8 MiB: demanglers recurse with the depth of the name.
package func readableName(of rawName: [UInt8]) -> ReadableName? {
    if rawName.count > 2048 || rawName.contains(0) { return nil }
    guard let suffix = CloneSuffix(of: rawName) else { return readableBase(rawName) }
    let base = Array(rawName[..<suffix.start])
    let plain = displayText(base)
    var name = readableBase(base) ?? ReadableName(full: plain, short: plain)
    let label = " [" + displayText(suffix.label) + "]"
    name.full += label
    name.short += label
    return name
}

private func readableBase(_ name: [UInt8]) -> ReadableName? {
    guard name.count > 3 else { return nil }
    switch (name[0], name[1]) {
    case (0x5f, 0x5a), (0x5f, 0x52): return itanium(name)  // _Z _R
    case (0x5f, 0x5f) where name.starts(with: [0x5f, 0x5f, 0x5f, 0x5a]): return itanium(name)  // ___Z
    case (0x5f, 0x44): return dlang(name)  // _D
    case (0x24, _), (0x5f, 0x24), (0x5f, 0x54): return swift(name)
    case (0x63, 0x61): return ocaml(name)  // ca
    default: return nil
    }
}

/// Longest readable form that is shown.
private let capacity = 4096

// MARK: C++ and Rust

private func itanium(_ name: [UInt8]) -> ReadableName? {
    if let path = LegacyRustPath.text(of: name) { return ReadableName(full: path, short: path) }
    func beginning() -> ReadableName? { NameBeginning.text(of: name).map { ReadableName(full: $0, short: $0) } }
    if needsDeepStack(name) { return beginning() }
    func form(_ withParameters: Bool) -> String? {
        unsafe text(of: name) { unsafe pt_demangle($0, withParameters ? 1 : 0, $1, capacity) }
    }
    guard let short = form(false) else { return beginning() }
    // Parameters may be malformed, beyond libiberty or too long; the function's name is still worth having.
    return ReadableName(full: form(true) ?? short + "(…)", short: short)
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

// MARK: D and OCaml

private func dlang(_ name: [UInt8]) -> ReadableName? {
    // `_D` and the length of the first part of the name, or `_Dmain`. Each `Q` repeats what stands before it, so
    // every one may double the text.
    guard name.count <= 1024, (0x31...0x39).contains(name[2]) || name == Array("_Dmain".utf8),
        name.lazy.filter({ $0 == 0x51 }).count <= 12
    else { return nil }
    guard let full = unsafe text(of: name, { unsafe pt_demangle_d($0, $1, capacity) }) else { return nil }
    return ReadableName(full: full, short: withoutParameters(full))
}

/// `a.b!(int).c(char)` without its last brackets: a template's arguments, behind `!`, belong to the name.
private func withoutParameters(_ name: String) -> String {
    var depth = 0
    var previous: Character = " "
    for index in name.indices {
        let letter = name[index]
        if letter == "(", depth == 0, previous != "!" {
            return index == name.startIndex ? name : String(name[..<index])
        }
        if letter == "(" { depth += 1 }
        if letter == ")" { depth -= 1 }
        previous = letter
    }
    return name
}

/// `camlStdlib__List__map_123`: modules are joined by two underscores, odd characters are `$xx`.
private func ocaml(_ name: [UInt8]) -> ReadableName? {
    guard name.starts(with: Array("caml".utf8)), name.count > 6, (0x41...0x5a).contains(name[4]) else { return nil }
    var result: [UInt8] = []
    var position = 4
    var hasModule = false
    while position < name.count {
        if name[position...].starts(with: [0x5f, 0x5f]), position + 2 < name.count {
            result.append(0x2e)
            hasModule = true
            position += 2
        } else if name[position] == 0x24, position + 2 < name.count,
            let byte = UInt8(String(decoding: name[position + 1...position + 2], as: UTF8.self), radix: 16)
        {
            result.append(byte)
            position += 3
        } else {
            result.append(name[position])
            position += 1
        }
    }
    if !hasModule { return nil }
    let shown = displayText(result)
    return ReadableName(full: shown, short: shown)
}

// MARK: Swift

private func swift(_ name: [UInt8]) -> ReadableName? {
    guard SwiftExpansion.isSwift(name), name.count <= 1024, !SwiftExpansion.mayExplode(name) else { return nil }
    if let part = AsyncPart(of: name), var base = swiftForms(Array(name[..<part.start])) {
        base.full += " [" + part.label + "]"
        base.short += " [" + part.label + "]"
        return base
    }
    return swiftForms(name)
}

private func swiftForms(_ name: [UInt8]) -> ReadableName? {
    func form(_ isShort: Bool) -> String? {
        unsafe text(of: name) { unsafe pt_demangle_swift($0, name.count, isShort ? 1 : 0, $1, capacity) }
    }
    // What the runtime does not know it gives back as it is.
    let raw = displayText(name)
    guard let full = form(false), full != raw else { return nil }
    return ReadableName(full: full, short: form(true).flatMap { $0 == raw ? nil : $0 } ?? full)
}

/// Sanitized text of what a function wrote about a name; nil for a negative length.
private func text(
    of name: [UInt8], _ write: (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>) -> Int
) -> String? {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { out in
        let length = unsafe (name + [0]).withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) {
                guard let start = $0.baseAddress, let room = out.baseAddress else { return -1 }
                return unsafe write(start, room)
            }
        }
        guard length > 0, length <= out.count else { return nil }
        return unsafe displayText(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(out)[..<length]))
    }
}
