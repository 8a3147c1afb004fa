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
    /// The table that programs written in Go carry for their own runtime.
    case goTable = "gopclntab"
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
    /// The map of the process that this one was forked from, for code that they still share.
    case parentPerfMap = "parent-perf-map"
    /// Nothing: a stand-in in brackets.
    case none

    /// For the detail strip and `--symbols`.
    public var explanation: String {
        switch self {
        case .symbolTable: "symbol table"
        case .dynamicSymbols: "exported symbols"
        case .compressedSymbols: "compressed symbols in the file"
        case .debugFile: "separate debug file"
        case .goTable: "table of Go's runtime"
        case .linkageStub: "stub to another file's function"
        case .unwindTable: "unwind table"
        case .kernelList: "kernel's list"
        case .kernelRecord: "kernel's record"
        case .perfMap: "map of the process's own compiler"
        case .parentPerfMap: "map of the compiler in the process it was forked from"
        case .none: "no name"
        }
    }
}
