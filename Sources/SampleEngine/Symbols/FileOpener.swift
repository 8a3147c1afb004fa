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

    /// Calls back with each way to open the file, until the caller accepts one: by the mapping itself, whatever the
    /// path says now; by its path in the root of the process; by its path in our own root.
    ///
    /// - Returns: the last reason where none was accepted.
    package func open(
        _ file: MappedFile, pid: Int32, start: UInt64, end: UInt64,
        accept: (consuming Descriptor) -> Unresolved?
    ) -> Unresolved? {
        var reason = Unresolved.imageUnreadable(errno: ENOENT)
        let range = String(start, radix: 16) + "-" + String(end, radix: 16)
        let mapping = "/proc/\(pid)/map_files/\(range)"
        if let found = try? reopened(mapping) {
            if isSame(found, file.identity) || isOnStackedFileSystem(found) && linkTarget(mapping) == file.path {
                guard let refused = accept(found) else { return nil }
                reason = refused
            } else {
                reason = .fileChanged
            }
        }
        guard file.path.first == UInt8(ascii: "/") else { return reason }
        for root in ["/proc/\(pid)/root", "/"] {
            do throws(Errno) {
                let found = try open(file.path, below: root)
                if !isSame(found, file.identity) {
                    reason = .fileChanged
                } else if let refused = accept(found) {
                    reason = refused
                } else {
                    return nil
                }
            } catch {
                if reason != .fileChanged { reason = .imageUnreadable(errno: error.number) }
            }
        }
        return reason
    }

    /// Opens a file of a fixed name that the kernel or the system owns.
    package func open(own path: String) throws(Errno) -> Descriptor {
        Descriptor(owning: try systemCall { unsafe pt_open(path, O_RDONLY) })
    }

    /// Opens a regular file by its path inside a root, which no link leads out of.
    func open(_ path: [UInt8], below root: String) throws(Errno) -> Descriptor {
        let rootFile = Descriptor(owning: try systemCall { unsafe pt_open(root, Int32(PT_O_PATH) | O_DIRECTORY) })
        let rootFD = rootFile.number
        let name = path.map { CChar(bitPattern: $0) } + [0]
        let found = Descriptor(owning: try systemCall { unsafe pt_open_in_root(rootFD, name, Int32(PT_O_PATH)) })
        return try reopened("/proc/self/fd/\(found.number)")
    }

    /// Opens for reading only what is a regular file: a FIFO would block, a device may act.
    private func reopened(_ path: String) throws(Errno) -> Descriptor {
        let place = Descriptor(owning: try systemCall { unsafe pt_open(path, Int32(PT_O_PATH)) })
        var status = stat()
        let placeFD = place.number
        _ = try systemCall { unsafe fstat(placeFD, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Errno(EINVAL) }
        return Descriptor(
            owning: try systemCall { unsafe pt_open("/proc/self/fd/\(placeFD)", O_RDONLY | O_NONBLOCK | O_NOCTTY) })
    }

    /// Whether two descriptors are of one file.
    func isOneFile(_ left: borrowing Descriptor, _ right: borrowing Descriptor) -> Bool {
        var (first, second) = (stat(), stat())
        return unsafe fstat(left.number, &first) == 0 && fstat(right.number, &second) == 0
            && first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    private func isSame(_ file: borrowing Descriptor, _ identity: FileIdentity) -> Bool {
        guard case .inode(let device, let inode, _) = identity else { return true }
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0 else { return false }
        return pt_device(status.st_dev) == device && UInt64(status.st_ino) == inode
    }

    /// Overlays and btrfs show one inode in records and maps, and another one to fstat: there the path must do.
    private func isOnStackedFileSystem(_ file: borrowing Descriptor) -> Bool {
        var status = stat()
        // Such file systems have no block device: major number 0.
        return unsafe fstat(file.number, &status) == 0 && pt_device(status.st_dev) & 0xffff_ffff == 0
    }

    private func linkTarget(_ path: String) -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = unsafe readlink(path, &target, target.count)
        return target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
    }
}
