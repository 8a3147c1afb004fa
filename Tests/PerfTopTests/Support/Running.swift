import Foundation
import Glibc
import Testing

/// How a program ended and what it wrote.
struct Outcome {
    /// The exit status; 128 + number for a signal, as a shell has it.
    let status: Int32
    let output: String
    let errors: String
    let seconds: Double

    var outputLines: [String] { output.split(separator: "\n").map(String.init) }
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
}

/// A program that runs beside the test. Its output goes to files: no pipe can fill up and nothing needs a reader.
final class Running {
    private let child: Child
    private let arguments: [String]
    private let folder: URL
    private let started = ContinuousClock.now

    /// - Parameter descriptors: handed over; the program finds them as 3, 4, ….
    init(
        _ program: String, _ arguments: [String] = [], environment changes: [String: String?] = [:],
        descriptors: [Int32] = []
    ) throws {
        self.arguments = arguments
        folder = try Scratch.folder()
        let (output, errors) = (try Running.file(folder, "output"), try Running.file(folder, "errors"))
        child = try Child(
            program, arguments, environment: Running.environment(changes),
            input: Running.nothing, output: output.fileDescriptor, errors: errors.fileDescriptor,
            others: descriptors)
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(at: folder)
    }

    var pid: Int32 { child.pid }
    var isRunning: Bool { child.isRunning }
    var output: String { text("output") }
    var errors: String { text("errors") }

    /// This environment with `changes` made; nil removes a variable.
    static func environment(_ changes: [String: String?]) -> [String: String] {
        var all = Machine.environment
        all["SWIFT_BACKTRACE"] = "enable=no"
        // Whoever runs the tests may have a file of their own.
        all["XDG_CONFIG_HOME"] = "/nonexistent"
        for (name, value) in changes { all[name] = value }
        return all
    }

    /// What `Programs/need.h` ends with where the machine refuses a program what it needs.
    private static let refused: Int32 = 77

    /// Waits until the program has written `word`, to whichever stream.
    ///
    /// One that ends before is a failure at once, with how it ended and what it said. One that was refused what it needs
    /// skips the test, for the reason that it said.
    func wait(
        for word: String, within seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        // Looked at before the words: what it has written at its end is read then.
        var hasEnded = false
        let isSaid = { [self] in output.contains(word) || errors.contains(word) }
        let happened = waitUntil(within: seconds) {
            hasEnded = !isRunning
            return isSaid() || hasEnded
        }
        if isSaid() { return }
        if child.status == Self.refused { try Test.cancel("\(errors)", sourceLocation: sourceLocation) }
        let how = hasEnded ? "ended with status \(child.status ?? -1)" : "still runs after \(seconds) s"
        try #require(
            happened && !hasEnded, "\(arguments) \(how) and has not said \(word); errors: \(errors)",
            sourceLocation: sourceLocation)
    }

    /// Waits until the program has ended; one that does not is killed and is a failure.
    func finish(within seconds: Double = 90) -> Outcome {
        if !waitUntil(within: seconds, { !child.isRunning }) {
            Issue.record("still running after \(seconds) s: \(arguments)")
            stop()
        }
        let spent = (ContinuousClock.now - started) / .seconds(1)
        return Outcome(status: child.status ?? -1, output: output, errors: errors, seconds: spent)
    }

    func stop() { child.stop() }

    private static let nothing = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)

    private func text(_ name: String) -> String {
        let data = (try? Data(contentsOf: folder.appendingPathComponent(name))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    private static func file(_ folder: URL, _ name: String) throws -> FileHandle {
        let place = folder.appendingPathComponent(name)
        try Data().write(to: place)
        return try FileHandle(forWritingTo: place)
    }
}

/// Runs a program to its end.
func run(
    _ program: String, _ arguments: [String], environment changes: [String: String?] = [:], within seconds: Double = 90
) throws -> Outcome {
    try Running(program, arguments, environment: changes).finish(within: seconds)
}

/// Runs perftop to its end, in batch because its output is no terminal.
func perftop(
    _ arguments: [String], environment changes: [String: String?] = [:], within seconds: Double = 90
) throws -> Outcome {
    try run(Machine.binary, arguments, environment: changes, within: seconds)
}

/// Runs a shell script; `$0` is perftop and `$@` are its arguments.
func shell(_ script: String, _ arguments: [String], within seconds: Double = 90) throws -> Outcome {
    try run("/bin/bash", ["-c", script, Machine.binary] + arguments, within: seconds)
}

/// Waits until what nobody reads is full: until the bytes that wait there grow no more, though they would a hundred times a
/// second.
func waitUntilFull(_ waiting: () -> Int) -> Bool {
    var (before, same) = (0, 0)
    return waitUntil(within: 60) {
        let now = waiting()
        same = now == before && now > 0 ? same + 1 : 0
        before = now
        return same > 100
    }
}

/// Folders of this test run; removed by those who made them.
enum Scratch {
    static func folder() throws -> URL {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("perftop-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        return place
    }
}
