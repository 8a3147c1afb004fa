internal import CLinuxShims
internal import Glibc

/// Follows a path that somebody else chose, one step at a time, inside a root that it does not leave.
///
/// The kernel would follow a whole path at once, and wait for whatever file system lies on the way; a thread that waits for
/// a program's is not even ended by SIGKILL, and with it nor is its process. So each step leads from a directory whose
/// file system is known to the next place without asking that one anything (O_PATH), and which file system that one is on
/// is found out before anything goes through it. What is mounted meanwhile is stepped on like any other place.
struct PathWalk: ~Copyable {
    /// What a path leads to, open for nothing but its place.
    struct Place: ~Copyable {
        let descriptor: Descriptor
        let facts: PlaceFacts
        let fileSystem: MountedFileSystem
        let makers: Makers
        /// In which root; nil where no path was followed.
        let top: RootPlace?
    }

    /// Who can have put there what is there: it, or a directory or link on the way to it.
    struct Makers: Equatable {
        private(set) var users: Set<UInt32> = []
        private(set) var others = false
        /// Others may have put it there, where they cannot take away what is not theirs (`/tmp`): told by its owner, a directory
        /// below is not theirs, but a file or link may be.
        var othersBeside: Bool { areBeside || isBeside }
        private var areBeside = false
        /// The last place is such a folder.
        private var isBeside = false

        init(_ facts: PlaceFacts, at place: borrowing Descriptor) { add(facts, at: place) }

        init(users: Set<UInt32>, others: Bool, othersBeside: Bool) {
            (self.users, self.others, areBeside) = (users, others, othersBeside)
        }

        mutating func add(_ facts: PlaceFacts, at place: borrowing Descriptor) {
            users.insert(facts.user)
            if isBeside, !facts.isDirectory { areBeside = true }
            isBeside = false
            guard facts.isOpenToOthers, !Self.isPrivate(facts, place) else { return }
            if facts.isSticky { isBeside = true } else { others = true }
        }

        /// Its group alone may write, and that is its owner's own (umask 002), or nobody's: without an access list, whose mask
        /// the group's bits would be.
        private static func isPrivate(_ facts: PlaceFacts, _ place: borrowing Descriptor) -> Bool {
            facts.mode & S_IWOTH == 0 && Accounts.ours.hasOnly(facts.user, inGroup: facts.group)
                && pt_may_have_access_list_at(place.number) == 0
        }

        /// Nobody but root, we and this user.
        ///
        /// - Parameter besideOthers: also where others may put something beside it, and not take it away.
        func areOnly(_ user: UInt32 = 0, besideOthers: Bool = false) -> Bool {
            !others && (besideOthers || !othersBeside)
                && users.subtracting([0, geteuid(), user]).isEmpty
        }
    }

    enum Links {
        /// As everywhere, but in this root: absolute ones begin there, and no `..` leads out of it.
        case followed
        /// One on the way is an error, one at the end is what is found.
        case refused
    }

    private let root: Descriptor
    private let rootFacts: PlaceFacts
    private let rootFileSystem: MountedFileSystem
    private let tables: [String]
    private let links: Links
    private let isLocal: Bool
    private let mayWait: Bool
    /// The mount that was looked up last: mostly the next place is on the same one.
    private var known: (mount: UInt64, fileSystem: MountedFileSystem)
    private var lookups = 0

    /// As many as the kernel follows, and more steps than any path has that leads anywhere.
    private static let (mostLinks, mostSteps) = (40, 512)
    /// Times that the list of mounts is looked through: it is as long as its owner likes.
    private static let mostLookups = 8

    /// - Parameters:
    ///   - root: as we see it; `/proc/PID/root` for that of a process.
    ///   - tables: where to find out which file system a mount is of.
    ///   - isLocal: nothing is entered but what is known to lie on this machine.
    ///   - mayWait: whether what need not answer may be asked, or be the end; else that is an error, `mayWait`.
    init(
        in root: String, tables: [String], links: Links = .followed, isLocal: Bool = false, mayWait: Bool = true
    ) throws(Errno) {
        self.tables = tables
        self.links = links
        self.isLocal = isLocal
        self.mayWait = mayWait
        let top = try Descriptor(placeOf: root)
        guard let facts = PlaceFacts(of: top), let found = MountedFileSystem(at: facts, in: tables) else {
            throw .noDevice
        }
        try Self.check(found, isLocal, mayWait)
        self.top = RootPlace(top, facts)
        self.root = top
        (rootFacts, rootFileSystem) = (facts, found)
        known = (facts.mount, found)
    }

    private static func check(
        _ fileSystem: MountedFileSystem, _ isLocal: Bool, _ mayWait: Bool
    ) throws(Errno) {
        if let refusal = fileSystem.refusal { throw refusal }
        if isLocal, !fileSystem.isLocal { throw Errno(EREMOTE) }
        if !mayWait, !fileSystem.answersAtOnce { throw .mayWait }
    }

    /// Which root it is.
    let top: RootPlace

    /// - Throws: `notSupported` for what a program answers for, `EREMOTE` for what is elsewhere, `noDevice` where nobody can
    ///   tell.
    mutating func follow(_ path: [UInt8]) throws(Errno) -> Place {
        var pending = try Self.names(in: path)
        var passed: [[UInt8]] = []
        var current = try start()
        var (steps, jumps, makers) = (0, 0, Makers(current.facts, at: current.descriptor))
        while let name = pending.popLast() {
            steps += 1
            guard steps <= Self.mostSteps else { throw Errno(ELOOP) }
            if name == Self.parent {
                // From the root again, by what is passed anew: nothing but the present place need be held open.
                pending += passed.dropLast().reversed()
                passed = []
                current = try start()
                continue
            }
            let next = try step(to: name, from: current.descriptor)
            makers.add(next.facts, at: next.descriptor)
            guard next.facts.isLink else {
                passed.append(name)
                current = next
                continue
            }
            if links == .refused {
                guard pending.isEmpty else { throw Errno(ENOTDIR) }
                return place(next, makers)
            }
            jumps += 1
            guard jumps <= Self.mostLinks else { throw Errno(ELOOP) }
            let target = try Self.target(of: next.descriptor)
            pending += try Self.names(in: target)
            if target.first == UInt8(ascii: "/") {
                passed = []
                current = try start()
            }
        }
        return place(current, makers)
    }

    private func place(_ step: consuming Step, _ makers: Makers) -> Place {
        let (facts, fileSystem) = (step.facts, step.fileSystem)
        return Place(descriptor: step.descriptor, facts: facts, fileSystem: fileSystem, makers: makers, top: top)
    }

    /// What one name has led to.
    private struct Step: ~Copyable {
        let descriptor: Descriptor
        let facts: PlaceFacts
        let fileSystem: MountedFileSystem
    }

    private static let parent = Array("..".utf8)

    private func start() throws(Errno) -> Step {
        let number = root.number
        let top = Descriptor(owning: try systemCall { fcntl(number, F_DUPFD_CLOEXEC, 3) })
        return Step(descriptor: top, facts: rootFacts, fileSystem: rootFileSystem)
    }

    private mutating func step(to name: [UInt8], from directory: borrowing Descriptor) throws(Errno) -> Step {
        let (number, text) = (directory.number, name.map { CChar(bitPattern: $0) } + [0])
        let place = Descriptor(owning: try systemCall(raising: .files) { unsafe pt_step(number, text) })
        guard let facts = PlaceFacts(of: place) else { throw .noDevice }
        if facts.mount != known.mount {
            lookups += 1
            guard lookups <= Self.mostLookups else { throw .tooBig }
            guard let found = MountedFileSystem(at: facts, in: tables) else { throw .noDevice }
            known = (facts.mount, found)
        }
        try Self.check(known.fileSystem, isLocal, mayWait)
        return Step(descriptor: place, facts: facts, fileSystem: known.fileSystem)
    }

    /// The names in a path, the last one first.
    private static func names(in path: [UInt8]) throws(Errno) -> [[UInt8]] {
        guard !path.isEmpty, !path.contains(0) else { throw .noEntry }
        guard path.count < Int(PATH_MAX) else { throw Errno(ENAMETOOLONG) }
        return path.split(separator: UInt8(ascii: "/")).reversed().map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
    }

    private static func target(of link: borrowing Descriptor) throws(Errno) -> [UInt8] {
        let number = link.number
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = try systemCall { unsafe pt_link_target(number, &target, target.count) }
        return target.prefix(length).map { UInt8(bitPattern: $0) }
    }
}

/// Whether nobody but root and we decide what lies at a path of our own root; false where nothing does.
package func isOnlyOurs(_ path: [UInt8]) -> Bool {
    guard path.first == UInt8(ascii: "/"),
        var walk = try? PathWalk(in: "/", tables: [MountedFileSystem.ownTable], isLocal: true),
        let place = try? walk.follow(path)
    else { return false }
    return place.makers.areOnly()
}
