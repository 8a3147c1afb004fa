/// Why an address has no name; shown to the user, never part of a name.
package enum Unresolved: Error, Hashable, Sendable {
    /// No mapping covers the address.
    case unmapped
    /// The file could not be opened or read.
    case imageUnreadable(errno: Int32)
    /// The file is no ELF image that can be read.
    case notELF
    /// Neither symbols nor unwind tables, or a kernel that hides its addresses.
    case imageHasNoSymbols
    /// The image has symbols, but none here.
    case betweenSymbols
    /// The answer will come later.
    case notYetLoaded
    /// The file was written to since it was read; its names cannot be trusted.
    case fileChanged
    /// Reading the file costs more than its share of time and bytes.
    case tooCostly
    /// Neither an answer nor an error, for seconds.
    case noAnswer
    /// Its names are not wanted any more: the session ends.
    case stopped

    /// The reason for an image that failed to load.
    package init(_ error: ELFError) {
        switch error {
        case .notELF, .unsupported: self = .notELF
        // The loader's own answer to a file whose tables make no sense: ENOEXEC.
        case .truncated, .tooLarge: self = .imageUnreadable(errno: Errno.badExecutable.number)
        case .changed: self = .fileChanged
        case .tooCostly: self = .tooCostly
        case .stopped: self = .stopped
        case .read(.noAnswer): self = .noAnswer
        case .read(let errno): self = .imageUnreadable(errno: errno.number)
        }
    }
}

extension Unresolved {
    /// The reason in words, for `--symbols`.
    package var sentence: String {
        switch self {
        case .unmapped: "no mapping covers it"
        case .imageUnreadable(let errno): "the file cannot be read: \(Errno(errno).text)"
        case .notELF: "it is no ELF file"
        case .imageHasNoSymbols: "the file has neither symbols nor unwind tables"
        case .betweenSymbols: "the file has symbols, but none here"
        case .notYetLoaded: "its names are being read"
        case .tooCostly: "reading its tables takes more than any honest file's"
        case .fileChanged: "the file was changed since it was mapped"
        case .noAnswer: "what it is read from does not answer"
        case .stopped: "reading its names was stopped"
        }
    }
}
