// What the image store knows of a mapped file, and of its tables.
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
        /// Where its names were found; nil: they are the same for all.
        var root: ProcessRoot?
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
        /// Who is charged for opening it; nil until it was asked whose the witness is.
        var payer: Payer?
        /// When it was asked for, of all that waits.
        var since: UInt64 = 0
        var lastUse: UInt64
        /// When it may be opened again, after it was written to.
        var nextOpening = Instant.beginning
        var pause = ImageStore.rereadPause
        /// When it may be asked whether it has changed, where the answer is waited for.
        var nextLook = Instant.beginning
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

    struct GivenUp {
        let stamp: FileStamp
        let reason: Unresolved
        let until: Instant
        let road: [String]
    }

    /// The file behind one or several paths.
    struct Table {
        let image: Lent<OpenImage>
        let debugFiles: DebugFiles
        let answersAtOnce: Bool
        let payer: Payer
        /// Nil: not read yet, or under way with an errand.
        var symbols: Lent<ImageSymbols>?
        var isUnderWay = false
        /// Its errand does not come home: nobody else waits for it.
        var isLeft = false
        /// Its tables were read and are not kept: for other places they are read again.
        var isNotKept = false
        var byteCount = 0
        var descriptors = 1
        var asked: [Asked] = []
        /// When it was asked for, of all that waits.
        var since: UInt64
        var road: [String] = []
        var lastUse: UInt64
        /// When it may be read, or searched again where it is not kept.
        var nextReading: Instant

        /// Whether names are all that is to be read.
        var isKept: Bool { symbols.map { !$0.value.isSparse } ?? false }
        /// Whether somebody waits for it: it cannot go.
        var isHeld: Bool { isUnderWay || !asked.isEmpty }
    }

    /// What a file was when it was looked at; nil where nobody could tell.
    struct Looked: Sendable {
        let file: MappedFile
        let space: SpaceID
        let key: TableKey
        var stamp: FileStamp?
    }

    /// A place in an image.
    struct Asked: Sendable {
        var question: Question
        let offset: FileOffset
        let module: Module
    }
}

extension ImageStore.File {
    init(_ file: Self, module: Module) {
        self.init(
            state: file.state, module: module, road: file.road, asked: file.asked, witness: file.witness,
            payer: file.payer, since: file.since, lastUse: file.lastUse, nextOpening: file.nextOpening,
            pause: file.pause)
    }

    /// It is to be opened anew, by way of a process.
    mutating func reopen(seenBy witness: ImageStore.Witness) {
        state = .unopened
        self.witness = witness
        payer = nil
    }

    var isUnopened: Bool { if case .unopened = state { true } else { false } }
    var isOpening: Bool { if case .opening = state { true } else { false } }
}
