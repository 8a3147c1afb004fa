/// What a row's name was taken from. Raw values are part of reports.
public enum NameSource: String, Sendable, Hashable, CaseIterable {
    /// `.symtab` of the file that was mapped.
    case symbolTable = "symtab"
    /// `.dynsym` of the file that was mapped: what it exports.
    case dynamicSymbols = "dynsym"
    /// `.symtab` of the compressed image in `.gnu_debugdata`.
    case compressedSymbols = "debugdata"
    /// `.symtab` of a separate debug file, found by build-id or link and verified.
    case debugFile = "debug-file"
    /// The relocation behind a stub of the procedure linkage table.
    case linkageStub = "plt"
    /// No name: the range of a function in the unwind tables.
    case unwindTable = "unwind-table"
    /// `/proc/kallsyms`.
    case kernelList = "kallsyms"
    /// A record of code that the kernel made at run time: BPF programs, trampolines.
    case kernelRecord = "ksymbol"
    /// The map that a process with a just-in-time compiler writes.
    case perfMap = "perf-map"
    /// Nothing: a stand-in in brackets.
    case none
}

/// The road to an address's name, step by step; kept only where somebody asked to be told.
package struct Explanation: Sendable {
    package private(set) var steps: [String] = []
    private let isWanted: Bool

    /// - Parameter isWanted: false: `add` costs one test and keeps nothing.
    package init(isWanted: Bool) { self.isWanted = isWanted }

    /// Adds a step. Foreign text in it has passed `displayText`.
    @inline(__always)
    package mutating func add(_ step: @autoclosure () -> String) {
        if isWanted { steps.append(step()) }
    }
}
