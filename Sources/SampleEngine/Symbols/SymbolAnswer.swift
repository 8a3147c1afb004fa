/// What is known about the code at an address.
package enum SymbolAnswer: Equatable, Sendable {
    /// A function with a name, as the symbol table has it without its version; PLT stubs end in `@plt`.
    ///
    /// The range is the function's own. A function inside it interrupts it, so an answer holds for the address that
    /// was asked and not for every other one of the range.
    case symbol(rawName: [UInt8], start: ImageAddress, end: ImageAddress, source: NameSource)
    /// A function without a name, known by its range in the unwind tables.
    case range(start: ImageAddress, end: ImageAddress)
    /// No answer, and why.
    case none(Unresolved)
}
