/// A place that waits for its name, with what has been found out on the way.
struct Question: Sendable {
    let location: Location
    /// Whoever asks knows it by that.
    var number: UInt64 = 0
    var explanation: Explanation
    /// Where else to look when the file says nothing.
    var memory: Memory?

    /// Bytes that one takes while it waits.
    static var cost: Int { 160 }

    /// Memory of one process, whose compiler may have named what lies there.
    struct Memory: Sendable {
        let address: UInt64
        /// Nil where nothing is known of it any more.
        let process: JITProcess?
        /// Where the piece of memory begins; nil: it is known by its file alone.
        let start: UInt64?

        /// Whether its maker is asked after its file has given an answer.
        func isAsked(after answer: Symbol) -> Bool {
            // A memfd is often no file with code, but the other end of a compiler's memory; and memory in a file's hole
            // may have nothing to do with the file.
            start == nil ? answer.kind == .jit : answer.source == .none
        }

        /// What it is called where its maker has no name for it.
        func standIn(_ answer: Symbol) -> Symbol { start.map { Symbol.jit(hex($0)) } ?? answer }
    }
}
