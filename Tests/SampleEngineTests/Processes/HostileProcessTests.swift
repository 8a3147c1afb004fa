import SampleEngine
import SampleEngineTestSupport
import Testing

private typealias Build = RecordBuilder

@Suite("ProcessTable: values no sane kernel sends, and storms it does send")
struct HostileProcessTests {
    @Test("Pid 0 stands for every task outside our pid namespace: their mappings are not one address space")
    func pidZeroHasNoMappings() {
        for pid in [0, -1] as [Int32] {
            var table = ProcessTable(wanted: nil)
            table.feed(Build.mmap2(pid: pid, start: 0x1000, length: 0x1000, path: "/outside", time: 1))
            let place = table.place(pid, 0x1010, at: 2)
            #expect(place.generation == (pid == 0 ? .idle : .exiting))
            #expect(place.location.space.isUnmapped)
        }
    }

    @Test("A range that runs past the end of memory is passed over, the largest that does not is taken")
    func overflowingRange() {
        var table = ProcessTable(wanted: nil)
        table.feed(Build.mmap2(pid: 7, start: .max - 5, length: 10, path: "/a", time: 1))
        table.feed(Build.mmap2(pid: 7, start: 10, length: .max, path: "/a", time: 1))
        #expect(table.place(7, .max - 1, at: 2).location.space.isUnmapped)
        table.feed(Build.mmap2(pid: 7, start: 0, length: .max, offset: .max, path: "/a", time: 3))
        #expect(table.place(7, 5, at: 4).location.space.isImage)
        #expect(table.place(7, 5, at: 4).location.value == 4)
        table.feed(Build.mmap2(pid: 7, start: 5, length: 0, path: "/b", time: 5))
        #expect(table.place(7, 5, at: 6).location.value == 4)
    }

    @Test("Any sequence of records with any pids and times is survived", arguments: 0..<30)
    func anything(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        var table = ProcessTable(wanted: seed % 2 == 0 ? nil : [1, 2])
        let pids: [Int32] = [.min, -1, 0, 1, 2, 3, .max]
        func pid() -> Int32 { pids[random.below(pids.count)] }
        var time: UInt64 = 0
        for _ in 0..<2000 {
            time &+= UInt64(random.below(4))
            // Mostly in order, as merged records are; at times not.
            let at = random.below(20) == 0 ? random.next() : time
            switch random.below(8) {
            case 0: table.feed(Build.fork(pid: pid(), parent: pid(), thread: pid(), time: at))
            case 1: table.feed(Build.exit(pid: pid(), thread: pid(), time: at))
            case 2: table.feed(Build.comm(pid: pid(), thread: pid(), "x", exec: random.below(2) == 0, time: at))
            case 3:
                table.feed(
                    Build.mmap2(
                        pid: pid(), start: random.next() >> random.below(64), length: random.next() >> random.below(64),
                        path: "/\(random.below(9))", time: at))
            case 4: _ = table.sightings()
            case 5: table.forget(before: at)
            default: _ = table.place(pid(), random.next() >> random.below(64), at: at)
            }
        }
    }

    @Test("Processes without number that fork, exec, map, run and exit leave nothing behind")
    func storm() {
        var table = ProcessTable(wanted: nil)
        table.feed(Build.comm(pid: 7, "shell", time: 1))
        var time: UInt64 = 10
        var most = 0
        for number in 0..<(Machine.isFull ? 100_000 : 31_000) as Range<Int32> {
            // Pids come round again after 30,000, as the kernel's do.
            let pid = 1000 + number % 30_000
            table.feed(Build.fork(pid: pid, parent: 7, time: time))
            table.feed(Build.comm(pid: pid, "true", exec: true, time: time + 1))
            table.feed(Build.mmap2(pid: pid, start: 0x1000, length: 0x1000, path: "/bin/true", time: time + 2))
            _ = table.place(pid, 0x1010, at: time + 3)
            table.feed(Build.exit(pid: pid, time: time + 4))
            time += 5
            if number % 500 == 499 {
                table.forget(before: time - 2500)
                most = max(most, table.lifeCount)
                _ = table.sightings()
            }
        }
        table.forget(before: time)
        #expect(most < 5000)
        #expect(table.lifeCount <= 2, "the shell is left")
        #expect(table.sightings().images.isEmpty)
    }

    @Test("Exec after exec of tasks without a pid of ours leaves nothing behind", arguments: [0, -1] as [Int32])
    func execOfOutsiders(pid: Int32) {
        var table = ProcessTable(wanted: nil)
        for turn in 1...1000 as ClosedRange<UInt64> {
            table.feed(Build.comm(pid: pid, "x", exec: true, time: turn))
            _ = table.place(pid, 1, at: turn)
            _ = table.sightings()
            table.forget(before: turn)
        }
        #expect(table.lifeCount < 10)
    }
}
