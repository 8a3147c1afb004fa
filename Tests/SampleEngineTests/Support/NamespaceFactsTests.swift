import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Which /proc, which users")
struct NamespaceFactsTests {
    /// A folder in which process 7 is the one that asks.
    private func proc(_ status: String, link: String? = "7") -> FakeProc {
        let proc = FakeProc()
        proc.write(7, "status", status)
        if let link { unsafe symlink(link, proc.root + "/self") }
        return proc
    }

    private func forget(_ proc: FakeProc) { unsafe unlink(proc.root + "/self") }

    @Test(
        "A folder is ours where it gives us our own number, and no other one beside it",
        arguments: [
            ("Pid:\t7\nNSpid:\t7\n", "7", 7, true), ("Pid:\t7\n", "7", 7, true),
            // Of an outer namespace, which gives us one more number; by chance the same one.
            ("Pid:\t7\nNSpid:\t7\t2\n", "7", 2, false), ("Pid:\t7\nNSpid:\t7\t7\n", "7", 7, false),
            // Of an inner one, where we are nobody; none at all.
            ("Pid:\t7\nNSpid:\t7\n", "", 7, false), ("Pid:\t7\nNSpid:\t7\n", nil, 7, false),
        ] as [(String, String?, Int32, Bool)])
    func ours(status: String, link: String?, pid: Int32, isOurs: Bool) {
        let proc = proc(status, link: link)
        defer { forget(proc) }
        #expect(ProcFolder.isOurs(proc.root, pid: pid) == isOurs)
    }

    @Test("Here it is ours, and nothing is read where none is")
    func here() {
        #expect(ProcFolder.isOurs("/proc") == (ProcFolder.root == "/proc"))
        let nowhere = ProcReader(root: "/dev/null")
        #expect(nowhere.comm(of: 1) == nil && nowhere.startTime(of: 1) == nil && nowhere.maps(of: 1, wanted: []) == nil)
        #expect(nowhere.processes().isEmpty && nowhere.user(of: 1) == nil && nowhere.parent(of: 1) == nil)
    }

    @Test(
        "The number that stands for all users of elsewhere is nobody's",
        arguments: [
            ("         0          0 4294967295\n", 65_534, true), ("0 1000 1\n", 65_534, false),
            ("0 1000 1\n", 0, true),
            ("0 1000 1\n1 100000 65536\n", 65_534, false), ("0 1000 1\n", 1000, true), ("", 65_534, false),
            ("0 0 4294967295\n", 0, true), ("", 0, true),
        ] as [(String, UInt32, Bool)])
    func users(map: String, user: UInt32, tells: Bool) {
        #expect(UserNumbers(map: Array(map.utf8), overflow: 65_534).tell(user) == tells)
    }

    @Test("A process of such a user has none")
    func hiddenUser() throws {
        let proc = FakeProc()
        proc.writeStat(7)
        let overflow = geteuid()
        #expect(ProcReader(root: proc.root, users: UserNumbers(map: [], overflow: overflow)).user(of: 7) == nil)
        #expect(
            ProcReader(root: proc.root, users: UserNumbers(map: [], overflow: overflow + 1)).user(of: 7) == overflow)
    }

    @Test("A start before the time namespace's boot wraps around, and comes out right")
    func wrapped() throws {
        let proc = FakeProc()
        let perSecond = UInt64(sysconf(Int32(_SC_CLK_TCK)))
        proc.writeStat(7, startTicks: (UInt64.max - 5_000_000_000) / (1_000_000_000 / perSecond))
        // Five seconds before: of a clock that never slept, before 0.
        #expect(try #require(proc.reader.startTime(of: 7)) < 1_000_000_000)
    }
}
