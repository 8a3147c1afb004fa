internal import Foundation
internal import Glibc

/// A small C program that runs beside a test; ended and removed with this object.
package final class RunningProgram {
    private let child: Child
    private let directory: TemporaryDirectory
    package var pid: Int32 { child.pid }

    /// - Parameter source: a file of `Tests/SampleEngineTests/Programs`.
    package init(_ source: String, arguments: [String] = []) throws {
        directory = try TemporaryDirectory()
        let nothing = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(nothing) }
        // A file of its own: tests delete it under the running program.
        child = try Child(
            compile([source], ["-O1", "-g"], as: Self.name, in: directory), arguments,
            environment: ProcessInfo.processInfo.environment, input: nothing, output: nothing, errors: 2)
    }

    /// The file's name: what the kernel calls the process.
    package static let name = "perftop-spinner"
}
