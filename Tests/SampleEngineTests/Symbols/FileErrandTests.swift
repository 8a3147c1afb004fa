import CLinuxShims
import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

/// Files that are asked for as by processes of two users, and by root's.
private final class Files {
    let directory: TemporaryDirectory
    let proc = FakeProc()
    var symbolizer: Symbolizer
    private var known: UInt32 = 0
    private let path: String
    static let (hostile, root): (Int32, Int32) = (1, 9)

    init(limits: ImageStore.Limits = ImageStore.Limits()) throws {
        directory = try TemporaryDirectory()
        symbolizer = Symbolizer(limits: limits, proc: proc.root)
        path = try compile(["functions.c"], as: "functions", in: directory)
        for pid in 1...9 as ClosedRange<Int32> {
            proc.writeStat(pid)
            try #require(unsafe chown("\(proc.root)/\(pid)", pid <= 8 ? 4000 : 0, 0) == 0)
        }
    }

    /// Asks for a place in a file of its own.
    func ask(by pid: Int32, at now: Instant, in folder: String = "") throws -> String {
        known += 1
        let copy = directory.path + "/\(folder)file-\(known)"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        _ = try isToldAtOnce(copy, by: pid)
        _ = symbolizer.ask(Location(space: SpaceID(SpaceID.firstImage + known), value: 0x40), at: now)
        return copy
    }

    /// Whether the newest file is told to have changed, at once, when it is mapped.
    func isToldAtOnce(_ path: String, by pid: Int32 = Files.root) throws -> Bool {
        var status = stat()
        try #require(unsafe stat(path, &status) == 0)
        let lost = symbolizer.note(
            ImageSighting(
                space: SpaceID(SpaceID.firstImage + known), path: Array(path.utf8),
                identity: .inode(device: pt_device(status.st_dev), inode: UInt64(status.st_ino), generation: 0),
                pid: pid, start: 0x1000, end: 0x2000))
        return lost != nil
    }
    func rewritten() -> [String] { symbolizer.takeRewritten().values.map(\.name) }

    func due(at now: Instant) -> [Errand] { symbolizer.takeErrands(at: now) }
    func receive(_ findings: Errand.Findings, at now: Instant) { symbolizer.receive(findings, at: now) }
    func ask(at offset: UInt64, in space: SpaceID, at now: Instant) {
        _ = symbolizer.ask(Location(space: space, value: offset), at: now)
    }
    /// The files whose places were answered, each time.
    func answered() -> [SpaceID] { symbolizer.takeAnswers().map(\.location.space) }
    var hasPostponed: Bool { symbolizer.hasPostponed }
}

@Suite(
    "Files: who is charged for opening and reading them, and in which order that is done",
    .enabled(if: haveCompiler && geteuid() == 0, "needs gcc, and root to have processes of several users"))
struct FileErrandTests {
    /// Later than anything may take that is not left behind.
    private static func later() -> Instant { Instant.now.advanced(byNanoseconds: 6_000_000_000) }

    @Test(
        "A file that a refused user runs, too, is opened without him")
    func withoutWitness() throws {
        let files = try Files()
        let now = Instant.now
        for pid in [1, 2] as [Int32] { _ = try files.ask(by: pid, at: now) }
        let stalled = files.due(at: now)
        #expect(stalled.count == 2 && stalled.allSatisfy { $0.lane == .opening && $0.payer == .user(4000) })
        for errand in stalled { errand.progress.begin() }
        #expect(files.due(at: Self.later()).isEmpty)
        _ = files.answered()
        _ = try files.ask(by: 3, at: Self.later())
        let opening = try #require(files.due(at: Self.later()).first)
        #expect(opening.pid == nil && opening.payer == .unknown)
        files.receive(opening.run(.unlimited), at: Self.later())
        let reading = try #require(files.due(at: Self.later()).first)
        #expect(reading.lane == .reading && reading.payer == .ours, "root has written it")
        files.receive(reading.run(.unlimited), at: Self.later())
        #expect(files.answered().count == 1)
    }

    @Test(
        "Files are opened and read in the order in which they were asked for; kept tables wait for none of that")
    func order() throws {
        let files = try Files()
        let now = Instant.now
        let paths = try (1...12).map { _ in try files.ask(by: Files.root, at: now) }
        var opened: [String] = []
        for errand in files.due(at: now) {
            let findings = errand.run(.unlimited)
            if case .opened(let file) = findings.news { opened.append(String(decoding: file.file.path, as: UTF8.self)) }
            files.receive(findings, at: now)
        }
        #expect(opened == paths)
        let readings = files.due(at: now)
        #expect(readings.count == 12 && readings.allSatisfy { $0.lane == .reading })
        for errand in readings { files.receive(errand.run(.unlimited), at: now) }
        let answered = files.answered().map(\.number)
        #expect(answered == answered.sorted() && answered.count == 12)
        files.ask(at: 0x1040, in: SpaceID(answered[3]), at: now)
        #expect(files.due(at: now).map(\.lane) == [.finding])
    }

    @Test(
        "Files of one user that wait to be read leave descriptors for others'")
    func waitingFiles() throws {
        var limits = ImageStore.Limits()
        limits.descriptors = 8
        let files = try Files(limits: limits)
        let now = Instant.now
        for _ in 1...12 { _ = try files.ask(by: Files.hostile, at: now) }
        _ = try files.ask(by: Files.root, at: now)
        #expect(files.due(at: now).map(\.payer) == [.user(4000), .user(4000), .ours])
        #expect(files.hasPostponed)
    }

    /// Whether this process has a file open.
    private func isOpen(_ path: String) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.contains {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
        }
    }

    @Test("Files are closed by errands, by nobody who must not wait")
    func closing() throws {
        var limits = ImageStore.Limits()
        limits.descriptors = 1
        let files = try Files(limits: limits)
        let now = Instant.now
        let path = try files.ask(by: Files.root, at: now)
        for _ in 1...2 { for errand in files.due(at: now) { files.receive(errand.run(.unlimited), at: now) } }
        #expect(files.answered().count == 1 && isOpen(path))
        _ = try files.ask(by: Files.root, at: now)
        let due = files.due(at: now)
        #expect(due.map(\.lane) == [.opening, .finding])
        #expect(isOpen(path), "its table is gone")
        let closing = try #require(due.last)
        files.receive(closing.run(.unlimited), at: now)
        #expect(!isOpen(path))
    }

    @Test("What lies on other file systems is asked by an errand whether it has changed, and so told")
    func stackedFile() throws {
        let files = try Files()
        let place = files.directory.path
        for name in ["lower", "upper", "work", "merged"] { try run("mkdir", "\(place)/\(name)") }
        let layers = "lowerdir=\(place)/lower,upperdir=\(place)/upper,workdir=\(place)/work"
        let isMounted = output(of: "mount", ["-t", "overlay", "-o", layers, "overlay", place + "/merged"]) != nil
        guard isMounted else { try Test.cancel("no overlay can be mounted here") }
        defer { _ = unsafe umount2(place + "/merged", Int32(MNT_DETACH)) }
        let now = Instant.now
        let path = try files.ask(by: Files.root, at: now, in: "merged/")
        for _ in 1...2 { for errand in files.due(at: now) { files.receive(errand.run(.unlimited), at: now) } }
        #expect(files.answered().count == 1)
        for isChanged in [false, true] {
            if isChanged { try Data("another".utf8).write(to: URL(fileURLWithPath: path)) }
            #expect(try !files.isToldAtOnce(path), "nobody who must not wait asks it")
            let looks = files.due(at: now)
            #expect(looks.map(\.lane) == [.finding])
            for look in looks { files.receive(look.run(.unlimited), at: now) }
            #expect(files.rewritten() == (isChanged ? ["[file changed]"] : []))
        }
    }

    @Test("A kind of file system that is not known is taken for one that may keep us waiting")
    func kinds() {
        for kind in ["ext4", "xfs", "btrfs", "tmpfs", "zfs", "erofs", "squashfs", "iso9660"] {
            #expect(MountedFileSystem(kind: kind).answersAtOnce && MountedFileSystem(kind: kind).isLocal)
        }
        #expect(MountedFileSystem(kind: "overlay").isLocal && !MountedFileSystem(kind: "overlay").answersAtOnce)
        for kind in [
            "nfs4", "fuse.sshfs", "fuseblk", "gpfs", "ocfs2", "beegfs", "9p", "virtiofs", "tomorrowfs", "ext4.x",
        ] {
            #expect(!MountedFileSystem(kind: kind).isLocal && !MountedFileSystem(kind: kind).answersAtOnce)
        }
    }
}
