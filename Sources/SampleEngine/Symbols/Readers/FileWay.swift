internal import CLinuxShims
internal import Glibc

/// What leads to a file of others.
enum FileWay {
    /// A path in a root, which is `/` or that of a process.
    case path([UInt8], below: String)
    /// A path in a root, over no link and through nothing but what is on this machine.
    case local([UInt8], below: String)
    /// A link of a process in `/proc`: there is no directory on the way.
    case link(String)

    /// Where to find out what lies on the way: of a process, its own list of mounts first.
    var mountTables: [String] {
        let place =
            switch self {
            case .path(_, let root), .local(_, let root): root
            case .link(let link): link
            }
        guard place.hasPrefix(ProcFolder.root + "/") else { return [MountedFileSystem.ownTable] }
        let process = place.dropFirst(ProcFolder.root.count + 1).prefix { $0 != "/" }
        return ["\(ProcFolder.root)/\(process)/mountinfo", MountedFileSystem.ownTable]
    }
}

/// Where a way leads to, open for nothing but its place: here, or in a reader process where its file system need not answer.
struct FilePlace: ~Copyable {
    enum Holder: ~Copyable {
        case here(Descriptor)
        case away(FileAway)
    }

    let holder: Holder
    let facts: PlaceFacts
    let fileSystem: MountedFileSystem
    let makers: PathWalk.Makers
    /// In which root; nil where a link led here.
    let top: RootPlace?

    init(
        holder: consuming Holder, facts: PlaceFacts, fileSystem: MountedFileSystem, makers: PathWalk.Makers,
        top: RootPlace?
    ) {
        self.holder = holder
        (self.facts, self.fileSystem, self.makers, self.top) = (facts, fileSystem, makers, top)
    }

    init(_ found: consuming PathWalk.Place) {
        (facts, fileSystem, makers, top) = (found.facts, found.fileSystem, found.makers, found.top)
        holder = .here(found.descriptor)
    }

    /// What holds it, for whoever opens it.
    consuming func consumed() -> Holder { holder }
}

/// What only its file system can tell of an open file.
struct FileFacts: Equatable, Sendable {
    let stamp: FileStamp
    /// Of the inode's number (FS_IOC_GETVERSION); nil where the file system does not say.
    let generation: UInt32?
    /// Its group's bits are the most that anybody has of an access list (acl(5)): whether there may be one.
    let mayHaveAccessList: Bool
}

extension Errno {
    /// A file that is on a file system that does not answer.
    static let noAnswer = Errno(ETIMEDOUT)
    /// A file whose file system need not answer: not for a thread of ours.
    static let mayWait = Errno(EAGAIN)
}
