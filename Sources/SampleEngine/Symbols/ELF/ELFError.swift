/// Why a file could not be read as an ELF image.
package enum ELFError: Error, Equatable, Sendable {
    /// No ELF magic.
    case notELF
    /// An ELF file of a kind that is not read: big-endian or of an unknown class.
    case unsupported
    /// The file ends before what its own tables promise.
    case truncated
    /// A table is larger than any honest file's.
    case tooLarge
    /// The file was written to while it was read, or since.
    case changed
    /// Reading it costs more than its share of time and bytes.
    case tooCostly
    /// Whoever wanted the names wants them no more.
    case stopped
    /// A system call failed.
    case read(Errno)

    /// For whoever asked for the reason.
    var text: String {
        switch self {
        case .notELF: "no ELF file"
        case .unsupported: "an ELF file of a kind that is not read"
        case .truncated: "its tables do not fit its size"
        case .tooLarge: "a table is too large"
        case .changed: "written to while it was read"
        case .tooCostly: "reading it costs too much"
        case .stopped: "no longer wanted"
        case .read(let errno): errno.text
        }
    }
}
