/// The kind of file system that an open file or directory lies on, from mountinfo (proc(5)).
///
/// Not from statfs(2): that asks the file system itself, and one in user space, or on a server that is gone, need not
/// ever answer. Nothing here does.
struct MountedFileSystem: Equatable {
    let kind: String

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
            guard let lines = try? fileBytes(table, limit: 16 << 20) else { continue }
            for line in lines.split(separator: UInt8(ascii: "\n")) where line.starts(with: mount + [UInt8(ascii: " ")])
            {
                if let kind = Self.kind(line) {
                    self.kind = kind
                    return
                }
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

    /// Whether it answers without asking another process or another machine.
    var isLocal: Bool {
        let kind = kind.prefix { $0 != "." }
        return !["fuse", "autofs", "nfs", "nfs4", "cifs", "smb3", "ceph", "afs", "lustre"].contains(String(kind))
    }
}
