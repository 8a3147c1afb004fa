internal import Glibc

/// The living children of some processes, and theirs, as `/proc` tells them at one moment.
package enum Descendants {
    /// Most of them: a tree that grows while it is read must not keep us.
    private static let limit = 32_768

    /// - Returns: in no order, without the processes themselves.
    static func of(_ pids: [Int32]) -> [Int32] {
        // Without the kernel's own lists (CONFIG_PROC_CHILDREN) every process there is must be asked for its parent.
        let parents = unsafe access("\(ProcFolder.root)/self/task/\(getpid())/children", R_OK) == 0 ? nil : tree()
        var found: [Int32] = []
        // While it is read the tree changes; whoever is met twice is taken once.
        var seen = Set(pids)
        var waiting = pids
        while let pid = waiting.popLast(), found.count < limit {
            for child in parents.map({ $0[pid] ?? [] }) ?? children(of: pid) where seen.insert(child).inserted {
                found.append(child)
                waiting.append(child)
            }
        }
        return found
    }

    /// What each thread of a process has started, `/proc/PID/task/TID/children` (proc(5)).
    private static func children(of pid: Int32) -> [Int32] {
        directoryNames("\(ProcFolder.root)/\(pid)/task", raising: ProcFolder.rights).flatMap { thread in
            let list = try? fileBytes("\(ProcFolder.root)/\(pid)/task/\(thread)/children", raising: ProcFolder.rights)
            return (list ?? []).split(separator: UInt8(ascii: " ")).compactMap {
                Int32(String(decoding: $0, as: UTF8.self))
            }
        }
    }

    /// The children of every process there is.
    private static func tree() -> [Int32: [Int32]] {
        var children: [Int32: [Int32]] = [:]
        for pid in directoryNames(ProcFolder.root, raising: ProcFolder.rights).compactMap({ Int32($0) }) {
            if let parent = parent(of: pid) { children[parent, default: []].append(pid) }
        }
        return children
    }

    private static func parent(of pid: Int32) -> Int32? {
        guard let bytes = try? fileBytes("\(ProcFolder.root)/\(pid)/stat", limit: 4096, raising: ProcFolder.rights)
        else {
            return nil
        }
        return parent(in: bytes)
    }

    /// The fourth field of `/proc/PID/stat`. The second is a name in parentheses, which may hold anything.
    package static func parent(in bytes: [UInt8]) -> Int32? {
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
        return fields.count > 1 ? Int32(String(decoding: fields[1], as: UTF8.self)) : nil
    }
}
