internal import CLinuxShims
internal import Glibc

/// The kind of file system that an open file or directory lies on, from mountinfo (proc(5)).
///
/// Not from statfs(2): that asks the file system itself, and one in user space, or on a server that is gone, need not
/// ever answer. Nothing here does.
struct MountedFileSystem: Equatable {
    let kind: String

    init(kind: String) { self.kind = kind }

    /// - Parameters:
    ///   - place: may be open for nothing but its place (O_PATH).
    ///   - tables: mountinfo files to look into, in this order.
    /// - Returns: nil where none of the tables has it.
    init?(of place: borrowing Descriptor, in tables: [String]) {
        guard let facts = PlaceFacts(of: place) else { return nil }
        self.init(at: facts, in: tables)
    }

    init?(at place: PlaceFacts, in tables: [String]) {
        guard let kind = Self.kind(ofMount: place.mount, in: tables) ?? Self.kind(ofDevice: place.device, in: tables)
        else { return nil }
        self.kind = kind
    }

    /// Our own list of mounts.
    static let ownTable = "/proc/self/mountinfo"

    /// Our own list needs none, and is asked before it is known which folder tells of processes.
    private static func rights(for table: String) -> Rights { table == ownTable ? [] : ProcFolder.rights }

    /// Bytes of a list that are looked through: about twenty thousand mounts.
    private static let tableLimit = 4 << 20

    private static func kind(ofMount number: UInt64, in tables: [String]) -> String? {
        for table in tables {
            let line =
                (try? fileLine(
                    table, beginning: Array("\(number) ".utf8), limit: tableLimit, raising: rights(for: table)))
                ?? nil
            if let kind = line.flatMap(kind) { return kind }
        }
        return nil
    }

    /// By another mount of the same file system: the list of a process in a chroot has only the mounts below that, and what
    /// was unmounted lazily is in none.
    private static func kind(ofDevice device: UInt64, in tables: [String]) -> String? {
        let device = dev_t(device)
        // That of memfds is mounted nowhere.
        if device == deviceOfMemory { return "tmpfs" }
        let name = "\(pt_device(device) & 0xffff_ffff):\(pt_device(device) >> 32)"
        for table in tables {
            guard let text = try? fileBytes(table, limit: tableLimit, raising: rights(for: table)) else { continue }
            if let kind = kind(ofDevice: name, in: text) { return kind }
        }
        return nil
    }

    /// - Parameter device: as mountinfo has it, `MAJOR:MINOR`.
    static func kind(ofDevice device: String, in table: [UInt8]) -> String? {
        for line in table.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
            if words.count > 2, words[2].elementsEqual(device.utf8) { return kind(line) }
        }
        return nil
    }

    private static let deviceOfMemory: dev_t? = {
        guard let number = try? systemCall({ unsafe pt_memfd("perftop") }) else { return nil }
        let file = Descriptor(owning: number)
        var status = stat()
        return unsafe fstat(file.number, &status) == 0 ? status.st_dev : nil
    }()

    /// The word behind the lone hyphen, before which stand six fields and some that need not be there; spaces in them are
    /// escaped.
    static func kind(_ line: ArraySlice<UInt8>) -> String? {
        let words = line.split(separator: UInt8(ascii: " "))
        guard let hyphen = words.dropFirst(6).firstIndex(of: [UInt8(ascii: "-")]), hyphen + 1 < words.count else {
            return nil
        }
        return String(decoding: words[hyphen + 1], as: UTF8.self)
    }

    /// Whether a program answers for it, or never answers.
    var isOfProgram: Bool { kind == "fuse" || kind == "fuseblk" || kind.hasPrefix("fuse.") }

    /// Why nothing goes through it; nil: it may. A program may leave whoever asks it waiting for ever, whom not even SIGKILL
    /// ends then; an automount has something mounted, which takes as long as it takes; and what `/proc` leads to is not of
    /// the root that it is in.
    var refusal: Errno? {
        if isOfProgram { return .notSupported }
        return switch kind {
        case "autofs": Errno(EREMOTE)
        case "proc": Errno(ELOOP)
        default: nil
        }
    }

    /// Whether a file's inode in records and maps may be another one than its own.
    var hasTwoInodes: Bool { ["overlay", "btrfs", "bcachefs", "aufs"].contains(kind) }

    /// Kinds that ask no other process and no other machine: whatever is not known here is taken for one that may.
    private static let local: Set<String> = [
        "ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "f2fs", "zfs", "jfs", "nilfs2", "reiserfs", "minix", "ufs",
        "tmpfs", "ramfs", "rootfs", "devtmpfs", "hugetlbfs", "erofs", "squashfs", "cramfs", "romfs", "iso9660", "udf",
        "vfat", "msdos", "exfat", "ntfs", "ntfs3", "hfs", "hfsplus", "ubifs", "jffs2",
    ]
    /// Kinds whose files lie on other file systems, which may be of any kind.
    private static let stacked: Set<String> = ["overlay", "aufs", "ecryptfs"]

    /// Whether it is on this machine, as far as its kind tells.
    var isLocal: Bool { answersAtOnce || Self.stacked.contains(kind) }

    /// Whether nothing that is asked of it waits for another process or another machine.
    var answersAtOnce: Bool { Self.local.contains(kind) }
}
