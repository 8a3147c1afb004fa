internal import Glibc

/// What to sample.
public struct Target: Hashable, Sendable {
    public enum Who: Hashable, Sendable {
        /// Everything this user may see: all CPUs where permitted, else all own processes.
        case everythingPermitted
        /// All processes on the chosen CPUs; refused where that is not permitted.
        case everything
        case processes([Int32])
        case threads([Int32])
        /// A child of ours that waits before its exec: counted from that exec on, with all its children.
        case command(pid: Int32, text: String)
        /// Processes of one effective user.
        case user(name: String, id: UInt32)
    }

    public var who: Who
    /// CPUs to sample, nil for all that are online.
    public var cpus: [Int]?

    public init(_ who: Who, cpus: [Int]? = nil) {
        self.who = who
        self.cpus = cpus
    }

    /// Finds a user by name or number.
    public static func user(_ text: String) throws(EngineError) -> Target {
        if let id = UInt32(text) { return Target(.user(name: text, id: id)) }
        guard let entry = unsafe getpwnam(text) else {
            throw EngineError(.usage, what: "user '\(displayText(text))'", why: "no such user")
        }
        return Target(.user(name: text, id: unsafe entry.pointee.pw_uid))
    }

    /// Reads a list of CPUs as the kernel and perf write it: `0,2-3`.
    public static func cpus(_ text: String) throws(EngineError) -> [Int] {
        guard let list = cpuList(text), !list.isEmpty else {
            throw EngineError(
                .usage, what: "CPU list '\(displayText(text))'", why: "not a list of CPUs",
                remedy: "write numbers and ranges: 0,2-3")
        }
        let online = KernelLimits.onlineCPUs()
        if let missing = list.first(where: { !online.contains($0) }) {
            let known = "\(online.first ?? 0)-\(online.last ?? 0)"
            throw EngineError(
                .usage, what: "CPU \(missing)", why: "not online", remedy: "this machine has CPUs \(known)")
        }
        return list
    }

    /// Reads a list of process or thread ids: `12,345`.
    public static func ids(_ text: String, option: String) throws(EngineError) -> [Int32] {
        var ids: [Int32] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard word.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let id = Int32(word), id > 0 else {
                throw EngineError(
                    .usage, what: "\(option) \(displayText(text))", why: "'\(displayText(String(word)))' is not an id",
                    remedy: "give numbers separated by commas: \(option) 12,345")
            }
            if !ids.contains(id) { ids.append(id) }
        }
        return ids
    }
}

/// `0,2-3` as numbers in rising order, nil where the text is anything else; at most 65,536 of them.
func cpuList(_ text: String) -> [Int]? {
    var cpus: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first.flatMap({ $0 }), let last = ends.last.flatMap({ $0 }), ends.count <= 2,
            (0...65_535).contains(first), (first...65_535).contains(last)
        else { return nil }
        cpus.formUnion(first...last)
    }
    return cpus.sorted()
}
