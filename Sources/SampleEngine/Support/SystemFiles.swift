internal import CLinuxShims
internal import Glibc

/// The whole of a small file of the kernel's own (`/proc`, `/sys`, tracefs).
///
/// Such files have no size to ask for, so this reads to the end.
/// - Parameter limit: most bytes taken; what is longer is cut.
package func fileBytes(_ path: String, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
    let file = try systemCall { unsafe pt_open(path, O_RDONLY) }
    defer { close(file) }
    var bytes: [UInt8] = []
    while bytes.count < limit {
        let chunk = min(limit - bytes.count, max(4096, bytes.count))
        let old = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: chunk))
        let count = try systemCall {
            unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress! + old, chunk) }
        }
        bytes.removeLast(chunk - count)
        if count == 0 { break }
    }
    return bytes
}

/// A number that stands alone in a file of the kernel's own; nil where it cannot be read.
package func fileNumber(_ path: String) -> Int? {
    guard let bytes = try? fileBytes(path, limit: 64) else { return nil }
    return Int(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
}

/// Names in a directory, without `.` and `..`; empty where it cannot be read.
package func directoryNames(_ path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}
