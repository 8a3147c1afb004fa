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
        case .fileChanged: "the file was changed since it was mapped"
        }
    }
}
