/// The living children of some processes, and theirs, as `/proc` tells them at one moment.
package enum Descendants {
    /// - Returns: in no order, without the processes themselves.
    static func of(_ pids: [Int32]) -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for pid in directoryNames("/proc").compactMap({ Int32($0) }) {
            if let parent = parent(of: pid) { children[parent, default: []].append(pid) }
        }
        var found: [Int32] = []
        // While it is read the tree changes; whoever is met twice is taken once.
        var seen = Set(pids)
        var waiting = pids
        while let pid = waiting.popLast() {
            for child in children[pid] ?? [] where seen.insert(child).inserted {
                found.append(child)
                waiting.append(child)
            }
        }
        return found
    }

    private static func parent(of pid: Int32) -> Int32? {
        guard let bytes = try? fileBytes("\(ProcFolder.root)/\(pid)/stat", limit: 4096) else { return nil }
        return parent(in: bytes)
    }

    /// The fourth field of `/proc/PID/stat`. The second is a name in parentheses, which may hold anything.
    package static func parent(in bytes: [UInt8]) -> Int32? {
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
        return fields.count > 1 ? Int32(String(decoding: fields[1], as: UTF8.self)) : nil
    }
}
