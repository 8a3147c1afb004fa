import SampleEngine
import SampleEngineTestSupport
import Testing

private typealias Build = RecordBuilder

/// Maps a file of 0x1000 bytes at an address.
private func map(_ pid: Int32, _ path: String, at start: UInt64 = 0x1000, time: UInt64) -> [UInt8] {
    Build.mmap2(pid: pid, start: start, length: 0x1000, path: path, time: time)
}

@Suite("ProcessTable: a sample belongs to what was there at its time")
struct ProcessTableTests {
    /// The path of the image that an address of a process belongs to at a time; nil where it is unmapped.
    private func path(
        _ table: inout ProcessTable, _ images: inout [SpaceID: String], _ pid: Int32, _ address: UInt64 = 0x1010,
        at time: UInt64
    ) -> String? {
        for image in table.sightings().images { images[image.space] = String(decoding: image.path, as: UTF8.self) }
        let location = table.place(pid, address, at: time).location
        return location.space.isImage ? images[location.space] : nil
    }

    @Test("Exec starts anew: old mappings are gone, earlier samples still find them")
    func exec() {
        var table = ProcessTable(wanted: nil)
        var images: [SpaceID: String] = [:]
        table.feed(map(7, "/old", time: 10))
        table.feed(map(7, "/old-only", at: 0x8000, time: 11))
        table.feed(Build.comm(pid: 7, "new", exec: true, time: 20))
        table.feed(map(7, "/new", time: 21))
        #expect(path(&table, &images, 7, at: 15) == "/old")
        #expect(path(&table, &images, 7, at: 25) == "/new")
        #expect(path(&table, &images, 7, 0x8010, at: 15) == "/old-only")
        #expect(path(&table, &images, 7, 0x8010, at: 25) == nil)
        #expect(table.place(7, 0, at: 19).generation != table.place(7, 0, at: 20).generation)
    }

    @Test("A fork without exec inherits what the parent had then, and no more")
    func forkInherits() {
        var table = ProcessTable(wanted: nil)
        var images: [SpaceID: String] = [:]
        table.feed(map(7, "/a", time: 10))
        table.feed(Build.fork(pid: 8, parent: 7, time: 20))
        table.feed(map(7, "/late", at: 0x8000, time: 30))
        table.feed(map(8, "/own", time: 40))
        #expect(path(&table, &images, 8, at: 25) == "/a")
        #expect(path(&table, &images, 8, 0x8010, at: 35) == nil)
        #expect(path(&table, &images, 8, at: 45) == "/own")
        #expect(path(&table, &images, 7, at: 45) == "/a")
        #expect(table.place(7, 0, at: 25).generation != table.place(8, 0, at: 25).generation)
    }

    @Test("A new thread is no new process")
    func threadFork() {
        var table = ProcessTable(wanted: nil)
        var images: [SpaceID: String] = [:]
        table.feed(map(7, "/a", time: 10))
        let before = table.place(7, 0, at: 10).generation
        table.feed(Build.fork(pid: 7, parent: 7, thread: 9, time: 20))
        #expect(table.place(7, 0, at: 30).generation == before)
        #expect(path(&table, &images, 7, at: 30) == "/a")
    }

    @Test("Exit of a thread ends nothing; the leader's ends the process, whose late samples keep their names")
    func exit() {
        var table = ProcessTable(wanted: nil)
        var images: [SpaceID: String] = [:]
        table.feed(map(7, "/a", time: 10))
        table.feed(Build.exit(pid: 7, thread: 8, time: 20))
        table.forget(before: 30)
        #expect(path(&table, &images, 7, at: 31) == "/a")
        table.feed(Build.exit(pid: 7, time: 40))
        #expect(path(&table, &images, 7, at: 39) == "/a")
        table.forget(before: 40)
        #expect(path(&table, &images, 7, at: 40) == "/a", "as long as a sample could be that old")
        _ = table.sightings()
        table.forget(before: 41)
        #expect(path(&table, &images, 7, at: 42) == nil)
    }

    @Test("A pid used again is another process; samples from before it still belong to the first")
    func pidReuse() {
        var table = ProcessTable(wanted: nil)
        var images: [SpaceID: String] = [:]
        table.feed(Build.fork(pid: 8, parent: 7, time: 10))
        table.feed(map(8, "/first", time: 11))
        table.feed(Build.exit(pid: 8, time: 20))
        table.feed(Build.fork(pid: 8, parent: 9, time: 30))
        table.feed(map(8, "/second", time: 31))
        #expect(path(&table, &images, 8, at: 15) == "/first")
        #expect(path(&table, &images, 8, at: 35) == "/second")
        let generations = Set([15, 35].map { table.place(8, 0, at: $0).generation })
        #expect(generations.count == 2)
        _ = table.sightings()
        table.forget(before: 32)
        #expect(path(&table, &images, 8, at: 35) == "/second", "forgetting the first leaves the second")
    }

    @Test("A long chain of generations of one pid: every time finds its own")
    func manyGenerations() {
        var table = ProcessTable(wanted: nil)
        var images: [SpaceID: String] = [:]
        for turn in 1...200 as ClosedRange<UInt64> {
            table.feed(Build.comm(pid: 7, "x", exec: true, time: turn * 10))
            table.feed(map(7, "/\(turn)", time: turn * 10 + 1))
        }
        for turn in 1...200 as ClosedRange<UInt64> {
            #expect(path(&table, &images, 7, at: turn * 10 + 5) == "/\(turn)")
        }
        _ = table.sightings()
        table.forget(before: 1500)
        for turn in 150...200 as ClosedRange<UInt64> {
            #expect(path(&table, &images, 7, at: turn * 10 + 5) == "/\(turn)")
        }
    }

    @Test("A process that was there before us holds from the beginning, and is asked for in /proc under its own name")
    func unknownProcess() {
        var table = ProcessTable(wanted: nil)
        let place = table.place(7, 0x1010, at: 50)
        #expect(place.location == Location(space: .unmapped(place.generation), value: 0x1010))
        #expect(table.place(7, 0x1010, at: 1).generation == place.generation)
        let sighting = table.sightings().processes
        #expect(sighting.map(\.pid) == [7])
        #expect(sighting.first?.comm == nil)
        #expect(sighting.first?.firstSeen == 50)
    }

    @Test("What a forked child has from an unknown parent is asked for in the parent's /proc")
    func originOfFork() {
        var table = ProcessTable(wanted: nil)
        let parent = table.place(7, 0x1010, at: 5).generation
        table.feed(Build.fork(pid: 8, parent: 7, time: 10))
        table.feed(Build.fork(pid: 9, parent: 8, time: 20))
        #expect(table.place(9, 0x1010, at: 30).location.space == .unmapped(parent))
        table.feed(Build.comm(pid: 9, "x", exec: true, time: 40))
        let after = table.place(9, 0x1010, at: 50)
        #expect(after.location.space == .unmapped(after.generation), "after exec nothing is the parent's")
    }

    @Test("After a loss nothing is known of mappings: no name of what was there before, and /proc is asked anew")
    func loss() {
        var table = ProcessTable(wanted: nil)
        table.feed(map(7, "/bin/before", time: 10))
        #expect(table.place(7, 0x1010, at: 11).location.space.isImage)
        let told = table.sightings().processes
        #expect(told.map(\.lastLoss) == [0])
        table.noteLoss(at: 20)
        let after = table.place(7, 0x1010, at: 21)
        #expect(after.location == Location(space: .unmapped(after.generation), value: 0x1010))
        let news = table.sightings().processes
        #expect(news.map(\.lastLoss) == [20])
        #expect(news.allSatisfy { $0.mappings.isEmpty })
        // What comes later is believed again.
        table.feed(map(7, "/bin/after", time: 30))
        #expect(table.place(7, 0x1010, at: 31).location.space.isImage)
    }

    @Test("After a loss a forked child is asked for under its own name: it may be another program by now")
    func lossInChild() {
        var table = ProcessTable(wanted: nil)
        table.feed(map(7, "/bin/parent", time: 10))
        table.feed(Build.fork(pid: 8, parent: 7, time: 11))
        table.noteLoss(at: 20)
        let child = table.place(8, 0x1010, at: 21)
        #expect(child.location.space == .unmapped(child.generation))
    }

    @Test("The same file is one image in every process; another inode or path is another")
    func images() {
        var table = ProcessTable(wanted: nil)
        table.feed(map(1, "/a", time: 1))
        table.feed(map(2, "/a", at: 0x7000, time: 2))
        table.feed(map(3, "/b", time: 3))
        table.feed(
            Build.mmap2(
                pid: 4, start: 0x1000, length: 0x1000, file: .inode(major: 8, minor: 1, inode: 43, generation: 0),
                path: Array("/a".utf8), time: 4))
        let spaces = [1, 2, 3, 4].map { pid in table.place(pid, pid == 2 ? 0x7010 : 0x1010, at: 9).location }
        #expect(spaces[0] == spaces[1])
        #expect(Set(spaces.map(\.space)).count == 3)
        let seen = table.sightings().images
        #expect(seen.count == 3)
        #expect(seen.first { $0.space == spaces[0].space }?.pid == 2, "the newest place to open it")
        #expect(table.sightings().images.isEmpty, "told once")
    }

    @Test("A memfd is an image if it has a build-id; else its addresses are the process's own")
    func memoryFiles() {
        var table = ProcessTable(wanted: nil)
        let path = Array("/memfd:doublemapper (deleted)".utf8)
        table.feed(Build.mmap2(pid: 7, start: 0x1000, length: 0x1000, offset: 0x5000, path: path, time: 1))
        table.feed(
            Build.mmap2(
                pid: 7, start: 0x8000, length: 0x1000, offset: 0x5000, file: .buildID(Array(1...20)), path: path,
                time: 1))
        let code = table.place(7, 0x1010, at: 2)
        #expect(code.location == Location(space: .anonymous(code.generation), value: 0x1010))
        let library = table.place(7, 0x8010, at: 2).location
        #expect(library.space.isImage)
        #expect(library.value == 0x5010)
    }

    @Test(
        "Memory that is no file keeps its run-time addresses",
        arguments: [
            "//anon", "[heap]", "[stack]", "[stack:123]", "[anon:jit]", "/dev/zero", "/anon_hugepage (deleted)",
            "/SYSV00000000", "",
        ])
    func memory(path: String) {
        var table = ProcessTable(wanted: nil)
        table.feed(map(7, path, time: 1))
        let place = table.place(7, 0x1010, at: 2)
        #expect(place.location == Location(space: .anonymous(place.generation), value: 0x1010))
        #expect(table.sightings().processes.first?.mappings.count == 1, "the resolver needs the range")
    }

    @Test("The vdso is one space for all, by offset into it")
    func vdso() {
        var table = ProcessTable(wanted: nil)
        table.feed(
            Build.mmap2(pid: 7, start: 0x7fff_0000_5000, length: 0x2000, offset: 99, path: "[vdso]", time: 1))
        #expect(table.place(7, 0x7fff_0000_5123, at: 2).location == Location(space: .vdso, value: 0x123))
    }

    @Test("A 32-bit process has a vdso of its own, and the kernel's other pages have names that /proc knows")
    func otherPages() {
        var table = ProcessTable(wanted: nil)
        table.feed(Build.mmap2(pid: 7, start: 0x5000, length: 0x2000, offset: 99, path: "[vdso]", time: 1))
        table.feed(
            Build.mmap2(pid: 7, start: 0x7fff_ffff_e000, length: 0x1000, offset: 0, path: "[uprobes]", time: 1))
        for address in [0x5123, 0x7fff_ffff_e010] as [UInt64] {
            let place = table.place(7, address, at: 2)
            #expect(place.location == Location(space: .unmapped(place.generation), value: address))
        }
    }
}

@Suite("ProcessTable: names, and what the resolver is told")
struct SightingTests {
    @Test("A rename by the leader is the process's name; a thread's name is not")
    func rename() {
        var table = ProcessTable(wanted: nil)
        table.feed(Build.comm(pid: 7, "first", time: 1))
        table.feed(Build.comm(pid: 7, thread: 8, "worker", time: 2))
        _ = table.place(7, 0, at: 3)
        #expect(table.sightings().processes.map(\.comm) == [Array("first".utf8)])
        table.feed(Build.comm(pid: 7, "second", time: 4))
        _ = table.place(7, 0, at: 5)
        #expect(table.sightings().processes.map(\.comm) == [Array("second".utf8)])
    }

    @Test("A fork takes the name along, an exec brings its own")
    func inheritedName() {
        var table = ProcessTable(wanted: nil)
        table.feed(Build.comm(pid: 7, "shell", time: 1))
        table.feed(Build.fork(pid: 8, parent: 7, time: 2))
        let child = table.place(8, 0, at: 3).generation
        table.feed(Build.comm(pid: 8, "ls", exec: true, time: 4))
        let program = table.place(8, 0, at: 5).generation
        let parent = table.place(7, 0, at: 5).generation
        let told = table.sightings().processes
        #expect(told.first { $0.generation == child }?.comm == Array("shell".utf8))
        #expect(told.first { $0.generation == program }?.comm == Array("ls".utf8))
        #expect(told.first { $0.generation == child }?.death == 4)
        #expect(told.first { $0.generation == child }?.parent == parent)
    }

    @Test("Each process is told once, and again only when there is news")
    func once() {
        var table = ProcessTable(wanted: nil)
        table.feed(Build.comm(pid: 7, "x", time: 1))
        table.feed(map(7, "/a", time: 1))
        for time in 2...10 as ClosedRange<UInt64> { _ = table.place(7, 0x1010, at: time) }
        #expect(table.sightings().processes.count == 1)
        _ = table.place(7, 0x1010, at: 11)
        #expect(table.sightings().processes.isEmpty)
        table.feed(Build.comm(pid: 7, "y", time: 12))
        _ = table.place(7, 0x1010, at: 13)
        #expect(table.sightings().processes.count == 1)
    }

    @Test("A parent of many children is told once")
    func manyChildren() {
        var table = ProcessTable(wanted: nil)
        for child in 0..<100 as Range<Int32> { table.feed(Build.fork(pid: 100 + child, parent: 7, time: 5)) }
        #expect(table.sightings().processes.map(\.pid) == [7])
    }

    @Test("The end of a process that was told of is told too, sampled again or not")
    func deathIsTold() {
        var table = ProcessTable(wanted: nil)
        let generation = table.place(7, 0, at: 5).generation
        #expect(table.sightings().processes.map(\.death) == [nil])
        table.feed(Build.exit(pid: 7, time: 9))
        let told = table.sightings().processes
        #expect(told.map(\.generation) == [generation])
        #expect(told.map(\.death) == [9])
    }

    @Test("The end of a process that was never sampled is nobody's news")
    func unsampledDeath() {
        var table = ProcessTable(wanted: nil)
        table.feed(Build.comm(pid: 7, "x", time: 1))
        table.feed(Build.exit(pid: 7, time: 9))
        #expect(table.sightings().processes.isEmpty)
    }
}

@Suite("ProcessTable: only the wanted")
struct WantedTests {
    private func isWanted(_ table: inout ProcessTable, _ pid: Int32, at time: UInt64) -> Bool {
        let life = table.life(of: pid, at: time)
        return table.isWanted(life)
    }

    @Test("Without a list all are wanted")
    func all() {
        var table = ProcessTable(wanted: nil)
        for pid in [-1, 0, 7] as [Int32] { #expect(isWanted(&table, pid, at: 1)) }
    }

    @Test("The named ones, their children and grandchildren, before and after exec; nobody else")
    func children() {
        var table = ProcessTable(wanted: [7])
        table.feed(Build.fork(pid: 8, parent: 7, time: 1))
        table.feed(Build.fork(pid: 9, parent: 8, time: 2))
        table.feed(Build.comm(pid: 9, "x", exec: true, time: 3))
        table.feed(Build.fork(pid: 20, parent: 19, time: 4))
        table.feed(Build.comm(pid: 7, "x", exec: true, time: 5))
        for pid in [7, 8, 9] as [Int32] { #expect(isWanted(&table, pid, at: 6)) }
        for pid in [19, 20, 0, -1] as [Int32] { #expect(!isWanted(&table, pid, at: 6)) }
    }

    @Test("A stranger who gets a wanted pid later is not wanted")
    func reuse() {
        var table = ProcessTable(wanted: [7])
        #expect(isWanted(&table, 7, at: 1))
        table.feed(Build.exit(pid: 7, time: 2))
        table.feed(Build.fork(pid: 7, parent: 50, time: 3))
        #expect(!isWanted(&table, 7, at: 4))
        #expect(isWanted(&table, 7, at: 1))
    }
}
