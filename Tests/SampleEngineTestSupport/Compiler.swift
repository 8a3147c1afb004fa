import Foundation

/// Runs a program found in the PATH and returns what it wrote to standard output, nil where it failed.
public func output(of tool: String, _ arguments: [String], input: String? = nil) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [tool] + arguments
    process.environment = Child.environment
    let (reading, writing) = (Pipe(), Pipe())
    process.standardOutput = reading
    process.standardError = FileHandle.nullDevice
    process.standardInput = input == nil ? FileHandle.nullDevice : writing
    guard (try? process.run()) != nil else { return nil }
    if let input {
        // From another thread: the program may write more than a pipe holds before it has read everything.
        let handle = writing.fileHandleForWriting
        Thread.detachNewThread {
            try? handle.write(contentsOf: Data(input.utf8))
            try? handle.close()
        }
    }
    let data = (try? reading.fileHandleForReading.readToEnd()) ?? Data()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
}

/// Whether a program can be run; for the `.enabled(if:)` of tests that need it.
public func isInstalled(_ tool: String) -> Bool { output(of: tool, ["--version"]) != nil }

/// A directory that is removed with this value.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        let base = FileManager.default.temporaryDirectory.path
        path = base + "/perftop-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    public func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }
}

/// Compiles programs of `Tests/SampleEngineTests/Programs` with the machine's compiler.
///
/// - Returns: the path of the result, `name` in the directory: the caller's own, to be changed or removed.
public func compile(
    _ sources: [String], _ options: [String] = [], compiler: String = "gcc", as name: String = "program",
    in directory: TemporaryDirectory
) throws -> String {
    let (result, paths) = (directory.path + "/" + name, sources.map(Fixture.source))
    if options.contains(where: { $0.contains(directory.path) }) {
        // It depends on what this test alone has.
        let words = [compiler] + options + ["-o", result] + paths
        guard output(of: compiler, Array(words.dropFirst())) != nil else {
            throw CompilerFailure(command: words.joined(separator: " "))
        }
    } else {
        let built = try Fixture.build([compiler] + options, sources: paths, as: name)
        // Not by our own hands: a child that another test forks meanwhile would hold the copy open for writing, and what is
        // open for writing cannot be started (ETXTBSY).
        guard output(of: "cp", ["--remove-destination", built, result]) != nil else {
            throw CompilerFailure(command: "cp \(built) \(result)")
        }
    }
    return result
}
