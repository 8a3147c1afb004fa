internal import CLinuxShims
internal import Glibc

/// What a mapped file is known by, from a record or from a line of `/proc/PID/maps`.
package struct MappedFile: Hashable, Sendable {
    package let path: [UInt8]
    package let identity: FileIdentity

    package init(path: [UInt8], identity: FileIdentity) {
        self.path = path
        self.identity = identity
    }
}

/// Opens mapped files for reading symbols: the one place where a path that came from outside is followed.
///
/// Nothing but a regular file is ever opened for reading, no link may lead out of the target's root, and what was
/// opened must be the file that was mapped: its inode, or (checked by the caller, who reads it) its build-id.
package struct FileOpener: Sendable {
    package init() {}

    /// Ways to a mapped file, in the order they are tried.
    private enum Way: CaseIterable {
        /// The mapping itself, whatever its path says now.
        case mapping
        /// The program of the process.
        case executable
        /// The path, in the root of the process.
        case processRoot
        /// The path, in our own root: the process may be gone.
        case ownRoot
    }

    /// Calls back with each way to open the file, until the caller accepts one.
    ///
    /// - Parameters:
    ///   - witness: a process that maps it; nil: none is asked, and our own root is the only way.
    ///   - explanation: takes up each way and what came of it.
    ///   - accept: says why the file is not taken; nil: it is.
    /// - Returns: the last reason where none was accepted.
    package func open(
        _ file: MappedFile, seenBy witness: ImageStore.Witness?, explanation: inout Explanation,
        accept: (consuming Descriptor, inout Explanation) -> Unresolved?
    ) -> Unresolved? {
        var reason = Unresolved.imageUnreadable(errno: ENOENT)
        let (pid, start, end) = (witness?.pid ?? 0, witness?.start ?? 0, witness?.end ?? 0)
        for way in witness == nil ? [.ownRoot] : Way.allCases {
            let found: Descriptor
            let (name, link) = place(way, pid, start, end)
            do throws(Errno) {
                if let link {
                    found = try reopened(link, of: pid)
                } else {
                    guard file.path.first == UInt8(ascii: "/") else { break }
                    found = try open(file.path, below: way == .ownRoot ? "/" : "\(ProcFolder.root)/\(pid)/root")
                }
            } catch {
                if error == .noEntry, link == nil,
                    isReplaced(file.path, below: way == .ownRoot ? "/" : "\(ProcFolder.root)/\(pid)/root")
                {
                    explanation.add("\(name): another file has its name")
                    reason = .fileChanged
                    continue
                }
                explanation.add("\(name): \(error == Self.stalling ? "on FUSE: not read" : error.text)")
                if reason != .fileChanged, way != .executable { reason = .imageUnreadable(errno: error.number) }
                // Any other way would lead there too, through directories that may stall.
                if error == Self.stalling, way != .executable { return .imageUnreadable(errno: error.number) }
                continue
            }
            let sameness = sameness(of: found, file, way == .mapping ? link : nil, pid)
            // The program of a process is mostly another file than a library it maps; that says nothing.
            if way != .executable || sameness.isSame { explanation.add("\(name): \(sameness.text)") }
            if sameness.isSame {
                guard let refused = accept(found, &explanation) else { return nil }
                reason = refused
                // It is the file, and no other way makes more of it.
                if case .inode = file.identity { return refused }
            } else if way != .executable {
                reason = .fileChanged
            }
        }
        return reason
    }

    /// Whether a file that was removed, as the kernel's ` (deleted)` says, has a successor of the same name.
    private func isReplaced(_ path: [UInt8], below root: String) -> Bool {
        let suffix = Array(" (deleted)".utf8)
        return path.suffix(suffix.count).elementsEqual(suffix)
            && (try? open(Array(path.dropLast(suffix.count)), below: root)) != nil
    }

    /// What a way is called, and its link in `/proc`.
    private func place(_ way: Way, _ pid: Int32, _ start: UInt64, _ end: UInt64) -> (name: String, link: String?) {
        switch way {
        case .mapping:
            let range = String(start, radix: 16) + "-" + String(end, radix: 16)
            return ("map_files \(range)", "\(ProcFolder.root)/\(pid)/map_files/\(range)")
        case .executable: return ("exe of \(pid)", "\(ProcFolder.root)/\(pid)/exe")
        case .processRoot: return ("root of \(pid)", nil)
        case .ownRoot: return ("own root", nil)
        }
    }

    /// Opens a file of a fixed name that the kernel or the system owns.
    package func open(own path: String) throws(Errno) -> Descriptor {
        Descriptor(owning: try systemCall { unsafe pt_open(path, O_RDONLY) })
    }

    /// Opens a regular file by its path inside a root, which no link leads out of.
    func open(_ path: [UInt8], below root: String) throws(Errno) -> Descriptor {
        var walk = try PathWalk(in: root, tables: Self.mountTables(ofRoot: root))
        return try opened(try walk.follow(path))
    }

    private static let ownMounts = "/proc/self/mountinfo"

    /// Where to find out what a file of a process lies on.
    static func mountTables(_ pid: Int32) -> [String] { ["\(ProcFolder.root)/\(pid)/mountinfo", ownMounts] }

    /// Of a process: its own list, beside the link to its root.
    private static func mountTables(ofRoot root: String) -> [String] {
        root.hasPrefix(ProcFolder.root + "/") ? [root.dropLast("root".count) + "mountinfo", ownMounts] : [ownMounts]
    }

    /// What is said of a file whose reads a program answers, or never answers.
    private static let stalling = Errno.notSupported

    /// Opens what a link in `/proc` leads to, with no directory on the way.
    private func reopened(_ link: String, of pid: Int32) throws(Errno) -> Descriptor {
        let place = Descriptor(owning: try systemCall { unsafe pt_open(link, Int32(PT_O_PATH)) })
        guard let facts = PlaceFacts(of: place), let found = MountedFileSystem(at: facts, in: Self.mountTables(pid))
        else { throw .noDevice }
        if let refusal = found.refusal { throw refusal }
        return try opened(
            PathWalk.Place(descriptor: place, facts: facts, fileSystem: found, isGuarded: facts.isGuarded))
    }

    /// Opens for reading only what is a regular file: a FIFO would block, a device may act.
    private func opened(_ place: consuming PathWalk.Place) throws(Errno) -> Descriptor {
        guard place.facts.isRegular else { throw Errno(EINVAL) }
        let number = place.descriptor.number
        return Descriptor(
            owning: try systemCall { unsafe pt_open("/proc/self/fd/\(number)", O_RDONLY | O_NONBLOCK | O_NOCTTY) })
    }

    /// Whether two descriptors are of one file.
    func isOneFile(_ left: borrowing Descriptor, _ right: borrowing Descriptor) -> Bool {
        var (first, second) = (stat(), stat())
        return unsafe fstat(left.number, &first) == 0 && fstat(right.number, &second) == 0
            && first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Whether an open file is the one that was mapped, as far as inodes tell.
    private func sameness(
        of found: borrowing Descriptor, _ file: MappedFile, _ mapping: String?, _ pid: Int32
    ) -> (isSame: Bool, text: String) {
        guard case .inode(let device, let inode, let generation) = file.identity else {
            return (true, "opened; its build-id must match")
        }
        var status = stat()
        guard unsafe fstat(found.number, &status) == 0 else { return (false, "its inode cannot be read") }
        let foundDevice = pt_device(status.st_dev)
        let shown = "inode \(Self.text(ofDevice: foundDevice)) \(status.st_ino)"
        if foundDevice == device, UInt64(status.st_ino) == inode {
            var number: UInt32 = 0
            // An inode number is given again once its file is gone; the generation tells. Not all file systems say it.
            if generation != 0, unsafe pt_generation(found.number, &number) == 0, UInt64(number) != generation {
                return (false, "file changed (\(shown) again, generation \(number), was \(generation))")
            }
            return (true, "same \(shown)")
        }
        // Some file systems show one inode in records and maps, and another one to fstat. There the path of the mapping
        // itself must do; any other way, and any other file system, would lead to what has its name now.
        if let mapping, linkTarget(mapping) == file.path,
            MountedFileSystem(of: found, in: Self.mountTables(pid))?
                .hasTwoInodes == true
        {
            return (true, "same path on a stacked file system, \(shown)")
        }
        return (false, "file changed (\(shown), was \(Self.text(ofDevice: device)) \(inode))")
    }

    private static func text(ofDevice device: UInt64) -> String { "\(device & 0xffff_ffff):\(device >> 32)" }

    private func linkTarget(_ path: String) -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe readlink(path, &target, target.count)
        return target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
    }
}
