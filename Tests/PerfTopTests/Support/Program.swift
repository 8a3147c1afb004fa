import Foundation
// Children, folders and programs of every test; here for all files of these tests.
@_exported import SampleEngineTestSupport
import Testing

/// The C programs in `Programs/`.
struct Program {
    let path: String
    var name: String { URL(fileURLWithPath: path).lastPathComponent }

    static let bpf = Program("bpf")
    static let burn = Program("burn")
    static let chain = Program("chain", flags: ["-pthread"])
    static let crowd = Program("crowd", flags: ["-pthread"])
    static let faults = Program("faults")
    static let forkNoExec = Program("forknoexec")
    static let forkStorm = Program("forkstorm")
    static let overflow = Program("overflow", named: "liboverflow.so", flags: ["-shared", "-fPIC", "-O0"])
    static let hit = Program("hit")
    static let hostileFile = Program("hostilefile")
    static let manyMaps = Program("manymaps")
    static let manyThreads = Program("manythreads", flags: ["-pthread"])
    static let deny = Program("deny")
    static let jit = Program("jit")
    static let mixed = Program("mixed")
    static let movedText = Program("movedtext")
    static let peek = Program("peek")
    static let silent = Program("silent")
    static let stacked = Program("stacked")
    static let sysload = Program("sysload")
    static let tidy = Program("tidy")
    static let waker = Program("waker")
    static let remap = Program("remap")
    static let loader = Program("loader", flags: ["-pthread", "-ldl"])
    static let oldTwofold = Program("twofold", named: "old-twofold", flags: ["-DFIRST=old_a", "-DSECOND=old_b"])
    static let staticTwofold = Program(
        "twofold", named: "static-twofold",
        flags: ["-DFIRST=old_a", "-DSECOND=old_b", "-static", "-Wl,--build-id=sha1"])
    static let newTwofold = Program("twofold", named: "new-twofold", flags: ["-DFIRST=new_x", "-DSECOND=new_y"])
    static let oldNameless = Program(
        "twofold", named: "old-nameless", flags: ["-DFIRST=old_a", "-DSECOND=old_b", "-Wl,--build-id=none"])
    static let newNameless = Program(
        "twofold", named: "new-nameless", flags: ["-DFIRST=new_x", "-DSECOND=new_y", "-Wl,--build-id=none"])
    static let namelessFirst = Program(
        "remapped", named: "libnameless-first.so",
        flags: library("mapped_first", step: "0x55") + ["-Wl,--build-id=none"])
    static let namelessSecond = Program(
        "remapped", named: "libnameless-second.so",
        flags: library("mapped_second", step: "0x33") + ["-Wl,--build-id=none"])
    static let tiny32 = Program(
        "tiny32", flags: ["-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pie", "-no-pie"])
    static let clocks = Program("clocks", flags: ["-O2"])
    static let chainFirst = Program("execchain", named: "chain-first", flags: ["-DFIRST"])
    static let chainSecond = Program("execchain", named: "chain-second")
    static let mappedFirst = Program("remapped", named: "libfirst.so", flags: library("mapped_first", step: "0x55"))
    static let mappedSecond = Program("remapped", named: "libsecond.so", flags: library("mapped_second", step: "0x33"))

    static let compiler: String? = ["cc", "gcc", "clang"].lazy.compactMap { Machine.path(of: $0) }.first

    /// A copy of the program in a folder, to be replaced or removed.
    func copy(to folder: URL, as name: String) throws -> Program {
        let place = folder.appendingPathComponent(name)
        try FileManager.default.copyItem(atPath: path, toPath: place.path)
        return Program(built: place.path)
    }

    private init(built path: String) { self.path = path }

    /// Starts the program and waits until it has written `line`, where one is given.
    func start(
        _ arguments: [String] = [], until line: String? = nil, environment: [String: String?] = [:],
        pinnedTo cpu: Int? = nil
    ) throws -> Running {
        let command = (cpu.map { ["taskset", "-c", "\($0)"] } ?? []) + [path] + arguments
        let running = try Running(
            Machine.path(of: command[0]) ?? command[0], Array(command.dropFirst()), environment: environment)
        if let line { try running.wait(for: line) }
        return running
    }

    private init(_ source: String, named name: String? = nil, flags: [String] = []) {
        let common = ["-O1", "-g", "-fno-omit-frame-pointer", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
        do {
            path = try Fixture.build(
                [Program.compiler ?? "cc"] + common + flags, sources: [Program.source(source + ".c")],
                as: name ?? source)
        } catch {
            path = "/nonexistent/" + source
            Issue.record("\(source).c does not compile: \(error)")
        }
    }

    /// Where a source in `Programs/` is, for other compilers.
    static func source(_ name: String) -> String { sources.appendingPathComponent(name).path }

    private static func library(_ name: String, step: String) -> [String] {
        ["-shared", "-fPIC", "-nostdlib", "-Wl,-e,\(name)", "-DNAME=\(name)", "-DSTEP=\(step)"]
    }

    private static let sources = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Programs")
}
