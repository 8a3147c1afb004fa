import Foundation

/// Programs that tests look at, built from the sources beside them: once, whoever asks first.
///
/// What was built stays in the build folder under a name that its sources, its flags and its compiler make, so that
/// another test, another process of the same run and the next run find it. It is never changed there: copy it first.
public enum Fixture {
    /// Where what is built stands; programs under `/tmp` may be forbidden to run.
    private static let folder: String = {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/tmp/x"
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("test-programs").path
    }()

    /// Builds a program unless it is there, and returns its path, whose last part is `name`.
    ///
    /// - Parameters:
    ///   - command: the compiler and its flags.
    ///   - sources: their paths. Headers are taken for part of every source that stands beside them.
    public static func build(
        _ command: [String], sources: [String], as name: String, environment: [String: String] = [:]
    ) throws -> String {
        let files = FileManager.default
        let place = folder + "/" + name + "-" + String(try key(command, sources, environment), radix: 16)
        let program = place + "/" + name
        if files.isExecutableFile(atPath: program) { return program }
        // Made elsewhere and moved as a whole: nobody ever finds half of a program.
        let making = folder + "/making-" + UUID().uuidString
        try files.createDirectory(atPath: making, withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: making) }
        let variables = environment.map { "\($0.key)=\($0.value)" }
        let words = variables + command + sources + ["-o", making + "/" + name]
        let (status, said) = try run("/usr/bin/env", words)
        guard status == 0 else { throw CompilerFailure(command: words.joined(separator: " "), said: said) }
        if unsafe rename(making, place) != 0, !files.isExecutableFile(atPath: program) {
            throw CompilerFailure(command: "mv \(making) \(place)", said: "errno \(errno)")
        }
        return program
    }

    /// A source of `Tests/SampleEngineTests/Programs`.
    public static func source(_ name: String) -> String {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return tests.appendingPathComponent("SampleEngineTests/Programs").path + "/" + name
    }

    /// A number that changes with anything that the result depends on.
    private static func key(
        _ command: [String], _ sources: [String], _ environment: [String: String]
    ) throws -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func take(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            // An end, so that parts cannot be taken for others.
            hash = (hash ^ 0x1ff) &* 0x100_0000_01b3
        }
        for word in command { take(word.utf8) }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) { take("\(name)=\(value)".utf8) }
        if let compiler = command.first.flatMap(path(of:)) {
            let facts = try FileManager.default.attributesOfItem(
                atPath: URL(fileURLWithPath: compiler).resolvingSymlinksInPath().path)
            take("\(facts[.size] ?? 0) \((facts[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0)".utf8)
        }
        for source in sources {
            take(try Data(contentsOf: URL(fileURLWithPath: source)))
            let folder = URL(fileURLWithPath: source).deletingLastPathComponent().path
            for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".h")
            {
                take(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
            }
        }
        return hash
    }

    private static func path(of tool: String) -> String? {
        if tool.hasPrefix("/") { return tool }
        return (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":").lazy
            .map { "\($0)/\(tool)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func run(_ program: String, _ words: [String]) throws -> (status: Int32, said: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = words
        process.environment = Child.environment
        let errors = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        let said = (try? errors.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }
}

/// A source could not be compiled.
public struct CompilerFailure: Error {
    public let command: String
    public var said = ""
}
