internal import Glibc

/// A small C program, built for a test and running beside it; killed and removed with this object.
package final class RunningProgram: Sendable {
    package let pid: Int32
    private let directory: TemporaryDirectory

    /// - Parameter source: a file of `Tests/SampleEngineTests/Programs`.
    package init(_ source: String, arguments: [String] = []) throws {
        directory = try TemporaryDirectory()
        let binary = try compile([source], ["-O1", "-g"], as: Self.name, in: directory)
        pid = try Self.spawn([binary] + arguments)
    }

    deinit {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        _ = unsafe waitpid(pid, &status, 0)
    }

    /// The file's name: what the kernel calls the process.
    package static let name = "perftop-spinner"

    private static func spawn(_ words: [String]) throws -> Int32 {
        var pid: Int32 = 0
        var arguments = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        defer { unsafe arguments.forEach { unsafe free($0) } }
        let status = unsafe posix_spawn(&pid, words[0], nil, nil, arguments, environ)
        if status != 0 { throw CompilerFailure(command: words[0]) }
        return pid
    }
}
