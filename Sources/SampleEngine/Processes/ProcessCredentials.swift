/// Whose a process is, and the number it has for itself (`/proc/PID/status`, proc(5)).
package struct ProcessCredentials: Equatable, Sendable {
    package var realUser: UInt32
    package var effectiveUser: UInt32
    /// Its number in the innermost pid namespace it is in.
    package var innermostPID: Int32

    /// - Parameter proc: another directory in tests.
    /// - Returns: nil where the process is gone, or the file is none that the kernel writes.
    package init?(of pid: Int32, proc: String = ProcFolder.root) {
        guard let bytes = try? fileBytes("\(proc)/\(pid)/status", limit: 65_536, raising: ProcFolder.rights) else {
            return nil
        }
        self.init(status: bytes)
    }

    /// Reads the text of a status file.
    package init?(status: [UInt8]) {
        var users: [UInt32] = []
        // Kernels before 4.1, or without pid namespaces, do not write NSpid.
        var numbers: [String: Int32] = [:]
        for line in status.split(separator: UInt8(ascii: "\n")) {
            let words = line.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
                .map { String(decoding: $0, as: UTF8.self) }
            guard words.count > 1 else { continue }
            switch words[0] {
            case "Uid:": users = words.dropFirst().compactMap { UInt32($0) }
            case "Pid:", "NSpid:": numbers[words[0]] = Int32(words[words.count - 1])
            default: break
            }
        }
        guard users.count == 4, let number = numbers["NSpid:"] ?? numbers["Pid:"] else { return nil }
        realUser = users[0]
        effectiveUser = users[1]
        innermostPID = number
    }
}
