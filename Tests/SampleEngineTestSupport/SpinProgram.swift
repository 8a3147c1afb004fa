internal import Glibc

/// A small C program, built for a test and running beside it; killed and removed with this object.
package final class RunningProgram: Sendable {
    package let pid: Int32
    private let binary: String

    /// - Parameter source: path of a C file.
    package init?(source: String, arguments: [String] = []) {
        var template = Array("/tmp/perftop-test-XXXXXX".utf8CString)
        let fd = unsafe template.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
        guard fd >= 0 else { return nil }
        close(fd)
        binary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let compiler = Self.spawn(["cc", "-O1", "-g", "-o", binary, source]), Self.wait(compiler) == 0,
            let pid = Self.spawn([binary] + arguments)
        else {
            unsafe unlink(binary)
            return nil
        }
        self.pid = pid
    }

    deinit {
        kill(pid, SIGKILL)
        _ = Self.wait(pid)
        unsafe unlink(binary)
    }

    /// The file's name: what the kernel calls the process.
    package var name: String { String(binary.split(separator: "/").last?.prefix(15) ?? "") }

    /// True where a C compiler can be run.
    package static let canBeBuilt: Bool = {
        guard let compiler = spawn(["cc", "--version"]) else { return false }
        return wait(compiler) == 0
    }()

    private static func spawn(_ words: [String]) -> Int32? {
        var pid: Int32 = 0
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        var arguments = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { unsafe arguments.forEach { unsafe free($0) } }
        let status = unsafe posix_spawnp(&pid, words[0], &actions, nil, arguments, environ)
        return status == 0 ? pid : nil
    }

    private static func wait(_ pid: Int32) -> Int32 {
        var status: Int32 = 0
        return unsafe waitpid(pid, &status, 0) == pid ? status : -1
    }
}
