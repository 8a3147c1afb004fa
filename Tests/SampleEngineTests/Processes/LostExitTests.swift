import SampleEngine
import SampleEngineTestSupport
import Testing

private typealias Build = RecordBuilder

@Suite("ProcessTable: who ended while records were lost is not kept for ever")
struct LostExitTests {
    private let first: Int32 = 100

    /// A table that was told of the beginnings of so many processes, and has told of them.
    private func table(of count: Int32, wanted: [Int32]? = nil, lifeLimit: Int = 65_536) -> ProcessTable {
        var table = ProcessTable(wanted: wanted, lifeLimit: lifeLimit)
        for pid in first..<first + count {
            table.feed(Build.fork(pid: pid, parent: 7, time: 10))
            _ = table.place(pid, 0x1000, at: 11)
        }
        _ = table.sightings()
        return table
    }

    @Test(
        "Those that are not there any more end, each once; the others live on",
        arguments: [1, 1023, 1025, 5000] as [Int32])
    func missing(count: Int32) {
        var table = table(of: count)
        table.noteLoss(at: 20)
        var ended: [Int32] = []
        for look in 0..<6 as Range<UInt64> {
            table.endMissing(at: 30 + look) { $0 % 2 == 0 }
            ended += table.sightings().processes.filter { $0.death != nil }.map(\.pid)
        }
        // Their parent has an odd number too.
        let odd = (first..<first + count).filter { $0 % 2 != 0 }
        #expect(ended.sorted() == [7] + odd)
        table.forget(before: 100)
        #expect(table.lifeCount == Int(count) - odd.count)
    }

    @Test("One look takes its time from a thousand of them, however many there are")
    func bounded() {
        var table = table(of: 5000)
        var asked = 0
        table.endMissing(at: 30) { _ in
            asked += 1
            return true
        }
        #expect(asked <= 1024)
    }

    @Test("An exit that is read after it was found missing changes nothing; who gets the pid next is another")
    func exitComesLate() {
        var table = table(of: 1)
        let before = table.place(first, 0x1000, at: 12).generation
        table.endMissing(at: 30) { _ in false }
        table.feed(Build.exit(pid: first, time: 25))
        #expect(table.place(first, 0x1000, at: 24).generation == before)
        table.feed(Build.fork(pid: first, parent: 7, time: 40))
        let after = table.place(first, 0x1000, at: 41).generation
        #expect(after != before)
        _ = table.sightings()
        table.forget(before: 100)
        table.forget(before: 100)
        #expect(table.place(first, 0x1000, at: 101).generation == after)
    }

    @Test("The target has ended when the last of its processes is missing")
    func wanted() {
        var table = table(of: 1, wanted: [7])
        let before = table.hasLivingWanted
        table.noteLoss(at: 20)
        table.endMissing(at: 30) { _ in false }
        let after = table.hasLivingWanted
        #expect(before && !after)
    }

    @Test("The child of one that was found missing is his, where its beginning is read only then")
    func childComesLate() {
        var table = table(of: 1, wanted: [7])
        table.endMissing(at: 30) { _ in false }
        table.feed(Build.fork(pid: 5000, parent: 7, time: 25))
        let child = table.life(of: 5000, at: 31)
        #expect(table.isWanted(child) == true)
        let isLiving = table.hasLivingWanted
        #expect(isLiving)
    }

    @Test("Whatever the records say, there are not more of them than the bound; the oldest and the unwanted go first")
    func limited() {
        var table = ProcessTable(wanted: [100], lifeLimit: 1000)
        var most = 0
        var time: UInt64 = 10
        _ = table.place(100, 0x1000, at: time)
        for pid in 101..<20_000 as Range<Int32> {
            time += 1
            table.feed(Build.fork(pid: pid, parent: pid % 100 == 0 ? 100 : 7, time: time))
            _ = table.place(pid, 0x1000, at: time)
            if table.isCrowded {
                _ = table.sightings()
                table.forget(before: time)
            }
            most = max(most, table.lifeCount)
        }
        #expect(most <= 1250)
        let child = table.life(of: 200, at: time)
        #expect(table.isWanted(child) == true, "a wanted one is known by its beginning still")
        let other = table.life(of: 199, at: time)
        #expect(table.isWanted(other) == false)
        let isSaid = (table.takeRetirement(), table.takeRetirement())
        #expect(isSaid == (true, false))
    }
}
