internal import CLinuxShims
internal import Glibc

/// Where the files of a process are: a directory, by the mount that leads there. A mount is in one namespace alone, so that its
/// number tells both.
struct RootPlace: Hashable, Sendable {
    /// The number that no mount ever has again (STATX_MNT_ID_UNIQUE, Linux 6.8), else the one in mountinfo.
    private let mount: UInt64
    private let device: UInt64
    private let inode: UInt64

    init(_ top: borrowing Descriptor, _ facts: PlaceFacts) {
        let unique = pt_unique_mount(top.number)
        (mount, device, inode) = (unique == 0 ? facts.mount : unique, facts.device, facts.inode)
    }

    /// Asks no file system.
    init?(at path: String) {
        guard let top = try? Descriptor(placeOf: path), let facts = PlaceFacts(of: top) else { return nil }
        self.init(top, facts)
    }

    /// As it was sent; nil where there was none.
    init?(_ sent: pt_place) {
        if sent.mount == 0 { return nil }
        (mount, device, inode) = (sent.mount, sent.device, sent.inode)
    }

    var sent: pt_place {
        pt_place(device: device, inode: inode, mount: mount, mode: 0, user: 0, group: 0, links: 0)
    }

    /// Ours.
    static let own = RootPlace(at: "/")
}

/// Which root a process has, and in which mount namespace.
package struct ProcessRoot: Hashable, Sendable {
    let place: RootPlace
    /// Whose process that was. The number of a mount may be used again: then somebody else's root is another one all the same.
    private let user: UInt32

    init(_ place: RootPlace, of payer: Payer) {
        self.place = place
        user =
            switch payer {
            case .ours, .nobody: 0
            case .user(let number): number
            case .unknown: .max
            }
    }

    /// Ours is there for as long as we are, whoever else is in it.
    static let own = RootPlace.own.map { ProcessRoot($0, of: .ours) }
}

extension ProcReader {
    /// The root that a process has now; nil where nobody can tell.
    func processRoot(of pid: Int32) -> ProcessRoot? {
        guard let place = RootPlace(at: "\(root)/\(pid)/root") else { return nil }
        return place == RootPlace.own ? .own : ProcessRoot(place, of: payer(of: pid))
    }
}
