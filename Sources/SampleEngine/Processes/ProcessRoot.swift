internal import CLinuxShims
internal import Glibc

/// Which root a process has, and in which mount namespace: a mount is in one namespace alone, so that its number tells both.
package struct ProcessRoot: Hashable, Sendable {
    private let mount: UInt64
    private let device: UInt64
    private let inode: UInt64

    init(_ top: PlaceFacts) { (mount, device, inode) = (top.mount, top.device, top.inode) }

    /// As it is sent.
    var sent: pt_place {
        pt_place(device: device, inode: inode, mount: mount, mode: 0, user: 0, group: 0, links: 0)
    }

    /// Asks no file system.
    fileprivate init?(at path: String) {
        guard
            let number = try? systemCall(raising: .processes, { unsafe pt_open(path, Int32(PT_O_PATH) | O_DIRECTORY) }),
            let top = PlaceFacts(of: Descriptor(owning: number))
        else { return nil }
        self.init(top)
    }

    /// Ours.
    static let own = ProcessRoot(at: "/")
}

extension ProcReader {
    /// The root that a process has now; nil where nobody can tell.
    func processRoot(of pid: Int32) -> ProcessRoot? { ProcessRoot(at: "\(root)/\(pid)/root") }
}
