import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("JITNames: perf maps found, trusted and followed")
struct PerfMapFileTests {
    // MARK: Found

    @Test("The map lies in the process's own /tmp, under the number it has for itself")
    func ownRoot() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 inside\n")
        try scene.write("host/tmp/perf-4711.map", "1000 10 outside\n")
        var names = scene.names()
        #expect(names.name(0x1000, scene) == "inside")
        #expect(names.state(of: scene.process.generation) == .read)
        #expect(
            names.steps(0x1008, scene) == [
                "perf map \(scene.path("proc"))/4711/root/tmp/perf-3.map: 1 lines, 0 that make no sense",
                "0x1008 is in its line 0x1000-0x1010",
            ])
    }

    @Test("Else in ours, under the number it has for us")
    func hostRoot() throws {
        let scene = try PerfMapScene()
        try scene.write("host/tmp/perf-4711.map", "1000 10 outside\n")
        try scene.write("host/tmp/perf-3.map", "1000 10 stranger\n")
        var names = scene.names()
        #expect(names.name(0x1000, scene) == "outside")
    }

    @Test("Where there is none, the answer says where it was looked for")
    func absent() throws {
        let scene = try PerfMapScene()
        var names = scene.names()
        #expect(names.name(0x1000, scene) == nil)
        #expect(names.state(of: scene.process.generation) == .absent)
        #expect(
            names.steps(0x1000, scene) == [
                "no perf map: \(scene.path("host"))/tmp/perf-4711.map is not there",
                "no page in common with a process that it was forked from and that has a map",
            ])
    }

    @Test("A /tmp that is a link is not followed: neither out of the process's root nor anywhere else")
    func rootIsARoot() throws {
        let scene = try PerfMapScene()
        try scene.write("host/tmp/perf-3.map", "1000 10 secret\n")
        try FileManager.default.removeItem(atPath: scene.path("container/tmp"))
        try FileManager.default.createSymbolicLink(
            atPath: scene.path("container/tmp"), withDestinationPath: "../host/tmp")
        var names = scene.names()
        #expect(names.name(0x1000, scene) == nil)
        #expect(names.state(of: scene.process.generation) == .refused(.unreadable(Errno(ENOTDIR))))
    }

    // MARK: Followed

    @Test("What is appended is taken in, and told once; what was read stays when the file is removed")
    func growth() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n2000 10 t")
        var names = scene.names()
        #expect(names.refresh(scene.process, now: scene.now) == [0x1000..<0x1010])
        try scene.append(PerfMapScene.map, "wo\n1008 8 three\n")
        #expect(names.refresh(scene.process, now: scene.now) == [0x1008..<0x1010, 0x2000..<0x2010])
        #expect(names.refresh(scene.process, now: scene.now).isEmpty)
        #expect(names.name(0x1000, scene) == "one")
        #expect(names.name(0x2000, scene) == "two")
        #expect(names.name(0x1008, scene) == "three")
        try FileManager.default.removeItem(atPath: scene.path(PerfMapScene.map))
        #expect(names.refresh(scene.process, now: scene.now).isEmpty)
        #expect(names.name(0x1000, scene) == "one")
        #expect(names.state(of: scene.process.generation) == .read)
    }

    @Test("A last line without a newline is taken once nobody is writing it")
    func lastLine() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n2000 10 two")
        var names = scene.names()
        #expect(names.name(0x2000, scene) == nil)
        #expect(names.name(0x2000, scene) == "two")
    }

    @Test("What a name changes by the way is told by the next refresh")
    func changesAreKept() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n")
        var names = scene.names()
        #expect(names.name(0x1000, scene) == "one")
        #expect(names.refresh(scene.process, now: scene.now) == [0x1000..<0x1010])
    }

    /// Ways to begin a file anew.
    enum Rewrite: CaseIterable { case shorter, sameLength, longer, otherFile }

    @Test("A file that was written anew is read anew", arguments: Rewrite.allCases)
    func rewritten(how: Rewrite) throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n2000 10 two\n")
        var names = scene.names()
        #expect(names.name(0x1000, scene) == "one")
        _ = names.refresh(scene.process, now: scene.now)
        let lines =
            switch how {
            case .shorter: "3000 10 new\n"
            case .sameLength: "3000 10 new\n4000 10 new\n"
            case .longer, .otherFile: "3000 10 new\n4000 10 new\n5000 10 newer\n"
            }
        if how == .otherFile {
            try scene.write("container/tmp/other", lines)
            #expect(unsafe rename(scene.path("container/tmp/other"), scene.path(PerfMapScene.map)) == 0)
        } else {
            // The same file: emptied, then written.
            let file = try #require(FileHandle(forWritingAtPath: scene.path(PerfMapScene.map)))
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data(lines.utf8))
            try file.close()
        }
        let changed = names.refresh(scene.process, now: scene.now)
        #expect(changed.contains(0x1000..<0x1010))
        #expect(changed.contains(0x3000..<0x3010))
        #expect(names.name(0x1000, scene) == nil)
        #expect(names.name(0x3000, scene) == "new")
    }

    @Test("The file is looked at four times a second, not more")
    func rate() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n")
        var names = scene.names()
        let now = scene.now
        #expect(!names.refresh(scene.process, now: now).isEmpty)
        try scene.append(PerfMapScene.map, "2000 10 two\n")
        #expect(names.refresh(scene.process, now: now.advanced(byNanoseconds: 249_000_000)).isEmpty)
        #expect(!names.refresh(scene.process, now: now.advanced(byNanoseconds: 2_000_000_000)).isEmpty)
    }

    @Test("A file that has grown too large is left; what was read stays")
    func grownTooLarge() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n")
        var names = scene.names()
        #expect(names.name(0x1000, scene) == "one")
        #expect(unsafe truncate(scene.path(PerfMapScene.map), off_t(PerfMap.byteLimit) + 1) == 0)
        #expect(names.name(0x1000, scene) == "one")
        #expect(names.state(of: scene.process.generation) == .refused(.tooLarge))
    }

    @Test("64 MiB of nothing, and no newline, are no harm")
    func sparse() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n")
        #expect(unsafe truncate(scene.path(PerfMapScene.map), off_t(PerfMap.byteLimit)) == 0)
        var names = scene.names()
        #expect(names.name(0x1000, scene) == "one")
        #expect(names.byteCount < 100_000)
    }

    // MARK: Whose it is

    @Test("The dead keep the names they had; another process with their number gives none")
    func death() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 one\n")
        var names = scene.names()
        #expect(names.name(0x1000, scene) == "one")
        let later = Instant.now.nanoseconds / 10_000_000 + 1000
        try scene.start(tick: later)
        try scene.append(PerfMapScene.map, "2000 10 stranger\n")
        #expect(names.name(0x2000, scene) == nil)
        #expect(names.name(0x1000, scene) == "one")
        #expect(names.state(of: scene.process.generation) == .processGone)
        try FileManager.default.removeItem(atPath: scene.path("proc/4711"))
        #expect(names.name(0x1000, scene) == "one")
        let dead = JITProcess(generation: scene.process.generation, pid: 4711, hasEnded: true, firstSeen: 0)
        var explanation = Explanation(isWanted: true)
        #expect(names.name(at: 0x1000, in: dead, now: scene.now, &explanation) != nil)
        #expect(explanation.steps[0].hasSuffix("tmp/perf-3.map, read before the process ended"))
        names.forget(dead.generation)
        #expect(names.name(at: 0x1000, in: dead, now: scene.now, &explanation) == nil)
        #expect(names.state(of: dead.generation) == nil)
    }

    @Test("What a process writes as it ends is read, once, unless it lives on as another program")
    func lastWords() throws {
        for livesOn in [false, true] {
            let scene = try PerfMapScene()
            var names = scene.names()
            #expect(names.name(0x1000, scene) == nil)
            if livesOn {
                try scene.write("proc/4711/maps", "1000-2000 r-xp 0 8:1 5 /other\n")
            } else {
                try FileManager.default.removeItem(atPath: scene.path("proc/4711"))
            }
            try scene.write("host/tmp/perf-4711.map", "1000 10 last\n")
            let dead = JITProcess(
                generation: scene.process.generation, pid: 4711, hasEnded: true, firstSeen: scene.process.firstSeen)
            var explanation = Explanation(isWanted: false)
            let found = names.name(at: 0x1000, in: dead, now: scene.now, &explanation)
            #expect(found.map { String(decoding: $0.name, as: UTF8.self) } == (livesOn ? nil : "last"))
            try scene.append("host/tmp/perf-4711.map", "2000 10 later\n")
            #expect(names.name(at: 0x2000, in: dead, now: scene.now, &explanation) == nil)
        }
    }

    @Test("Of more than 256 processes those not asked for the longest are dropped, and counted")
    func manyProcesses() throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 f\n")
        var names = scene.names()
        for number: UInt32 in 100..<400 {
            let process = JITProcess(generation: Generation(number), pid: 4711, firstSeen: scene.process.firstSeen)
            _ = names.refresh(process, now: scene.now)
        }
        #expect(names.dropped == 300 - 256)
        #expect(names.state(of: Generation(143)) == nil)
        #expect(names.state(of: Generation(144)) == .read)
    }

    @Test("Status tells the users and the innermost number", arguments: [true, false])
    func credentials(hasNamespaces: Bool) throws {
        let text = "Name:\tUid:\nPid:\t12\nUid:\t1\t2\t3\t4\n" + (hasNamespaces ? "NSpid:\t12\t5\t1\n" : "")
        let credentials = try #require(ProcessCredentials(status: Array(text.utf8)))
        #expect(credentials.realUser == 1)
        #expect(credentials.effectiveUser == 2)
        #expect(credentials.innermostPID == (hasNamespaces ? 1 : 12))
        for broken in [
            "", "Pid:\t1\n", "Uid:\t1\t2\t3\t4\n", "Uid:\t1\t2\t3\nPid:\t1\n", "Uid:\tx\t2\t3\t4\nPid:\t1\n",
        ] {
            #expect(ProcessCredentials(status: Array(broken.utf8)) == nil)
        }
    }

    @Test(
        "A process in a pid namespace, with a /tmp of its own",
        .enabled(if: canUnshare, "needs root and unshare(1) for a pid namespace"))
    func pidNamespace() throws {
        let process = Process()
        process.environment = Child.environment
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script =
            "mount -t tmpfs none /tmp && echo 1000 10 number $$ > /tmp/perf-$$.map && echo ready && exec sleep 20"
        process.arguments = ["unshare", "-pfm", "--mount-proc", "sh", "-c", script]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        defer { process.terminate() }
        #expect(String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self) == "ready\n")
        let outer = process.processIdentifier
        let children = try String(contentsOfFile: "/proc/\(outer)/task/\(outer)/children", encoding: .utf8)
        let pid = try #require(children.split(separator: " ").first.flatMap { Int32($0) })
        defer { kill(pid, SIGKILL) }
        var names = JITNames()
        var explanation = Explanation(isWanted: true)
        let found = names.name(
            at: 0x1008, in: JITProcess(generation: Generation(20), pid: pid, firstSeen: Instant.now.nanoseconds),
            now: .now, &explanation)
        #expect(found.map { String(decoding: $0.name, as: UTF8.self) } == "number 1", "\(explanation.steps)")
    }
}

private let canUnshare = geteuid() == 0 && output(of: "unshare", ["-pfm", "--mount-proc", "true"]) != nil
