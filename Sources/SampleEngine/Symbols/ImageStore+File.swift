// What the image store knows of a mapped file.
extension ImageStore {
    /// Where a file may be opened: a process that maps it, and the range.
    package struct Witness: Sendable {
        package var pid: Int32
        package var start: UInt64
        package var end: UInt64

        package init(pid: Int32, start: UInt64, end: UInt64) {
            self.pid = pid
            self.start = start
            self.end = end
        }
    }

    /// Which file it is, by whatever name (hard links) and whatever is in it: what reading it costs is counted for this.
    struct FileNumber: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    /// What a file was when it was opened: its tables are of this, and no other content has them.
    struct TableKey: Hashable, Sendable {
        let file: FileNumber
        let stamp: FileStamp
    }

    /// A mapped file, by its path and identity.
    struct File {
        var state = State.unopened
        let module: Module
        /// How it was opened, for whoever asks.
        var road = Explanation(isWanted: false)
        var asked: [(question: Question, offset: FileOffset)] = []
        var witness: Witness
        var lastUse: UInt64
        /// When it may be opened again, after it was written to.
        var nextOpening = Instant.beginning
        var pause = ImageStore.rereadPause
        /// What it was when it was last told to have changed since it was opened.
        var told: FileStamp?

        enum State {
            case unopened
            case opening
            case open(TableKey)
            /// - Parameter process: by which it could not be opened; nil where it was, and could not be read.
            case refused(Unresolved, until: Instant, process: Int32?)
        }
    }
}

extension ImageStore.File {
    init(_ file: Self, module: Module) {
        self.init(
            state: file.state, module: module, road: file.road, asked: file.asked, witness: file.witness,
            lastUse: file.lastUse, nextOpening: file.nextOpening, pause: file.pause)
    }

    var isUnopened: Bool { if case .unopened = state { true } else { false } }
    var isOpening: Bool { if case .opening = state { true } else { false } }
}
