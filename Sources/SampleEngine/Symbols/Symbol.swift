/// An address's answer as it is shown: a name, or the one stand-in for code without one. All text is sanitized.
package struct Symbol: Hashable, Sendable {
    package let name: String
    /// As the symbol table has it, where that differs from `name`.
    package let rawName: String?
    package let module: Module
    package let kind: CodeKind

    package init(name: String, rawName: String? = nil, module: Module, kind: CodeKind) {
        self.name = name
        self.rawName = rawName
        self.module = module
        self.kind = kind
    }
}
