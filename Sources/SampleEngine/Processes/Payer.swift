internal import CLinuxShims
internal import Glibc

/// Who is charged for what others must wait for: threads, and descriptors of files that are not read yet.
enum Payer: Hashable, Sendable {
    /// What is nobody's alone: the kernel's list, what is asked of many processes at once.
    case nobody
    /// Root, and whoever runs us: nobody else suffers from what they do to themselves.
    case ours
    case user(UInt32)
    /// All those together whose user cannot be told: processes that are gone.
    case unknown

    init(user: UInt32) { self = user == 0 || user == geteuid() ? .ours : .user(user) }
}

/// How many there are of something scarce, for one user, for all users together, and for root and ourselves: what one
/// holds, on purpose or not, leaves some to the next one, and all of them leave some to us.
struct Allowance: Sendable {
    let ofOneUser: Int
    let ofUsers: Int
    let ofOurs: Int

    /// Whether a payer has got all that there is for him.
    ///
    /// - Parameter takers: who holds one already.
    func isUsedUp(for payer: Payer, by takers: some Sequence<Payer>) -> Bool {
        switch payer {
        case .nobody: return false
        case .ours: return takers.count { $0 == .ours } >= ofOurs
        case .user, .unknown:
            let users = takers.filter { $0 != .ours && $0 != .nobody }
            return users.count >= ofUsers || users.count { $0 == payer } >= ofOneUser
        }
    }
}

extension ProcReader {
    /// Who is charged for a process.
    func payer(of pid: Int32) -> Payer {
        guard let user = user(of: pid) else { return .unknown }
        let payer = Payer(user: user)
        if case .user = payer, let owner = namespaceOwner(of: pid), owner != 0 { return Payer(user: owner) }
        return payer
    }

    /// Whether a living process may see other files than we do under the same path.
    func seesOtherMounts(_ pid: Int32) -> Bool {
        guard let mounts = link("\(pid)/ns/mnt"), let top = link("\(pid)/root") else { return false }
        return mounts != link("self/ns/mnt") || !top.elementsEqual("/".utf8)
    }

    private func link(_ name: String) -> [UInt8]? {
        let target = linkTarget("\(root)/\(name)", limit: 64, raising: .processes)
        return target.isEmpty ? nil : target
    }

    /// Who made the user namespace that a process is in, where that is not ours: a user may have thousands of numbers
    /// in there (subuid(5)), and is one user all the same. Of nested ones the outermost counts.
    private func namespaceOwner(of pid: Int32) -> UInt32? {
        guard
            let number = try? systemCall(
                raising: .processes, { unsafe pt_open("\(root)/\(pid)/ns/user", O_RDONLY) })
        else { return nil }
        var namespace = Descriptor(owning: number)
        var found: UInt32?
        // Namespaces are nested 32 deep at the most (user_namespaces(7)).
        for _ in 0..<33 {
            let current = namespace.number
            // Ours has no parent that we may see.
            guard let parent = try? systemCall({ pt_namespace_parent(current) }) else { return found }
            var owner: UInt32 = 0
            guard unsafe pt_namespace_owner(current, &owner) == 0 else { return found }
            found = owner
            namespace = Descriptor(owning: parent)
        }
        return found
    }
}
