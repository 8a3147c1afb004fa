internal import CLinuxShims
internal import Glibc

/// The whole of a small file of the kernel's own (`/proc`, `/sys`, tracefs).
///
/// Such files have no size to ask for, so this reads to the end.
/// - Parameters:
///   - limit: most bytes taken; what is longer is cut.
///   - rights: what opening it needs beyond what our user may.
package func fileBytes(_ path: String, limit: Int = 1 << 20, raising rights: Rights = []) throws(Errno) -> [UInt8] {
    let file = try systemCall(raising: rights) { unsafe pt_open(path, O_RDONLY) }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = 4096
    while bytes.count < limit {
        let room = min(limit - bytes.count, chunk)
        var failure: Errno?
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            do throws(Errno) {
                count = try systemCall { unsafe read(file, buffer.baseAddress, room) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        if piece.isEmpty { break }
        if bytes.isEmpty { bytes = piece } else { bytes += piece }
        chunk = max(4096, bytes.count)
    }
    return bytes
}

/// The first line of a file of the kernel's own that begins so, without its end; nil where none does.
///
/// It is read piece by piece: the list of mounts of a namespace is as long as its owner likes. Nothing is looked for behind a
/// line of more than 256 KiB, which would be looked through again with each piece.
/// - Parameters:
///   - limit: most bytes looked through.
///   - rights: what opening it needs beyond what our user may.
package func fileLine(
    _ path: String, beginning prefix: [UInt8], limit: Int, raising rights: Rights = []
) throws(Errno) -> ArraySlice<UInt8>? {
    let file = try systemCall(raising: rights) { unsafe pt_open(path, O_RDONLY) }
    defer { close(file) }
    let room = 32_768
    var (pending, looked): ([UInt8], Int) = ([], 0)
    var piece = [UInt8](repeating: 0, count: room)
    while looked < limit {
        let count = try systemCall { unsafe piece.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, room) } }
        looked += count
        pending += count > 0 ? piece[..<count] : [UInt8(ascii: "\n")]
        var start = 0
        while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if pending[start..<end].starts(with: prefix) { return pending[start..<end] }
            start = end + 1
        }
        pending.removeFirst(start)
        if count == 0 || pending.count > 1 << 18 { break }
    }
    return nil
}

/// A number that stands alone in a file of the kernel's own; nil where it cannot be read.
package func fileNumber(_ path: String) -> Int? {
    guard let bytes = try? fileBytes(path, limit: 64) else { return nil }
    return Int(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
}

/// The user that a file of the kernel's own belongs to; nil where it cannot be told.
///
/// - Parameter rights: what reaching it needs beyond what our user may.
package func fileOwner(_ path: String, raising rights: Rights = []) -> UInt32? {
    var facts = stat()
    return Rights.raising(rights, { unsafe stat(path, &facts) }) == 0 ? facts.st_uid : nil
}

/// Where a symbolic link of the kernel's own leads; empty where it cannot be read.
///
/// - Parameters:
///   - limit: most bytes taken; what is longer is cut.
///   - rights: what reaching it needs beyond what our user may.
package func linkTarget(_ path: String, limit: Int = Int(PATH_MAX), raising rights: Rights = []) -> [UInt8] {
    var target = [CChar](repeating: 0, count: limit)
    let length = Rights.raising(rights) { unsafe readlink(path, &target, limit) }
    return target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
}

/// Names in a directory, without `.` and `..`; empty where it cannot be read.
///
/// - Parameter rights: what opening it needs beyond what our user may.
package func directoryNames(_ path: String, raising rights: Rights = []) -> [String] {
    guard let directory = unsafe Rights.raising(rights, { unsafe opendir(path) }) else { return [] }
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
