/// Who is in which group, by our own `/etc/passwd` and `/etc/group` (passwd(5), group(5)).
///
/// The files themselves: what stands behind them (a directory on the network) may take its time.
struct Accounts: Sendable {
    private struct Account {
        let name: String
        let user: UInt32
        let group: UInt32
    }

    private var accounts: [Account] = []
    private var members: [UInt32: Set<String>] = [:]
    /// Other places have accounts too (lines with `+`), or the files cannot be read: nobody can tell who is not there.
    private var isIncomplete = false

    /// As they were when they were first asked for.
    static let ours = Accounts(
        passwd: try? fileBytes("/etc/passwd", limit: 4 << 20), group: try? fileBytes("/etc/group", limit: 4 << 20))

    init(passwd: [UInt8]?, group: [UInt8]?) {
        for fields in Self.lines(passwd ?? []) {
            guard fields.count >= 4, let user = UInt32(fields[2]), let group = UInt32(fields[3]) else {
                isIncomplete = true
                continue
            }
            accounts.append(Account(name: fields[0], user: user, group: group))
        }
        for fields in Self.lines(group ?? []) {
            guard fields.count >= 3, let number = UInt32(fields[2]) else {
                isIncomplete = true
                continue
            }
            let names = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            members[number, default: []].formUnion(names)
        }
        if passwd == nil || group == nil { isIncomplete = true }
    }

    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        bytes.split(separator: UInt8(ascii: "\n")).map {
            $0.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
    }

    /// Whether nobody but a user and root is in a group.
    func hasOnly(_ user: UInt32, inGroup group: UInt32) -> Bool {
        let names = Set(accounts.filter { $0.user == user || $0.user == 0 }.map(\.name))
        let isShared = accounts.contains { $0.user != user && $0.user != 0 && $0.group == group }
        return !isIncomplete && !isShared && (members[group] ?? []).isSubset(of: names)
    }

    /// Whether a group is a user's primary one, and nobody else is in it.
    func isOnly(_ user: UInt32, inGroup group: UInt32) -> Bool {
        let names = Set(accounts.filter { $0.user == user }.map(\.name))
        let isPrimary = accounts.contains { $0.user == user && $0.group == group }
        let isShared = accounts.contains { $0.user != user && $0.group == group }
        return !isIncomplete && isPrimary && !isShared && (members[group] ?? []).isSubset(of: names)
    }
}
