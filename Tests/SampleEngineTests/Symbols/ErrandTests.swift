import CLinuxShims
import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

/// Two processes beside each other: one that has moved its code page of the kernel's below 4 GiB and lets nobody read it
/// (a FIFO stands for its memory), and one with a compiler that writes its map.
private final class Neighbors {
    static let silent: Int32 = 4711
    static let compiler: Int32 = 4712

    let proc = FakeProc()
    let directory: TemporaryDirectory
    var symbolizer: Symbolizer
    private let silentOne = Generation(20)
    private let compilerOne = Generation(21)

    init() throws {
        directory = try TemporaryDirectory()
        symbolizer = Symbolizer(proc: proc.root)
        for (pid, generation) in [(Self.silent, silentOne), (Self.compiler, compilerOne)] {
            proc.writeStat(pid)
            let user = geteuid()
            proc.write(
                pid, "status", "Name:\tx\nPid:\t\(pid)\nUid:\t\(user)\t\(user)\t\(user)\t\(user)\nNSpid:\t\(pid)\t3\n")
            symbolizer.processes.note(
                ProcessSighting(
                    generation: generation, pid: pid, comm: nil, parent: nil, origin: generation,
                    firstSeen: Instant.now.nanoseconds, death: nil, mappings: [], lastLoss: 0))
        }
        proc.write(Self.silent, "maps", "10000-12000 r-xp 00000000 00:00 0 [vdso]\n")
        proc.write(Self.compiler, "maps", "50000-60000 rwxp 00000000 00:00 0 \n")
        try #require(unsafe mkfifo(memory, 0o600) == 0)
        try FileManager.default.createDirectory(atPath: directory.path + "/tmp", withIntermediateDirectories: true)
        _ = try directory.write("50000 100 compiled\n".utf8, to: "tmp/perf-3.map")
        try FileManager.default.createSymbolicLink(
            atPath: "\(proc.root)/\(Self.compiler)/root", withDestinationPath: directory.path)
    }

    var memory: String { "\(proc.root)/\(Self.silent)/mem" }

    deinit {
        unsafe unlink(memory)
        unsafe unlink("\(proc.root)/\(Self.compiler)/root")
    }

    func askSilentOne(at now: Instant) -> Symbolizer.Answer? {
        symbolizer.ask(Location(space: .unmapped(silentOne), value: 0x10010), at: now)
    }

    func askCompiler(at now: Instant) -> Symbolizer.Answer? {
        symbolizer.ask(Location(space: .unmapped(compilerOne), value: 0x50010), at: now)
    }

    func due(at now: Instant) -> [Errand] { symbolizer.takeErrands(at: now) }

    func receive(_ findings: Errand.Findings, at now: Instant) { symbolizer.receive(findings, at: now) }

    /// Does what is due, once.
    func work(at now: Instant) { for errand in due(at: now) { receive(errand.run(.unlimited), at: now) } }

    /// Whose locations these answers are of, and what they say.
    func answers() -> [UInt64: String] {
        Dictionary(
            symbolizer.takeAnswers().map { ($0.location.value, $0.answer.symbol.name) }, uniquingKeysWith: { $1 })
    }
}

/// What runs on another thread.
private final class Runner: Sendable {
    private let found = Guarded<Errand.Findings?>(nil)

    init(_ errand: Errand) {
        Thread.detachNewThread { [found] in
            let findings = errand.run(.unlimited)
            found.withLock { $0 = findings }
        }
    }

    var findings: Errand.Findings? { found.withLock { $0 } }
}

private final class Book {
    private var book: ErrandBook

    init(proc: String = "/proc") { book = ErrandBook(proc: proc) }

    func take(_ errands: [Errand]) -> (taken: [Errand], refused: Int) {
        var refused: [Errand.News] = []
        return (book.take(errands, refused: &refused), refused.count)
    }

    /// How many it leaves behind.
    func leave(at now: Instant) -> Int {
        var detours: [Errand] = []
        return book.leave(at: now, detours: &detours).count + detours.count
    }
    /// What it has done in the place of what it takes back.
    func detours(at now: Instant) -> [Errand] {
        var detours: [Errand] = []
        _ = book.leave(at: now, detours: &detours)
        return detours
    }
    func isRefused(_ pid: Int32) -> Bool { book.isRefused(pid) }
    func comeHome(_ serial: UInt64) { book.comeHome(serial) }
    var isWatching: Bool { book.isWatching }
}

@Suite("Errands that stand still are left behind, and the next one goes on")
struct ErrandTests {
    /// Later than anything may take that is not left behind.
    private static func later(_ now: Instant = .now) -> Instant { now.advanced(byNanoseconds: 6_000_000_000) }

    @Test("A process whose memory does not answer keeps nobody else's compiler from being asked")
    func silentMemory() throws {
        let scene = try Neighbors()
        let now = Instant.now
        #expect(scene.askSilentOne(at: now) == nil && scene.askCompiler(at: now) == nil)
        scene.work(at: now)
        // The one who does not answer comes first, or second: the errand has both.
        let errands = scene.due(at: now)
        let errand = try #require(errands.count == 1 ? errands.first : nil)
        let runner = Runner(errand)
        try #require(waitUntil(within: 20) { errand.progress.pid == Neighbors.silent })
        #expect(scene.due(at: .now).isEmpty, "there is one at a time")
        #expect(runner.findings == nil)

        let due = scene.due(at: Self.later())
        #expect(scene.answers() == [0x10010: "[unknown]"])
        let next = try #require(due.count == 1 ? due.first : nil, "the other one is asked again")
        let findings = next.run(.unlimited)
        scene.receive(findings, at: Self.later())
        #expect(scene.answers() == [0x50010: "compiled"])
        let news = scene.symbolizer.takeNews()
        #expect(news == ["code of pid \(Neighbors.silent) has no names for now: the process does not answer"])

        // Asked again, it keeps no second thread.
        let again = scene.askSilentOne(at: Self.later())
        #expect(again?.symbol.name == "[unknown]" && again?.isFinal == false)
        #expect(scene.due(at: Self.later(Self.later())).isEmpty)

        // It answers after all: nothing of that names anything, and it may be asked again.
        let end = unsafe open(scene.memory, O_WRONLY | O_CLOEXEC)
        close(end)
        try #require(waitUntil(within: 20) { runner.findings != nil })
        scene.receive(try #require(runner.findings), at: Self.later())
        #expect(scene.answers().isEmpty)
        #expect(scene.askSilentOne(at: Self.later()) == nil)
        #expect(scene.due(at: Self.later()).count == 1)
    }

    @Test("Mappings that are not told are given up for a minute, and asked for again then")
    func silentMaps() throws {
        let scene = try Neighbors()
        let now = Instant.now
        #expect(scene.askCompiler(at: now) == nil)
        let errand = try #require(scene.due(at: now).first)
        errand.progress.begin()
        #expect(scene.due(at: .now).isEmpty)
        let later = Self.later()
        #expect(scene.due(at: later).isEmpty)
        #expect(scene.answers() == [0x50010: "[unknown]"])
        #expect(scene.askCompiler(at: later)?.isFinal == false, "it is not asked again at once")
        // Late, and still right.
        scene.receive(errand.run(.unlimited), at: later)
        #expect(scene.askCompiler(at: later) == nil)
        scene.work(at: later)
        #expect(scene.answers() == [0x50010: "compiled"])
    }

    @Test("A file that is not opened, or not read, is given up; should it come after all, its names are right")
    func silentFile() throws {
        try #require(haveCompiler, "needs gcc")
        let directory = try TemporaryDirectory()
        let path = try compile(["functions.c"], as: "functions", in: directory)
        let function = try #require(try listedFunctions(path).first { $0.name == "main" })
        let image = try symbols(of: path)
        let candidates = (0..<4096 as Range<UInt64>).map { function.address &- $0 * 4096 }
        let offset = try #require(
            candidates.first { image.imageAddress(of: FileOffset($0)) == ImageAddress(function.address) })
        var status = stat()
        try #require(unsafe stat(path, &status) == 0)
        let space = SpaceID(SpaceID.firstImage)
        let location = Location(space: space, value: offset)
        for isOpened in [false, true] {
            var symbolizer = Symbolizer()
            _ = symbolizer.note(
                ImageSighting(
                    space: space, path: Array(path.utf8),
                    identity: .inode(
                        device: pt_device(status.st_dev), inode: UInt64(status.st_ino), generation: 0),
                    pid: getpid(), start: 0x1000, end: 0x2000))
            let now = Instant.now
            let none = symbolizer.ask(location, at: now)
            #expect(none == nil)
            var errand = try #require(symbolizer.takeErrands(at: now).first)
            if isOpened {
                symbolizer.receive(errand.run(.unlimited), at: now)
                errand = try #require(symbolizer.takeErrands(at: now).first)
            }
            errand.progress.begin()
            let later = Self.later()
            let due = symbolizer.takeErrands(at: later)
            #expect(due.isEmpty)
            let given = symbolizer.takeAnswers()
            #expect(given.map(\.answer.symbol.name) == ["[unknown]"] && given.allSatisfy { !$0.answer.isFinal })
            let again = symbolizer.ask(location, at: later)
            #expect(again?.symbol.name == "[unknown]", "nobody waits for it a second time")
            symbolizer.receive(errand.run(.unlimited), at: later)
            _ = symbolizer.takeAnswers()
            #expect(symbolizer.name(at: location, now: later) == "main")
        }
    }

    @Test("What has not begun, and what uses the processor, is not left behind")
    func busy() throws {
        let stop = Guarded(false)
        let spinning = Errand(.reading, of: nil) { _ in
            while !stop.withLock({ $0 }) {}
            return .kernelList(nil)
        } instead: {
            .kernelList(nil)
        }
        let waiting = Errand(.reading, of: nil, { _ in .kernelList(nil) }, instead: { .kernelList(nil) })
        let book = Book()
        let taken = book.take([spinning, waiting]).taken
        let runner = Runner(taken[0])
        for look in 1...3 {
            let used = spinning.progress.usedNanoseconds
            try #require(waitUntil(within: 20) { spinning.progress.usedNanoseconds > used + 60_000_000 })
            let now = Instant.now.advanced(byNanoseconds: UInt64(look) * 6_000_000_000)
            #expect(book.leave(at: now) == 0)
        }
        let end = Instant.now.advanced(byNanoseconds: 60_000_000_000)
        stop.withLock { $0 = true }
        try #require(waitUntil(within: 20) { runner.findings != nil })
        #expect(book.leave(at: end) <= 1, "what has not begun stays")
        #expect(book.isWatching)
    }

    /// What does nothing.
    private static func errand(_ lane: Errand.Lane, for payer: Payer, hasDetour: Bool = false) -> Errand {
        let work: @Sendable (ReadingPermit) -> Errand.News = { _ in .kernelList(nil) }
        let instead: @Sendable () -> Errand.News = { .kernelList(nil) }
        return Errand(lane, of: nil, for: payer, work, instead: instead, withoutProcess: hasDetour ? work : nil)
    }

    @Test("Tables of one user that stand still are charged to him alone, and to that lane")
    func stalledReadings() {
        let book = Book()
        let taken = book.take((1...8).map { _ in Self.errand(.reading, for: .user(4000)) }).taken
        // So many threads has he got.
        for errand in taken.prefix(2) { errand.progress.begin() }
        #expect(book.leave(at: Self.later()) == 8)
        let others: [Payer] = [.user(4001), .ours, .nobody, .unknown]
        #expect(book.take(others.map { Self.errand(.reading, for: $0) }).refused == 0)
        #expect(book.take([Self.errand(.opening, for: .user(4000))]).refused == 0)
        #expect(book.take([Self.errand(.reading, for: .user(4000))]).refused == 1)
    }

    @Test("Whatever many users have standing still, root and the kernel's list are served")
    func manyUsers() {
        let book = Book()
        let users = (0..<20 as Range<UInt32>).map { Payer.user(4000 + $0 / 2) }
        let taken = book.take(users.map { Self.errand(.reading, for: $0) }).taken
        for errand in taken.prefix(8) { errand.progress.begin() }
        #expect(book.leave(at: Self.later()) == 20)
        #expect(book.take([.ours, .nobody].map { Self.errand(.reading, for: $0) }).refused == 0)
        #expect(book.take([Self.errand(.reading, for: .user(5000))]).refused == 1)
        book.comeHome(taken[0].serial)
        #expect(book.take([Self.errand(.reading, for: .user(5000))]).refused == 0)
    }

    @Test("What is not begun when its user's others are left behind is taken back, or done without him")
    func takenBack() throws {
        let book = Book()
        let stalled = book.take((1...2).map { _ in Self.errand(.opening, for: .user(4000)) }).taken
        let queued = book.take([false, true].map { Self.errand(.opening, for: .user(4000), hasDetour: $0) }).taken
        let other = book.take([Self.errand(.opening, for: .user(4001))]).taken
        for errand in stalled { errand.progress.begin() }
        let detours = book.detours(at: Self.later())
        #expect(detours.count == 1 && detours.allSatisfy { $0.payer == .unknown })
        #expect(queued.allSatisfy { $0.progress.isWithdrawn } && !other[0].progress.isWithdrawn)
        #expect(book.take(detours).taken.count == 1)
        #expect(book.take([Self.errand(.opening, for: .user(4000), hasDetour: true)]).taken.map(\.payer) == [.unknown])
        #expect(book.take([Self.errand(.opening, for: .user(4000))]).refused == 1)
        for errand in stalled { book.comeHome(errand.serial) }
        #expect(book.take([Self.errand(.opening, for: .user(4000))]).refused == 0)
    }

    @Test(
        "A user does not multiply in a user namespace of his own",
        .enabled(if: geteuid() == 0 && isInstalled("setpriv") && isInstalled("unshare"), "needs root, setpriv, unshare")
    )
    func manyNumbers() throws {
        let go = Pipe()
        let inside = Process()
        inside.environment = Child.environment
        inside.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        inside.arguments =
            [
                "setpriv", "--reuid", "4000", "--regid", "4000", "--clear-groups", "unshare", "-U", "--keep-caps", "sh",
                "-c",
            ]
            + ["read word; exec setpriv --reuid 5 sleep 60"]
        inside.standardInput = go
        try inside.run()
        let pid = inside.processIdentifier
        defer { kill(pid, SIGKILL) }
        let reader = ProcReader()
        let ours = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/user")
        try #require(
            waitUntil(within: 20) {
                let theirs = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/user")
                return theirs != nil && theirs != ours
            })
        #expect(reader.payer(of: pid) == .user(4000))
        let map = unsafe open("/proc/\(pid)/uid_map", O_WRONLY | O_CLOEXEC)
        let written = unsafe write(map, "0 100000 1000\n", 14)
        close(map)
        try #require(written == 14)
        go.fileHandleForWriting.write(Data("go\n".utf8))
        try #require(waitUntil(within: 20) { reader.user(of: pid) == 100_005 })
        #expect(reader.payer(of: pid) == .user(4000))
        #expect(reader.payer(of: getpid()) == .ours && reader.payer(of: 1 << 22 + 1) == .unknown)
    }

    @Test(
        "A user whose processes keep threads of ours is asked nothing more; others are",
        .enabled(if: geteuid() == 0, "needs root, to have processes of several users"))
    func oneUser() throws {
        let proc = FakeProc()
        for pid in 1...12 as ClosedRange<Int32> {
            proc.writeStat(pid)
            // Two users with four processes each, then root's.
            try #require(unsafe chown("\(proc.root)/\(pid)", pid <= 8 ? 4000 + UInt32(pid) / 5 : 0, 0) == 0)
        }
        let book = Book(proc: proc.root)
        func errand(_ pid: Int32) -> Errand {
            Errand(.opening, of: pid, { _ in .kernelList(nil) }, instead: { .kernelList(nil) })
        }
        var hanging: [Errand] = []
        for pid in [1, 2] as [Int32] {
            hanging += book.take([errand(pid)]).taken
            hanging.last?.progress.begin()
            #expect(!book.isRefused(pid))
            #expect(book.leave(at: Self.later()) == 1)
            #expect(book.isRefused(pid), "not a second time")
        }
        #expect(book.isRefused(3) && book.isRefused(4), "his others are refused")
        #expect(!book.isRefused(5) && !book.isRefused(9), "other users' are not")
        let given = book.take([errand(3), errand(5), errand(9)])
        #expect(given.taken.count == 2 && given.refused == 1)
        book.comeHome(hanging[0].serial)
        #expect(!book.isRefused(3) && !book.isRefused(1) && book.isRefused(2))
    }
}
