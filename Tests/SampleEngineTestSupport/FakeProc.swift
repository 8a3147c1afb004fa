internal import Foundation
internal import Glibc
package import SampleEngine

/// A directory that looks like `/proc`, gone again with this object.
package final class FakeProc {
    package let root: String
    private var made: [String] = []

    package init() {
        var template = Array((FileManager.default.temporaryDirectory.path + "/fake-proc-XXXXXX").utf8CString)
        guard let path = unsafe template.withUnsafeMutableBufferPointer({ unsafe mkdtemp($0.baseAddress!) }) else {
            fatalError("no temporary directory")
        }
        root = unsafe String(cString: path)
    }

    deinit {
        for path in made.reversed() { unsafe Glibc.remove(path) }
        unsafe rmdir(root)
    }

    /// Writes `/proc/PID/FILE`; `file` may name a directory below.
    package func write(_ pid: Int32, _ file: String, _ bytes: some Sequence<UInt8>) {
        var directory = root
        let parts = ["\(pid)"] + file.split(separator: "/").map(String.init)
        for part in parts.dropLast() {
            directory += "/" + part
            if unsafe mkdir(directory, 0o755) == 0 { made.append(directory) }
        }
        let path = directory + "/" + parts[parts.count - 1]
        let fd = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard fd >= 0 else { fatalError("cannot write \(path)") }
        made.removeAll { $0 == path }
        made.append(path)
        let content = Array(bytes)
        let written = unsafe content.withUnsafeBytes { unsafe Glibc.write(fd, $0.baseAddress, $0.count) }
        guard written == content.count else { fatalError("cannot write \(path)") }
        close(fd)
    }

    package func write(_ pid: Int32, _ file: String, _ text: String) { write(pid, file, text.utf8) }

    /// A `stat` file of a process that started so many clock ticks after boot.
    package func writeStat(_ pid: Int32, comm: String = "prog", parent: Int32 = 4, startTicks: UInt64 = 1) {
        let before = (3...21).map { $0 == 3 ? "S" : $0 == 4 ? "\(parent)" : "\($0)" }.joined(separator: " ")
        write(pid, "stat", "\(pid) (\(comm)) \(before) \(startTicks) 23 24\n")
    }

    /// Takes a process away, as its end does.
    package func remove(_ pid: Int32) {
        for path in made.reversed() where path == "\(root)/\(pid)" || path.hasPrefix("\(root)/\(pid)/") {
            unsafe Glibc.remove(path)
            made.removeAll { $0 == path }
        }
    }

    package var reader: ProcReader { ProcReader(root: root) }
}
