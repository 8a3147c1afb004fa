import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("JITNames: which perf maps are trusted")
struct PerfMapTrustTests {
    /// What somebody may put in the place of a map.
    enum Trap: CaseIterable {
        case fifo, directory, symbolicLink, hardLink, worldWritable, hugeAndSparse, older

        var refusal: PerfMapRefusal {
            switch self {
            case .fifo, .directory: .notRegular
            case .symbolicLink: .symbolicLink
            case .hardLink: .hardLinks
            case .worldWritable: .writableByOthers
            case .hugeAndSparse: .tooLarge
            case .older: .older
            }
        }
    }

    @Test("What cannot be trusted is refused at once, and the reason is told", arguments: Trap.allCases)
    func refused(trap: Trap) throws {
        let scene = try PerfMapScene()
        let path = scene.path(PerfMapScene.map)
        try scene.write("secret", "1000 10 secret\n")
        try scene.write("host/tmp/perf-4711.map", "1000 10 outside\n")
        let files = FileManager.default
        if trap != .fifo, trap != .directory, trap != .symbolicLink, trap != .hardLink {
            try scene.write(PerfMapScene.map, "1000 10 secret\n")
        }
        switch trap {
        case .fifo: unsafe mkfifo(path, 0o600)
        case .directory: try files.createDirectory(atPath: path, withIntermediateDirectories: false)
        case .symbolicLink:
            try scene.write("container/secret", "1000 10 secret\n")
            try files.createSymbolicLink(atPath: path, withDestinationPath: "../secret")
        case .hardLink: try files.linkItem(atPath: scene.path("secret"), toPath: path)
        case .worldWritable: unsafe chmod(path, 0o646)
        case .hugeAndSparse: unsafe truncate(path, 1 << 40)
        case .older: try files.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path)
        }
        var names = scene.names()
        let time = processorTime { #expect(names.name(0x1000, scene) == nil) }
        #expect(time < .seconds(1))
        #expect(names.state(of: scene.process.generation) == .refused(trap.refusal))
        #expect(names.steps(0x1000, scene)[0].hasSuffix("perf-3.map " + trap.refusal.text))
    }

    @Test(
        "A map that its group may write is taken where nobody else is in that group",
        .enabled(if: geteuid() == 0, "needs root: chown"), arguments: [true, false])
    func group(isAlone: Bool) throws {
        let scene = try PerfMapScene(user: 0)
        try scene.write(PerfMapScene.map, "1000 10 f\n")
        // No account has the second one.
        #expect(
            unsafe chown(scene.path(PerfMapScene.map), 0, isAlone ? 0 : 54_321) == 0
                && chmod(scene.path(PerfMapScene.map), 0o664) == 0)
        var names = scene.names()
        let expected = isAlone && Accounts.ours.isOnly(0, inGroup: 0)
        #expect(names.name(0x1000, scene) == (expected ? "f" : nil))
        if !expected {
            #expect(names.state(of: scene.process.generation) == .refused(.writableByGroup))
            let note = try #require(names.takeRefusals().first)
            #expect(note.hasSuffix("; chmod g-w \(scene.path("proc"))/4711/root/tmp/perf-3.map"), "\(note)")
        }
    }

    @Test(
        "Who is alone in a group, by our own files",
        arguments: [
            ("joe:x:1000:1000::/:\n", "joe:x:1000:\n", true), ("joe:x:1000:1000::/:\n", "joe:x:1000:joe\n", true),
            ("joe:x:1000:1000::/:\n", "", true),
            // Another member, another account, another primary group, none, lines of NIS, cut ones.
            ("joe:x:1000:1000::/:\n", "joe:x:1000:ann\n", false),
            ("joe:x:1000:1000::/:\n", "joe:x:1000:joe,ann\n", false),
            ("joe:x:1000:1000::/:\nann:x:1001:1000::/:\n", "", false), ("joe:x:1000:100::/:\n", "joe:x:1000:\n", false),
            ("ann:x:1001:1001::/:\n", "", false), ("joe:x:1000:1000::/:\n+::::::\n", "", false),
            ("joe:x:1000:1000::/:\n", "+\n", false), ("joe:x:1000:1000::/:\n", "a:x:1000:\nb:x:1000:ann\n", false),
            // Two names of one user are one user.
            ("joe:x:1000:1000::/:\njoey:x:1000:1000::/:\n", "joe:x:1000:joey\n", true), ("", "", false),
        ])
    func accounts(passwd: String, group: String, isOnly: Bool) {
        let accounts = Accounts(passwd: Array(passwd.utf8), group: Array(group.utf8))
        #expect(accounts.isOnly(1000, inGroup: 1000) == isOnly)
        #expect(!Accounts(passwd: Array(passwd.utf8), group: nil).isOnly(1000, inGroup: 1000))
    }

    @Test("Only root and the users of the process are owners", .enabled(if: geteuid() == 0, "needs root: chown"))
    func owners() throws {
        for (user, owner, isTrusted) in [
            (1000, 1000, true), (1000, 0, true), (1000, 1001, false), (0, 1000, false), (0, 0, true),
        ] as [(UInt32, UInt32, Bool)] {
            let scene = try PerfMapScene(user: user)
            try scene.write(PerfMapScene.map, "1000 10 f\n")
            #expect(unsafe chown(scene.path(PerfMapScene.map), owner, owner) == 0)
            var names = scene.names()
            #expect(names.name(0x1000, scene) == (isTrusted ? "f" : nil), "\(user) \(owner)")
            #expect(
                names.state(of: scene.process.generation) == (isTrusted ? .read : .refused(.foreignOwner(owner))))
        }
    }

    @Test(
        "A file system that does not answer is not asked, be it the whole directory or the one file",
        .enabled(if: Machine.mayMountFUSE, "needs root, /dev/fuse and leave to mount"), arguments: [true, false])
    func stalledFileSystem(isDirectory: Bool) throws {
        let scene = try PerfMapScene()
        try scene.write(PerfMapScene.map, "1000 10 f\n")
        let place = scene.path(isDirectory ? "container/tmp" : PerfMapScene.map)
        let device = unsafe open("/dev/fuse", O_RDWR | O_CLOEXEC)
        try #require(device >= 0)
        let options = "fd=\(device),rootmode=\(isDirectory ? 40000 : 100_000),user_id=0,group_id=0,allow_other"
        try #require(unsafe mount("none", place, "fuse", 0, options) == 0)
        // Closing the device ends every wait for an answer: without that a failure would never end.
        let (answered, closed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            if answered.wait(timeout: .now() + 30) == .timedOut { Issue.record("it waits for the file system") }
            close(device)
            closed.signal()
        }
        defer {
            answered.signal()
            closed.wait()
            unsafe umount2(place, Int32(MNT_DETACH))
        }
        var names = scene.names()
        #expect(names.name(0x1000, scene) == nil)
        #expect(names.state(of: scene.process.generation) == .refused(.remote))
    }
}
