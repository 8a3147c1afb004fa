internal import CLinuxShims
internal import Glibc

/// What a mapped file is known by, from a record or from a line of `/proc/PID/maps`.
package struct MappedFile: Hashable, Sendable {
    package let path: [UInt8]
    package let identity: FileIdentity
    /// The root that the path is of; nil: ours. What a process has in another root gives no names to who is not in there.
    let root: ProcessRoot?

    package init(path: [UInt8], identity: FileIdentity) { self.init(path: path, identity: identity, root: nil) }

    init(path: [UInt8], identity: FileIdentity, root: ProcessRoot?) {
        self.path = path
        self.identity = identity
        self.root = root
    }
}

/// Opens mapped files for reading symbols: the one place where a path that came from outside is followed.
///
/// Nothing but a regular file is ever opened for reading, no link may lead out of the target's root, and what was
/// opened must be the file that was mapped: its inode, or (checked by the caller, who reads it) its build-id.
///
/// What lies on a file system that need not answer is found and opened by a reader process, where there is one.
package struct FileOpener: Sendable {
    /// Whose files they are, where a reader process is needed.
    private let payer: Payer
    /// Whether the calling thread may wait for any file system: in a reader process, and in tests.
    private let mayWait: Bool
    /// Processor time that following paths has taken: what is on the way is others' choice, down to the list of mounts.
    private let spent = Guarded<UInt64>(0)
    /// The most that it may take for one file.
    private static let most: UInt64 = 200_000_000

    init(for payer: Payer = .unknown, mayWait: Bool = !ReaderProcesses.areWanted) {
        self.payer = payer
        self.mayWait = mayWait
    }

    /// A file that is open for reading, and what was known of it then.
    struct Opened: ~Copyable {
        let file: ForeignFile
        let place: PlaceFacts
        let fileSystem: MountedFileSystem
        let facts: FileFacts
    }

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
    func open(
        _ file: MappedFile, seenBy witness: ImageStore.Witness?, explanation: inout Explanation,
        accept: (consuming Opened, inout Explanation) -> Unresolved?
    ) -> Unresolved? {
        var reason = Unresolved.imageUnreadable(errno: ENOENT)
        let pid = witness?.pid ?? 0
        for way in witness == nil ? [.ownRoot] : Way.allCases {
            let (name, link) = place(way, witness)
            let found: Found
            do throws(Errno) {
                if link == nil, file.path.first != UInt8(ascii: "/") { break }
                found = try find(file, way, link, pid)
            } catch {
                let root = way == .ownRoot ? "/" : Self.root(of: pid)
                if error == .noEntry, link == nil, isReplaced(file.path, below: root) {
                    explanation.add("\(name): another file has its name")
                    reason = .fileChanged
                    continue
                }
                explanation.add("\(name): \(Self.text(of: error))")
                if error == .noAnswer { return .noAnswer }
                if error == .tooBig { return .tooCostly }
                if reason != .fileChanged, way != .executable { reason = .imageUnreadable(errno: error.number) }
                // Any other way would lead there too, through directories that may stall.
                if error == Self.stalling, way != .executable { return .imageUnreadable(errno: error.number) }
                continue
            }
            switch consume found {
            case .file(let opened, let text):
                explanation.add("\(name): \(text)")
                guard let refused = accept(opened, &explanation) else { return nil }
                reason = refused
                // It is the file, and no other way makes more of it.
                if case .inode = file.identity { return refused }
            case .another(let text):
                // The program of a process is mostly another file than a library it maps; that says nothing.
                if way == .executable { continue }
                explanation.add("\(name): \(text)")
                reason = .fileChanged
            case .elsewhere: explanation.add("\(name): the process has another root by now")
            }
        }
        return reason
    }

    /// What a way has led to.
    private enum Found: ~Copyable {
        case file(Opened, String)
        case another(String)
        /// The process is not where the path is of.
        case elsewhere
    }

    private static func root(of pid: Int32) -> String { "\(ProcFolder.root)/\(pid)/root" }

    private func find(_ file: MappedFile, _ way: Way, _ link: String?, _ pid: Int32) throws(Errno) -> Found {
        let place: FilePlace
        if let link {
            place = try self.place(.link(link))
        } else {
            place = try self.place(.path(file.path, below: way == .ownRoot ? "/" : Self.root(of: pid)))
            if way != .ownRoot, place.top != file.root?.place ?? .own { return .elsewhere }
        }
        // Behind the step, too: it may have been somewhere else meanwhile.
        if way != .ownRoot, ProcReader().processRoot(of: pid) != file.root ?? .own { return .elsewhere }
        let sameness = sameness(of: place, file, way == .mapping ? link : nil)
        guard sameness.isSame else { return .another(sameness.text) }
        if !sameness.isSure {
            if link != nil, !isOfPath(place, file, pid) { return .another("file changed (its path is another's)") }
            // What others may not read and nobody runs is no image, and none of who has chosen its path.
            if link == nil, place.facts.mode & (S_IROTH | S_IXUSR) == 0 { throw .access }
        }
        let facts = place.facts
        let opened = try opened(place)
        if case .inode(_, _, let generation) = file.identity, sameness.isSure, generation != 0 {
            // An inode number is given again once its file is gone; the generation tells. Not all file systems say it.
            if let number = opened.facts.generation, UInt64(number) != generation {
                let again = "inode \(Self.text(ofDevice: pt_device(dev_t(facts.device)))) \(facts.inode) again"
                return .another("file changed (\(again), generation \(number), was \(generation))")
            }
        }
        return .file(opened, sameness.text)
    }

    /// Whether a file that a process has mapped has a right to the names of this path, where its inode does not tell: anybody
    /// can make a file with the build-id of another one, and have its path be the same in a mount namespace of his own.
    private func isOfPath(_ place: borrowing FilePlace, _ file: MappedFile, _ pid: Int32) -> Bool {
        let (owner, isGone) = (place.facts.user, place.facts.links == 0)
        if owner == 0 || owner == geteuid(), isGone || !place.facts.isOpenToOthers { return true }
        let root = Self.root(of: pid)
        let present = try? follow(file.path, below: root, of: file.root ?? .own)
        if let present, present.facts.isSame(as: place.facts) { return true }
        // It was removed or replaced: by its owner, who alone can write there.
        guard let slash = file.path.lastIndex(of: UInt8(ascii: "/")),
            let folder = try? follow(Array(file.path[...slash]), below: root, of: file.root ?? .own)
        else { return false }
        return folder.facts.user == owner && folder.makers.areOnly(owner, besideOthers: true)
    }

    /// Whether a file that was removed, as the kernel's ` (deleted)` says, has a successor of the same name.
    private func isReplaced(_ path: [UInt8], below root: String) -> Bool {
        let suffix = Array(" (deleted)".utf8)
        return path.suffix(suffix.count).elementsEqual(suffix)
            && (try? follow(Array(path.dropLast(suffix.count)), below: root)) != nil
    }

    /// What a way is called, and its link in `/proc`.
    private func place(_ way: Way, _ witness: ImageStore.Witness?) -> (name: String, link: String?) {
        let (pid, start, end) = (witness?.pid ?? 0, witness?.start ?? 0, witness?.end ?? 0)
        switch way {
        case .mapping:
            let range = String(start, radix: 16) + "-" + String(end, radix: 16)
            return ("map_files \(range)", "\(ProcFolder.root)/\(pid)/map_files/\(range)")
        case .executable: return ("exe of \(pid)", "\(ProcFolder.root)/\(pid)/exe")
        case .processRoot: return ("root of \(pid)", nil)
        case .ownRoot: return ("own root", nil)
        }
    }

    /// The place that a path leads to inside a root, which no link leads out of.
    ///
    /// - Parameter top: the root that it must be; nil: whichever it is.
    func follow(_ path: [UInt8], below root: String, of top: ProcessRoot? = nil) throws(Errno) -> FilePlace {
        let found = try place(.path(path, below: root))
        if let top, found.top != top.place { throw .noProcess }
        return found
    }

    /// Where a way leads to, found here or by a reader process.
    func place(_ way: FileWay) throws(Errno) -> FilePlace {
        let begun = ownThreadNanoseconds()
        defer { charge(ownThreadNanoseconds() &- begun) }
        guard spent.withLock({ $0 }) < Self.most else { throw .tooBig }
        do throws(Errno) { return FilePlace(try placeHere(way)) } catch {
            guard error == .mayWait else { throw error }
            guard let readers = ReaderProcesses.shared else { throw .noAnswer }
            let process = try readers.process(for: payer)
            return FilePlace(try process.place(way), of: process)
        }
    }

    /// Rests behind a walk that took long, as behind a millisecond of reading.
    private func charge(_ nanoseconds: UInt64) {
        spent.withLock { $0 = $0.addingSaturating(nanoseconds) }
        if nanoseconds >= 1_000_000 { usleep(UInt32(Scheduling.rest(behind: nanoseconds) / 1000)) }
    }

    /// The same by the calling thread.
    ///
    /// - Throws: `mayWait` where it leads to what need not answer, if that may not be waited for.
    func placeHere(_ way: FileWay) throws(Errno) -> PathWalk.Place {
        switch way {
        case .path(let path, _) where path.count >= Int(PATH_MAX): throw Errno(ENAMETOOLONG)
        case .path(let path, let root):
            var walk = try PathWalk(in: root, tables: way.mountTables, mayWait: mayWait)
            return try walk.follow(path)
        case .local(let path, let root):
            var walk = try PathWalk(
                in: root, tables: way.mountTables, links: .refused, isLocal: true, mayWait: mayWait)
            return try walk.follow(path)
        case .link(let link):
            let place = Descriptor(
                owning: try systemCall(raising: .mappedFiles) { unsafe pt_open(link, Int32(PT_O_PATH)) })
            guard let facts = PlaceFacts(of: place), let found = MountedFileSystem(at: facts, in: way.mountTables)
            else { throw .noDevice }
            if let refusal = found.refusal { throw refusal }
            if !mayWait, !found.answersAtOnce { throw .mayWait }
            let makers = PathWalk.Makers(facts, at: place)
            return PathWalk.Place(descriptor: place, facts: facts, fileSystem: found, makers: makers, top: nil)
        }
    }

    /// What is said of a file whose reads a program answers, or never answers.
    private static let stalling = Errno.notSupported

    /// Opens for reading only what is a regular file: a FIFO would block, a device may act.
    func opened(_ place: consuming FilePlace) throws(Errno) -> Opened {
        let (facts, fileSystem) = (place.facts, place.fileSystem)
        guard facts.isRegular else { throw .invalid }
        switch place.consumed() {
        case .here(let descriptor):
            let file = try Self.reopened(descriptor)
            let known = try FileFacts(of: file)
            return Opened(file: .here(file), place: facts, fileSystem: fileSystem, facts: known)
        case .away(let file):
            let known = try file.process.open(file.handle)
            return Opened(file: .away(file), place: facts, fileSystem: fileSystem, facts: known)
        }
    }

    /// Opens a regular file for reading that was open for nothing but its place.
    static func reopened(_ place: borrowing Descriptor) throws(Errno) -> Descriptor {
        let number = place.number
        return Descriptor(
            owning: try systemCall(raising: .files) {
                unsafe pt_open("/proc/self/fd/\(number)", O_RDONLY | O_NONBLOCK | O_NOCTTY)
            })
    }

    /// Whether a path leads to a file.
    func leads(_ path: [UInt8], below root: String, to file: PlaceFacts?) -> Bool {
        guard let file, let place = try? follow(path, below: root) else { return false }
        return place.facts.isSame(as: file)
    }

    /// Whether a file is the one that was mapped, as far as inodes tell, and whether that is all there is to be known.
    private func sameness(
        of found: borrowing FilePlace, _ file: MappedFile, _ mapping: String?
    ) -> (isSame: Bool, isSure: Bool, text: String) {
        guard case .inode(let device, let inode, _) = file.identity else {
            return (true, false, "opened; its build-id must match")
        }
        let foundDevice = pt_device(dev_t(found.facts.device))
        let shown = "inode \(Self.text(ofDevice: foundDevice)) \(found.facts.inode)"
        if foundDevice == device, found.facts.inode == inode { return (true, true, "same \(shown)") }
        // Some file systems show one inode in records and maps, and another one to fstat. There the path of the mapping
        // itself must do; any other way, and any other file system, would lead to what has its name now.
        if let mapping, linkTarget(mapping, raising: .mappedFiles) == file.path, found.fileSystem.hasTwoInodes {
            return (true, false, "same path on a stacked file system, \(shown)")
        }
        return (false, true, "file changed (\(shown), was \(Self.text(ofDevice: device)) \(inode))")
    }

    private static func text(of error: Errno) -> String {
        switch error {
        case stalling: "on FUSE: not read"
        case .noAnswer: Unresolved.noAnswer.sentence
        case .tooBig: "the way there, or the list of mounts, is longer than any honest one"
        default: error.text
        }
    }

    private static func text(ofDevice device: UInt64) -> String { "\(device & 0xffff_ffff):\(device >> 32)" }
}
