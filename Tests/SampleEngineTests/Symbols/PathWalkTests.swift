import CLinuxShims
import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("Following a path step by step, inside a root")
struct PathWalkTests {
    let directory: TemporaryDirectory
    let root: String

    init() throws {
        directory = try TemporaryDirectory()
        root = directory.path + "/root"
        for folder in ["/usr/lib/deep", "/opt"] { try make(folder) }
        try Data("inside".utf8).write(to: URL(fileURLWithPath: root + "/usr/lib/deep/file"))
        try Data("outside".utf8).write(to: URL(fileURLWithPath: directory.path + "/file"))
    }

    private func make(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
    }

    private func link(_ place: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: root + place, withDestinationPath: target)
    }

    private func follow(
        _ path: String, links: PathWalk.Links = .followed, isLocal: Bool = false
    ) throws(Errno) -> (facts: PlaceFacts, isGuarded: Bool) {
        var walk = try PathWalk(in: root, tables: ["/proc/self/mountinfo"], links: links, isLocal: isLocal)
        let place = try walk.follow(Array(path.utf8))
        return (place.facts, place.makers.areOnly())
    }

    private func inode(_ path: String) throws -> UInt64 {
        var status = stat()
        try #require(unsafe lstat(path, &status) == 0)
        return UInt64(status.st_ino)
    }

    @Test(
        "Links lead where they would if the root were ours, and never out of it",
        arguments: [
            ("deep", "/deep/file"), ("/usr/lib/deep", "/deep/file"), ("usr/lib/../lib/./deep", "/deep/file"),
            ("../../../usr/lib/deep", "/deep/file"), ("/../usr/lib/deep/../deep", "/deep/file"),
            ("usr", "/deep/lib/deep/file"), ("usr/lib/deep/file", "/deep"), ("usr/lib/deep", "//deep//./file"),
            ("opt", "/deep/../usr/lib/deep/file"),
        ])
    func links(target: String, path: String) throws {
        if target == "deep" { try link("/deep", to: "usr/lib/" + target) } else { try link("/deep", to: target) }
        #expect(try follow(path).facts.inode == inode(root + "/usr/lib/deep/file"))
    }

    @Test("What lies outside of the root is not reached", arguments: ["../file", "/../file", "../../../../../file"])
    func outside(target: String) throws {
        try link("/opt/out", to: target)
        #expect(throws: Errno.noEntry) { try follow("/opt/out") }
        #expect(throws: Errno.noEntry) { try follow(target) }
        try link("/opt/folder", to: directory.path)
        #expect(throws: Errno.noEntry) { try follow("/opt/folder/file") }
    }

    @Test("Links in a circle, too many of them and paths without an end are an error")
    func endless() throws {
        try link("/a", to: "b")
        try link("/b", to: "/a")
        #expect(throws: Errno(ELOOP)) { try follow("/a") }
        for number in 0..<50 { try link("/link\(number)", to: "link\(number + 1)") }
        try link("/link50", to: "usr/lib/deep/file")
        #expect(throws: Errno(ELOOP)) { try follow("/link0") }
        #expect(try follow("/link20").facts.inode == inode(root + "/usr/lib/deep/file"))
        #expect(throws: Errno(ELOOP)) { try follow(String(repeating: "opt/../", count: 500)) }
        #expect(throws: Errno(ENAMETOOLONG)) { try follow(String(repeating: "/", count: 5000)) }
        #expect(throws: Errno(ENOTDIR)) { try follow("/usr/lib/deep/file/x") }
        #expect(throws: Errno.noEntry) { try follow("") }
    }

    @Test("Where no link is to be followed, one on the way is an error and one at the end is what is found")
    func refusedLinks() throws {
        try link("/deep", to: "usr/lib/deep")
        #expect(throws: Errno(ENOTDIR)) { try follow("/deep/file", links: .refused) }
        #expect(try follow("/deep", links: .refused).facts.isLink)
    }

    @Test(
        "A place is guarded where nobody but root and we can write, from the root down and with every link",
        .enabled(if: geteuid() == 0, "needs root: chown"))
    func guarded() throws {
        try link("/deep", to: "usr/lib")
        let place = "/deep/deep/file"
        #expect(try follow(place).isGuarded)
        // Root's group is nobody else's, and what a folder like /tmp holds is its owner's if it is a folder, and no link.
        for (path, mode, isGuarded) in [
            ("", 0o777, false), ("/usr/lib", 0o757, false), ("/usr/lib/deep", 0o1777, false),
            ("/usr/lib/deep/file", 0o646, false), ("", 0o1777, false), ("/usr/lib", 0o1777, true),
            ("/usr", 0o775, true),
        ] as [(String, mode_t, Bool)] {
            var before = stat()
            try #require(unsafe stat(root + path, &before) == 0 && chmod(root + path, mode) == 0)
            #expect(try follow(place).isGuarded == isGuarded, "\(path) \(String(mode, radix: 8))")
            try #require(unsafe chmod(root + path, before.st_mode & 0o7777) == 0)
        }
        for path in ["", "/deep", "/usr", "/usr/lib/deep", "/usr/lib/deep/file"] {
            try #require(unsafe lchown(root + path, 4000, 0) == 0)
            #expect(try !follow(place).isGuarded, "\(path)")
            try #require(unsafe lchown(root + path, 0, 0) == 0)
        }
        #expect(try follow(place).isGuarded)
    }

    @Test(
        "A directory whose file system does not answer is not entered, whichever way leads through it",
        .enabled(if: Machine.mayMountFUSE, "needs root, /dev/fuse and leave to mount"),
        arguments: ["/usr/lib/deep/file", "/usr/lib/deep", "/way/file", "/up/../deep/file"])
    func silent(path: String) throws {
        try link("/way", to: "/usr/lib/deep")
        try link("/up", to: "usr/lib/deep")
        let silent = try SilentMount(on: root + "/usr/lib/deep")
        #expect(throws: Errno.notSupported) { try follow(path) }
        #expect(throws: Errno.notSupported) { _ = try FileOpener().follow(Array(path.utf8), below: root) }
        // Nor where it is in no list of mounts any more.
        let place = Descriptor(owning: unsafe pt_open(root + "/usr/lib/deep", Int32(PT_O_PATH)))
        #expect(MountedFileSystem(of: place, in: ["/proc/self/mountinfo"])?.isOfProgram == true)
        silent.detach()
        #expect(MountedFileSystem(of: place, in: ["/proc/self/mountinfo"]) == nil)
    }

    @Test("Nothing leads through /proc", .enabled(if: geteuid() == 0, "needs root: mount"))
    func proc() throws {
        try make("/proc")
        guard unsafe mount("proc", root + "/proc", "proc", 0, nil) == 0 else { try Test.cancel("no mount here") }
        defer { _ = unsafe umount2(root + "/proc", Int32(MNT_DETACH)) }
        for path in ["/proc/self/exe", "/proc/\(getpid())/root/etc", "/proc/version"] {
            #expect(throws: Errno(ELOOP)) { try follow(path) }
        }
    }

    @Test("A file is found in a list of mounts by its mount, or by the device of another one")
    func lists() throws {
        let file = try descriptor(root + "/usr/lib/deep/file")
        let found = PlaceFacts(of: file)
        let facts = try #require(found)
        let device = "\(pt_device(dev_t(facts.device)) & 0xffff_ffff):\(pt_device(dev_t(facts.device)) >> 32)"
        for (lines, kind) in [
            ("\(facts.mount) 1 0:999 / /a\\040-\\040b rw shared:1 - ext4 x rw", "ext4"),
            ("\(facts.mount)1 1 0:999 / / rw - xfs x rw\n7 1 \(device) / / rw - fuse.a x rw", "fuse.a"),
            ("7 1 0:999 / / rw - xfs x rw", nil), ("\(facts.mount) 1 - fuse", nil), ("", nil),
        ] as [(String, String?)] {
            let list = try directory.write(Array(lines.utf8), to: "mountinfo")
            #expect(MountedFileSystem(of: file, in: [list])?.kind == kind)
        }
        #expect(PlaceFacts.mount(fdinfo: Array("pos:\t0\nflags:\t0\nmnt_id:\t27\nino:\t1\n".utf8)) == 27)
        #expect(PlaceFacts.mount(fdinfo: Array("mnt_id:\t99999999999999999999\n".utf8)) == nil)
        let memory = Descriptor(owning: unsafe pt_memfd("test"))
        #expect(MountedFileSystem(of: memory, in: [])?.kind == "tmpfs")
    }
}

/// A file system that never answers, over a directory; it goes with this object, and after half a minute in any case.
private final class SilentMount {
    private let place: String
    private let (answered, closed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))

    init(on place: String) throws {
        self.place = place
        let device = unsafe open("/dev/fuse", O_RDWR | O_CLOEXEC)
        try #require(device >= 0)
        let options = "fd=\(device),rootmode=40000,user_id=0,group_id=0,allow_other"
        try #require(unsafe mount("none", place, "fuse", 0, options) == 0)
        let (answered, closed) = (self.answered, self.closed)
        // Closing the device ends every wait for an answer: without that a failure would never end.
        Thread.detachNewThread {
            if answered.wait(timeout: .now() + 30) == .timedOut { Issue.record("it waits for the file system") }
            close(device)
            closed.signal()
        }
    }

    func detach() { _ = unsafe umount2(place, Int32(MNT_DETACH)) }

    deinit {
        answered.signal()
        closed.wait()
        detach()
    }
}
