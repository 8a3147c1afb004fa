/// An address's answer as it is shown: a name, or the one stand-in for code without one. All text is sanitized.
package struct Symbol: Hashable, Sendable {
    /// Demangled, with parameters.
    package var name: String
    /// What a row has room for, where that differs from `name`.
    package var shortName: String?
    /// As the symbol table has it, where that differs from `name`.
    package var rawName: String?
    package var module: Module
    package var kind: CodeKind
    package var source: NameSource

    package init(
        name: String, shortName: String? = nil, rawName: String? = nil, module: Module, kind: CodeKind,
        source: NameSource = .none
    ) {
        self.name = name
        self.shortName = shortName
        self.rawName = rawName
        self.module = module
        self.kind = kind
        self.source = source
    }

    /// Whether what lies there may be something else later: code that is made at run time.
    var isChangeable: Bool { kind == .jit || source == .kernelRecord || kind == .kernel && module.name == "[bpf]" }

    /// A function by the name a table has for it.
    init(rawName: [UInt8], in module: Module, kind: CodeKind, source: NameSource) {
        // What the compiler split off an asynchronous function is that function.
        let part = SwiftExpansion.isSwift(rawName) ? AsyncPart(of: rawName) : nil
        let rawName = part.map { Array(rawName[..<$0.start]) } ?? rawName
        let raw = displayText(rawName, limit: Self.longestName)
        let readable = readableName(of: rawName)
        name = asForeignName(readable.map { Self.cut($0.full) } ?? raw)
        shortName = readable.flatMap { $0.short == $0.full ? nil : asForeignName(Self.cut($0.short)) }
        self.rawName = name == raw ? nil : raw
        self.module = module
        self.kind = kind
        self.source = source
    }

    /// Bytes of a name that are kept and shown: whoever writes a file could fill memory with longer ones. Demanglers get
    /// more of it (`OpenImage.longestName`), since the end of a name says what its beginning means.
    static let longestName = 1024

    private static func cut(_ name: String) -> String {
        name.utf8.count <= longestName ? name : displayText(name, limit: longestName)
    }

    /// The stand-in for code of which nothing is known.
    static func unknown(in module: Module) -> Symbol { Symbol(name: "[unknown]", module: module, kind: .unknown) }

    /// The stand-in for code that was made at run time, one for each piece of memory.
    static func jit(_ place: String, in module: Module = Module(name: "[jit]")) -> Symbol {
        Symbol(name: "[jit \(place)]", module: module, kind: .jit)
    }
}
