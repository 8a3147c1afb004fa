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
        guard let facts = try? fileBytes("/proc/self/fdinfo/\(place.number)", limit: 65_536),
            let mount = facts.split(separator: UInt8(ascii: "\n")).first(where: { $0.starts(with: "mnt_id:".utf8) })?
                .split(separator: UInt8(ascii: "\t")).last
        else { return nil }
        for table in tables {
            let line = (try? fileLine(table, beginning: mount + [UInt8(ascii: " ")], limit: 16 << 20)) ?? nil
            if let kind = line.flatMap(Self.kind) {
                self.kind = kind
                return
            }
        }
        return nil
    }

    /// The word behind the lone hyphen; spaces in the fields before it are escaped.
    private static func kind(_ line: ArraySlice<UInt8>) -> String? {
        let words = line.split(separator: UInt8(ascii: " "))
        guard let hyphen = words.firstIndex(of: [UInt8(ascii: "-")]), hyphen + 1 < words.count else { return nil }
        return String(decoding: words[hyphen + 1], as: UTF8.self)
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
