import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("ProcessScan: processes that nothing tells of")
struct ProcessScanTests {
    private let proc = FakeProc()
    private let now = Instant.now

    private func scan(followed: Set<Int32> = [], user: UInt32 = geteuid()) -> ProcessScan {
        ProcessScan(user: user, followed: followed, since: now, proc: proc.reader)
    }

    /// Clock ticks after boot of so many seconds from now.
    private func ticks(after seconds: Double) -> UInt64 {
        UInt64((Double(now.nanoseconds) / 1e9 + seconds) * Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    @Test("One that has come from elsewhere is found, once")
    func stranger() {
        proc.writeStat(100)
        var scan = scan(followed: [100])
        #expect(scan.look() == [])
        proc.writeStat(200, parent: 1, startTicks: ticks(after: 5))
        proc.writeStat(201, parent: 1, startTicks: ticks(after: 5))
        #expect(scan.look() == [200, 201])
        scan.follow(200, since: now)
        scan.refuse(201)
        #expect(scan.look() == [])
    }

    @Test("One that could not be given counters yet is asked for again")
    func again() {
        proc.writeStat(200, parent: 1)
        var scan = scan()
        #expect(scan.look() == [200])
        #expect(scan.look() == [200])
        scan.follow(200, since: now)
        #expect(scan.look() == [])
    }

    @Test("What a process forks that could not be followed has no counters: a login's shell")
    func refusedParent() {
        proc.writeStat(400, parent: 1, startTicks: ticks(after: -5))
        var scan = scan()
        #expect(scan.look() == [400])
        scan.refuse(400)
        proc.writeStat(401, parent: 400, startTicks: ticks(after: 30))
        #expect(scan.look() == [401])
    }

    @Test("A child of a followed process has its counters already, and so have the child's own")
    func child() {
        proc.writeStat(100)
        var scan = scan(followed: [100])
        proc.writeStat(300, parent: 100, startTicks: ticks(after: 2))
        proc.writeStat(301, parent: 300, startTicks: ticks(after: 2.1))
        #expect(scan.look() == [])
    }

    @Test("A child from before its parent was followed has none")
    func olderChild() {
        proc.writeStat(100)
        var scan = scan(followed: [100])
        proc.writeStat(300, parent: 100, startTicks: ticks(after: -2))
        #expect(scan.look() == [300])
    }

    @Test("A newcomer's children were there before it had counters: they are newcomers too")
    func family() {
        var scan = scan()
        proc.writeStat(500, parent: 1, startTicks: ticks(after: -1))
        proc.writeStat(501, parent: 500, startTicks: ticks(after: -1))
        #expect(scan.look() == [500, 501])
    }

    @Test("Others' processes are left alone; a pid that comes back is another process")
    func others() {
        proc.writeStat(600)
        var scan = scan(user: geteuid() + 1)
        #expect(scan.look() == [])
        var own = self.scan()
        #expect(own.look() == [600])
        own.follow(600, since: now)
        #expect(own.look() == [])
        proc.remove(600)
        #expect(own.look() == [])
        proc.writeStat(600, parent: 1)
        #expect(own.look() == [600])
    }

    @Test("This process is never found, nor one whose entry cannot be understood")
    func hostile() {
        proc.writeStat(getpid())
        proc.write(700, "stat", "nonsense (\u{0}) )) S")
        var scan = scan(followed: [100])
        #expect(scan.look() == [700], "it is ours; what it comes from cannot be told")
    }
}
