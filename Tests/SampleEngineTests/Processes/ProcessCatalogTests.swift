import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

private typealias Build = RecordBuilder

@Suite("ProcessCatalog: the sampler's sightings, filled up from /proc")
struct ProcessCatalogTests {
    private let proc = FakeProc()
    /// Later than any start time written here.
    private let late = Instant.now.nanoseconds + 1_000_000_000

    /// Samples a process and hands what is known to the catalog.
    private func see(
        _ pid: Int32, _ table: inout ProcessTable, _ catalog: inout ProcessCatalog, at time: UInt64
    ) -> Generation {
        let generation = table.place(pid, 0x1010, at: time).generation
        for sighting in table.sightings().processes { catalog.note(sighting) }
        return generation
    }

    @Test("A process that was there before us gets name, user and mappings from /proc")
    func oldProcess() {
        proc.writeStat(7)
        proc.write(7, "comm", "daemon\n")
        proc.write(
            7, "maps",
            "1000-2000 r-xp 500 8:1 5 /bin/daemon\n5000-6000 rwxp 0 0:0 0\n"
                + "7fff00003000-7fff00004000 r-xp 0 0:0 0 [vdso]\n")
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        let generation = see(7, &table, &catalog, at: late)
        let identity = catalog.identity(of: generation)
        #expect(identity?.pid == 7)
        #expect(identity?.comm == Array("daemon".utf8))
        #expect(identity?.user == geteuid())
        guard case .file(let line, let pid) = catalog.place(0x1010, in: generation, at: .now) else {
            Issue.record("not a file")
            return
        }
        #expect(line.path == Array("/bin/daemon".utf8))
        #expect(pid == 7)
        guard case .vdso(0x10) = catalog.place(0x7fff_0000_3010, in: generation, at: .now) else {
            Issue.record("not the vdso")
            return
        }
        guard case .memory(start: 0x5000) = catalog.place(0x5fff, in: generation, at: .now) else {
            Issue.record("not memory")
            return
        }
        guard case .unknown = catalog.place(0x9000, in: generation, at: .now) else {
            Issue.record("known")
            return
        }
    }

    @Test("Users are asked for as long as there is time: first who was never asked, then who was asked longest ago")
    func users() {
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        let generations = (7..<10 as Range<Int32>).map { pid in
            proc.writeStat(pid)
            proc.write(pid, "comm", "x\n")
            return see(pid, &table, &catalog, at: late)
        }
        for asked in 1...3 {
            // No time at all: one is asked still, another one each time.
            catalog.askUsers(of: Set(generations), for: 0)
            let known = generations.filter { catalog.knownUser(of: $0) == geteuid() }
            #expect(known.count == asked)
        }
    }

    @Test("After a loss of records /proc is asked for the name again; of who is gone the last one stays")
    func nameAfterLoss() {
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        for pid in [7, 8] as [Int32] {
            proc.writeStat(pid)
            proc.write(pid, "comm", "new\n")
            table.feed(RecordBuilder.comm(pid: pid, "old", exec: false, time: late))
        }
        let generations = [7, 8].map { see($0, &table, &catalog, at: late) }
        func names() -> [String] {
            generations.map { String(decoding: catalog.identity(of: $0)?.comm ?? [], as: UTF8.self) }
        }
        #expect(names() == ["old", "old"], "the record says so")
        table.noteLoss(at: late + 5)
        proc.remove(8)
        for pid in [7, 8] as [Int32] { _ = see(pid, &table, &catalog, at: late + 10) }
        #expect(names() == ["new", "old"])
        // What records tell from then on holds again.
        table.feed(RecordBuilder.comm(pid: 7, "newest", exec: false, time: late + 15))
        _ = see(7, &table, &catalog, at: late + 20)
        #expect(names() == ["newest", "old"])
    }

    @Test("What was read of maps before a loss of records is read again")
    func linesAfterLoss() {
        proc.writeStat(7)
        proc.write(7, "maps", "1000-2000 r-xp 0 8:1 5 /old\n")
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        let generation = see(7, &table, &catalog, at: late)
        func inode(at now: UInt64) -> UInt64? {
            let place = catalog.place(0x1010, in: generation, at: Instant(nanoseconds: now))
            guard case .file(let line, _) = place else { return nil }
            return line.inode
        }
        #expect(inode(at: late) == 5)
        proc.write(7, "maps", "1000-2000 r-xp 0 8:1 6 /new\n")
        table.noteLoss(at: late + 5)
        #expect(see(7, &table, &catalog, at: late + 10) == generation)
        #expect(inode(at: late + 20) == 6, "at once: nothing is known of it")
    }

    @Test("A line once read holds: maps is read again only for an address that it did not have, and not at once")
    func linesHold() {
        proc.writeStat(7)
        proc.write(7, "maps", "1000-2000 r-xp 0 8:1 5 /old\n")
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        let generation = see(7, &table, &catalog, at: late)
        func inode(_ address: UInt64, after milliseconds: UInt64) -> UInt64? {
            let now = Instant(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000)
            guard case .file(let line, _) = catalog.place(address, in: generation, at: now) else { return nil }
            return line.inode
        }
        #expect(inode(0x1010, after: 0) == 5)
        proc.write(7, "maps", "1000-2000 r-xp 0 8:1 6 /new\n3000-4000 r-xp 0 8:1 7 /more\n")
        #expect(inode(0x1010, after: 900) == 5, "nothing has to be read for it")
        #expect(inode(0x3010, after: 100) == nil, "too soon")
        #expect(inode(0x3010, after: 900) == 7)
    }

    @Test("A pid that is another process's by now is not asked")
    func pidReuse() {
        // Started long after the sample.
        proc.writeStat(7, startTicks: UInt64(sysconf(Int32(_SC_CLK_TCK))) * 1_000_000_000)
        proc.write(7, "comm", "stranger\n")
        proc.write(7, "maps", "1000-2000 r-xp 0 8:1 5 /stranger\n")
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        let generation = see(7, &table, &catalog, at: 1_000_000)
        let identity = catalog.identity(of: generation)
        #expect(identity != nil && identity?.comm == nil)
        guard case .unknown = catalog.place(0x1010, in: generation, at: .now) else {
            Issue.record("a stranger's mapping")
            return
        }
    }

    @Test("A child that is gone takes name and user from its ancestors, however long the chain")
    func longChain() {
        proc.writeStat(7)
        proc.write(7, "comm", "walker\n")
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        _ = see(7, &table, &catalog, at: late)
        var generation = Generation.idle
        for step in 0..<20_000 as Range<Int32> {
            let time = late + UInt64(step) + 1
            table.feed(Build.fork(pid: 1000 + step, parent: step == 0 ? 7 : 999 + step, time: time))
            if step > 0 { table.feed(Build.exit(pid: 999 + step, time: time)) }
        }
        generation = see(20_999, &table, &catalog, at: late + 30_000)
        let identity = catalog.identity(of: generation)
        #expect(identity?.comm == Array("walker".utf8))
        #expect(identity?.user == geteuid())
    }

    @Test("Once there are many, the dead are forgotten")
    func forget() {
        var table = ProcessTable(wanted: nil)
        var catalog = ProcessCatalog(proc: proc.reader)
        var generations: [Generation] = []
        for pid in 1...5000 as ClosedRange<Int32> {
            table.feed(Build.comm(pid: pid, "x", time: 1))
            generations.append(see(pid, &table, &catalog, at: 2))
            if pid % 2 == 0 { table.feed(Build.exit(pid: pid, time: 3)) }
        }
        for sighting in table.sightings().processes { catalog.note(sighting) }
        _ = catalog.forget(before: Instant(nanoseconds: 3))
        let stillThere = generations.allSatisfy { catalog.identity(of: $0) != nil }
        #expect(stillThere, "a sample could be that old")
        _ = catalog.forget(before: Instant(nanoseconds: 4))
        let known = [generations[0], generations[3]].map { catalog.identity(of: $0) != nil }
        #expect(known == [true, false], "alive, dead")
    }
}

extension ProcessCatalog {
    /// The place of an address, with what must be read for it read at once.
    fileprivate mutating func place(_ address: UInt64, in generation: Generation, at now: Instant) -> Place {
        var explanation = Explanation(isWanted: false)
        if let place = place(address, in: generation, at: now, &explanation) { return place }
        for scan in takeScans(at: now) { take(scan.run(at: now)) }
        return place(address, in: generation, at: now, &explanation) ?? .unknown(mayCome: false)
    }
}
