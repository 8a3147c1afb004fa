internal import CLinuxShims
internal import Glibc

extension Descriptor {
    /// Opens a directory that we know by its name (`/`, `/proc/PID/root`) for nothing but its place.
    init(placeOf directory: String) throws(Errno) {
        self.init(
            owning: try systemCall(raising: .processes) { unsafe pt_open(directory, Int32(PT_O_PATH) | O_DIRECTORY) })
    }
}

/// What is known of an open file or directory without asking its file system.
struct PlaceFacts: Equatable {
    let device: UInt64
    let inode: UInt64
    let mode: UInt32
    let user: UInt32
    let group: UInt32
    let links: UInt32
    /// The number of its mount, as mountinfo has it.
    let mount: UInt64

    init?(of place: borrowing Descriptor) {
        var found = pt_place()
        guard unsafe pt_look(place.number, &found) == 0 else { return nil }
        if found.mount == 0 {
            guard let text = try? fileBytes("/proc/self/fdinfo/\(place.number)", limit: 65_536),
                let number = Self.mount(fdinfo: text)
            else { return nil }
            found.mount = number
        }
        self.init(found)
    }

    init(_ found: pt_place) {
        (device, inode, mode, mount) = (found.device, found.inode, found.mode, found.mount)
        (user, group, links) = (found.user, found.group, found.links)
    }

    /// As it is sent.
    var sent: pt_place {
        pt_place(device: device, inode: inode, mount: mount, mode: mode, user: user, group: group, links: links)
    }

    /// The number in `mnt_id:`.
    static func mount(fdinfo text: [UInt8]) -> UInt64? {
        text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "mnt_id:".utf8) }?
            .split(separator: UInt8(ascii: "\t")).last.flatMap { UInt64(String(decoding: $0, as: UTF8.self)) }
    }

    /// The same file or directory, by whatever mount.
    func isSame(as other: PlaceFacts) -> Bool { device == other.device && inode == other.inode }

    private var kind: UInt32 { mode & S_IFMT }
    var isRegular: Bool { kind == S_IFREG }
    var isDirectory: Bool { kind == S_IFDIR }
    /// A directory in which nobody takes away what is not his.
    var isSticky: Bool { isDirectory && mode & S_ISVTX != 0 }
    var isLink: Bool { kind == S_IFLNK }

    /// Others than its owner may write it, or, of a directory, put something there. With an access list the bits of the group
    /// are the most that it gives to anybody (acl(5)).
    var isOpenToOthers: Bool { !isLink && mode & (S_IWGRP | S_IWOTH) != 0 }
}
