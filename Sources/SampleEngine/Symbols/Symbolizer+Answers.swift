extension Symbolizer {
    /// What to show for what an image's tables say.
    ///
    /// - Parameters:
    ///   - found: nil where the image could not be asked.
    ///   - address: nil where no code of the image is at the offset.
    static func answer(
        _ found: SymbolAnswer?, at address: ImageAddress?, _ offset: FileOffset, in module: Module,
        _ explanation: inout Explanation
    ) -> Answer {
        guard let found, let address else {
            explanation.add("no executable segment of the file holds offset \(hex(offset.value))")
            return Answer(.unknown(in: module))
        }
        explanation.add("offset \(hex(offset.value)) is address \(hex(address.value)) of the file's own tables")
        switch found {
        case .symbol(let rawName, let start, let end, let source):
            let symbol = Symbol(rawName: rawName, in: module, kind: .user, source: source)
            explanation.add(
                "\(source.explanation): \(symbol.rawName ?? symbol.name) at \(hex(start.value))-\(hex(end.value))")
            return Answer(symbol)
        case .range(let start, let end):
            explanation.add(
                "\(NameSource.unwindTable.explanation): a function without a name at "
                    + "\(hex(start.value))-\(hex(end.value))")
            return Answer(
                Symbol(name: "[fn \(hex(start.value))]", module: module, kind: .user, source: .unwindTable))
        case .none(let reason):
            explanation.add("no name: \(reason.sentence)")
            return Answer(reason == .fileChanged ? changedFile(module) : .unknown(in: module))
        }
    }

    /// What to show for code of a file that holds something else by now.
    static func changedFile(_ module: Module) -> Symbol {
        Symbol(name: "[file changed]", module: module, kind: .unknown)
    }

    /// What to show for a place in a file that gives no names, and why it does not.
    static func answer(_ reason: Unresolved, in module: Module, _ explanation: inout Explanation) -> Answer {
        switch reason {
        case .notELF:
            explanation.add("no ELF file")
            return Answer(.jit(module.name, in: module))
        case .fileChanged:
            explanation.add("the file that was mapped is not there any more, and another one's names would be wrong")
            return Answer(changedFile(module))
        default:
            explanation.add("no names: \(reason.sentence)")
            // Another process that maps it may come, through which it can be opened.
            return Answer(.unknown(in: module), isFinal: false)
        }
    }
}
