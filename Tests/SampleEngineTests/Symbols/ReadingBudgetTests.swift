import CLinuxShims
import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("What a file's contents cost together, and what of them is kept", .enabled(if: haveCompiler, "needs gcc and nm"))
struct ReadingBudgetTests {
    private let directory: TemporaryDirectory
    private let clock = Instant.now

    init() throws { directory = try TemporaryDirectory() }

    private func later(_ milliseconds: UInt64) -> Instant { clock.advanced(byNanoseconds: milliseconds * 1_000_000) }

    /// Asks as the resolver does, and notes which errands that takes.
    private struct Asker: ~Copyable {
        var symbolizer: Symbolizer
        var errands: [Errand.Lane] = []

        init(_ limits: ImageStore.Limits) { symbolizer = Symbolizer(limits: limits) }

        /// Nil: no answer comes at that time.
        mutating func ask(_ location: Location, at now: Instant) -> String? {
            errands = []
            if let answer = symbolizer.ask(location, at: now) { return answer.symbol.name }
            while true {
                if let named = symbolizer.takeAnswers().last { return named.answer.symbol.name }
                let due = symbolizer.takeErrands(at: now)
                if due.isEmpty { return nil }
                // Closing what is not needed any more is another matter.
                errands += due.map(\.lane).filter { $0 != .finding }
                for errand in due { symbolizer.receive(errand.run(.unlimited), at: now) }
            }
        }

        /// Where a function lies in a file that is known by a number.
        mutating func place(of name: String, in path: String, number: UInt32) throws -> Location {
            let function = try #require(try listedFunctions(path).first { $0.name == name })
            let image = try SampleEngineTests.symbols(of: path)
            let candidates = (0..<4096 as Range<UInt64>).map { function.address &- $0 * 4096 }
            let found = candidates.first { image.imageAddress(of: FileOffset($0)) == ImageAddress(function.address) }
            let space = SpaceID(SpaceID.firstImage + number)
            try see(path, as: space)
            return Location(space: space, value: try #require(found))
        }

        mutating func see(_ path: String, as space: SpaceID) throws {
            var status = stat()
            try #require(unsafe stat(path, &status) == 0)
            _ = symbolizer.note(
                ImageSighting(
                    space: space, path: Array(path.utf8),
                    identity: .inode(device: pt_device(status.st_dev), inode: UInt64(status.st_ino), generation: 0),
                    pid: getpid(), start: 0x1000, end: 0x2000))
        }
    }

    private func touch(_ path: String) throws {
        var times = [timespec(tv_sec: 1, tv_nsec: 7), timespec(tv_sec: 1, tv_nsec: 7)]
        try #require(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
    }

    @Test("A file that was given up has no new budget for a minute, neither touched nor under another name")
    func givenUp() throws {
        let path = try compile(["functions.c"], as: "first", in: directory)
        var limits = ImageStore.Limits()
        limits.budget = 1
        var asker = Asker(limits)
        let place = try asker.place(of: "main", in: path, number: 0)
        #expect(asker.ask(place, at: clock) == "[unknown]")
        #expect(asker.errands == [.opening, .reading])
        try touch(path)
        try #require(unsafe link(path, path + "2") == 0)
        let other = Location(space: SpaceID(SpaceID.firstImage + 1), value: place.value)
        try asker.see(path + "2", as: other.space)
        #expect(asker.ask(other, at: later(30_000)) == "[unknown]")
        #expect(asker.errands == [.opening], "it is opened, and not read")
        #expect(asker.ask(place, at: later(59_000)) == "[unknown]")
        #expect(asker.errands.isEmpty)
        #expect(asker.ask(place, at: later(61_000)) == "[unknown]")
        #expect(asker.errands.contains(.reading))
    }

    @Test("A file that was touched is read again after a pause, under whatever name")
    func touched() throws {
        let path = try compile(["functions.c"], as: "first", in: directory)
        var asker = Asker(ImageStore.Limits())
        let place = try asker.place(of: "main", in: path, number: 0)
        #expect(asker.ask(place, at: clock) == "main")
        try touch(path)
        try #require(unsafe link(path, path + "2") == 0)
        let other = Location(space: SpaceID(SpaceID.firstImage + 1), value: place.value)
        try asker.see(path + "2", as: other.space)
        #expect(asker.ask(other, at: clock) == nil)
        #expect(asker.errands == [.opening])
        #expect(asker.ask(other, at: later(10_001)) == "main")
    }

    @Test("Contents of one file share a budget; one that stays has all of it each time; a minute later all have")
    func accounts() {
        var accounts = ReadingAccounts<Int, String>(budget: 100, period: 1000)
        func at(_ time: UInt64) -> Instant { Instant(nanoseconds: time) }
        #expect(accounts.left(of: 1, with: "a", at: at(1)) == 100)
        for time in 1...5 as ClosedRange<UInt64> { accounts.charge(1, with: "a", cost: 60, at: at(time)) }
        #expect(accounts.left(of: 1, with: "a", at: at(6)) == 100)
        #expect(accounts.left(of: 1, with: "b", at: at(6)) == 40)
        #expect(accounts.left(of: 2, with: "b", at: at(6)) == 100)
        accounts.charge(1, with: "b", cost: 30, at: at(7))
        #expect(accounts.left(of: 1, with: "b", at: at(8)) == 40)
        #expect(accounts.left(of: 1, with: "a", at: at(8)) == 10, "a content that came back is another one")
        accounts.charge(1, with: "c", cost: .max, at: at(9))
        #expect(accounts.left(of: 1, with: "d", at: at(10)) == 0)
        #expect(accounts.left(of: 1, with: "d", at: at(1001)) == 100)
        for file in 10..<5000 { accounts.charge(file, with: "a", cost: 1, at: at(20)) }
        #expect(accounts.left(of: 1, with: "d", at: at(21)) == 0, "no crowd of cheap ones makes room for it")
        #expect(accounts.byteCount < 200_000)
    }

    @Test("A table that alone passes the bound is answered from and not kept; the others stay")
    func oversized() throws {
        let small = try compile(["functions.c"], as: "small", in: directory)
        var source = ".text\n.globl _start\n_start: ret\n"
        for index in 0..<4000 { source += ".globl f\(index)\n.type f\(index),@function\nf\(index): ret\n" }
        let large = directory.path + "/large"
        try run("gcc", "-nostdlib", "-static", "-o", large, directory.write(source.utf8, to: "large.s"))
        var limits = ImageStore.Limits()
        limits.bytes = 20_000
        let sizes = try [small, large].map { try symbols(of: $0).byteCount }
        try #require(sizes[0] < limits.bytes && sizes[1] > limits.bytes)
        var asker = Asker(limits)
        let first = try asker.place(of: "main", in: small, number: 0)
        let second = try asker.place(of: "f1000", in: large, number: 1)
        #expect(asker.ask(first, at: clock) == "main")
        #expect(asker.ask(second, at: clock) == "f1000")
        #expect(asker.symbolizer.byteCount < limits.bytes + 10_000)
        #expect(asker.ask(first, at: clock) == "main")
        #expect(asker.errands.isEmpty, "it is open and read still")
        // The large one is read again, after a pause.
        #expect(asker.ask(second, at: clock) == nil)
        #expect(asker.ask(second, at: later(10_001)) == "f1000")
    }

    @Test("Making names readable is work on the file: who wants it no more can end it")
    func demangling() throws {
        let path = try compile(["functions.c"], in: directory)
        let image = try OpenImage(descriptor(path))
        var explanation = Explanation(isWanted: false)
        let table = try ImageSymbols(reading: image, debugFiles: nil, explanation: &explanation)
        let share = ReadingPermit.Share()
        let reading = { ReadingPermit(share) }
        func read() throws -> ImageStore.Reading { try self.read(image, table, reading()) }
        let found = try read()
        #expect(found.answers.count == 1 && found.refusal == nil)
        share.stop()
        let stopped = try read()
        #expect(stopped.answers.isEmpty && stopped.refusal == .stopped && stopped.unanswered.count == 1)
    }

    private func read(
        _ image: OpenImage, _ table: ImageSymbols, _ permit: ReadingPermit
    ) throws -> ImageStore.Reading {
        let question = Question(
            location: Location(space: SpaceID(SpaceID.firstImage), value: 0), explanation: Explanation(isWanted: false))
        let start = try #require(table.codeRange?.lowerBound)
        let candidates = (0..<4096 as Range<UInt64>).map { start &- $0 * 4096 }
        let offset = try #require(candidates.first { table.imageAddress(of: FileOffset($0)) == ImageAddress(start) })
        return ImageStore.Reading(
            ImageStore.TableKey(try #require(image.file.place), image.stamp), Lent(image),
            DebugFiles(ofImageAt: Array("/none".utf8), processRoot: ""), Lent(table),
            [ImageStore.Asked(question: question, offset: FileOffset(offset), module: Module(name: "test"))],
            isExplained: false, permit)
    }

    @Test("A table that turns out to make no sense is given up; only a file that was written to has changed")
    func malformed() throws {
        let text: UInt64 = 0x40_1000
        // Out of order, far behind what is read before such a table is searched.
        let functions = (0..<10_000).map { (start: UInt64($0 == 9000 ? 16 : 16 * $0), name: "f") }
        let table = MadeGoTable(layout: .go20, text: text, functions: functions, end: 160_000)
        var made = MadeImage(code: [text..<text + 160_000])
        made.constants = table.bytes
        let path = try directory.write(made.bytes, to: "made")
        let image = try OpenImage(descriptor(path))
        var explanation = Explanation(isWanted: false)
        let symbols = try ImageSymbols(
            reading: image, debugFiles: nil, share: ImageSymbols.Share(functions: 0), explanation: &explanation)
        try #require(symbols.isSparse)
        let reading = try read(image, symbols, .unlimited)
        #expect(!reading.isChanged)
        #expect(reading.refusal == .imageUnreadable(errno: ENOEXEC))
        try touch(path)
        let again = try read(image, symbols, .unlimited)
        #expect(again.isChanged)
    }
}
