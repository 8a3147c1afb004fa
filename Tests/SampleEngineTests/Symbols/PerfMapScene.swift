import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

/// A process in a root of its own, beside the host's: pid 4711 to us, 3 to itself.
final class PerfMapScene {
    /// Its map, by the number that it has for itself.
    static let map = "container/tmp/perf-3.map"

    let directory: TemporaryDirectory
    let process = JITProcess(generation: Generation(20), pid: 4711, firstSeen: Instant.now.nanoseconds)
    private var clock = Instant.now

    /// Seen some seconds later each time, so that every look is due.
    var now: Instant {
        clock = clock.advanced(byNanoseconds: 3_000_000_000)
        return clock
    }

    init(user: UInt32 = geteuid()) throws {
        directory = try TemporaryDirectory()
        for path in ["proc/4711", "container/tmp", "host/tmp"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory.path)/\(path)", withIntermediateDirectories: true)
        }
        try FileManager.default.createSymbolicLink(
            atPath: "\(directory.path)/proc/4711/root", withDestinationPath: "\(directory.path)/container")
        try write(
            "proc/4711/status", "Name:\tjit\nPid:\t4711\nUid:\t\(user)\t\(user)\t\(user)\t\(user)\nNSpid:\t4711\t3\n")
        try start(tick: 1)
    }

    /// Says when the process began, in clock ticks since boot.
    func start(tick: UInt64) throws {
        let fields = (4...21).map { "\($0)" }.joined(separator: " ")
        try write("proc/4711/stat", "4711 (jit) S \(fields) \(tick) 23 24\n")
    }

    func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    func write(_ name: String, _ text: String) throws { _ = try directory.write(text.utf8, to: name) }

    func append(_ name: String, _ text: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: path(name)))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    func names() -> JITNames { JITNames(proc: path("proc"), host: path("host")) }
}

extension JITNames {
    mutating func name(_ address: UInt64, _ scene: PerfMapScene) -> String? {
        var explanation = Explanation(isWanted: false)
        return name(at: address, in: scene.process, now: scene.now, &explanation)
            .map { String(decoding: $0.name, as: UTF8.self) }
    }

    mutating func steps(_ address: UInt64, _ scene: PerfMapScene) -> [String] {
        var explanation = Explanation(isWanted: true)
        _ = name(at: address, in: scene.process, now: scene.now, &explanation)
        return explanation.steps
    }
}
