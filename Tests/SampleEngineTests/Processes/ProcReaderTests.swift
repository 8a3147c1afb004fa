import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("ProcReader: /proc as proc(5) describes it, and as hostile processes make it")
struct ProcReaderTests {
    private func parse(_ text: String) -> [MapLine] { parse(Array(text.utf8)) }

    private func parse(_ bytes: [UInt8]) -> [MapLine] {
        bytes.split(separator: UInt8(ascii: "\n")).compactMap { ProcReader.parse(line: $0) }
    }

    @Test("A line becomes range, offset, device, inode and path")
    func line() throws {
        let line = try #require(parse("7f3c1000-7f3c5000 r-xp 0001a000 103:02 1835       /usr/lib/libc.so.6\n").first)
        #expect(line.start == 0x7f3c1000)
        #expect(line.end == 0x7f3c5000)
        #expect(line.offset == 0x1a000)
        #expect(line.device == 0x103 | 2 << 32)
        #expect(line.inode == 1835)
        #expect(line.path == Array("/usr/lib/libc.so.6".utf8))
    }

    @Test("Mappings of code and of files are taken, and it is said which have code")
    func executable() {
        let text = """
            1000-2000 r--p 0 8:1 5 /a
            2000-3000 r-xp 0 8:1 5 /a
            3000-4000 rw-p 0 8:1 5 /a
            4000-5000 --xs 0 8:1 5 /a
            5000-6000 -x-p 0 8:1 5 /a
            6000-7000 rw-p 0 0:0 0
            7000-8000 r-xp 0 0:0 0
            """
        #expect(parse(text).map(\.start) == [0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x7000])
        #expect(parse(text).filter(\.isExecutable).map(\.start) == [0x2000, 0x4000, 0x7000])
    }

    @Test(
        "The path is the rest of the line: spaces, escapes, brackets and all",
        arguments: [
            "/opt/my program/a b", "/tmp/new\\012line", "/tmp/gone (deleted)", "[vdso]", "[heap]", "", "//anon",
            "/é/解析",
            "/memfd:jit (deleted)", "/a  two  spaces", "anon_inode:[perf_event]",
        ])
    func path(path: String) {
        #expect(parse("1000-2000 r-xp 00000000 00:00 0    \(path)\n").map(\.path) == [Array(path.utf8)])
    }

    @Test(
        "A line that is none is passed over, the ones around it stay",
        arguments: [
            "", " ", "garbage", "1000", "1000-", "-2000 r-xp 0 0:0 0", "2000-1000 r-xp 0 0:0 0",
            "1000-1000 r-xp 0 0:0 0",
            "xyz-2000 r-xp 0 0:0 0", "1000-2000", "1000-2000 r-", "1000-2000 r-xp", "1000-2000 r-xp zz 0:0 0",
            "1000-2000 r-xp 0 00 0", "1000-2000 r-xp 0 0:0:0 0", "1000-2000 r-xp 0 0:0 -1", "1000-2000 r-xp 0 0:0",
            "1000-20000000000000000 r-xp 0 0:0 0", "1-2-3 r-xp 0 0:0 0", "\0\0\0",
        ])
    func garbage(line: String) {
        #expect(parse("1000-2000 r-xp 0 0:0 1 /a\n\(line)\n3000-4000 r-xp 0 0:0 2 /b\n").map(\.inode) == [1, 2])
    }

    @Test("Huge lines, missing ends and random bytes are survived")
    func hostileBytes() {
        let long = String(repeating: "x", count: 1 << 20)
        #expect(parse("1000-2000 r-xp 0 0:0 1 /\(long)").map(\.path.count) == [1 + 1 << 20])
        var random = SeededRandom(3)
        let alphabet = Array("0123456789abcdef-: rxp/\n\0\u{ff}".utf8)
        for _ in 0..<300 {
            let bytes = (0..<random.below(200)).map { _ in alphabet[random.below(alphabet.count)] }
            for line in parse(bytes) { #expect(line.start < line.end) }
        }
    }

    @Test(
        "Name and start time are read whatever the name holds", arguments: ["prog", "a) b (c", ") 1 2 3", "((", "a b"])
    func startTime(comm: String) throws {
        let proc = FakeProc()
        let perSecond = UInt64(sysconf(Int32(_SC_CLK_TCK)))
        // Far from now, so that the time the machine has slept cannot push it below 0.
        proc.writeStat(7, comm: comm, startTicks: perSecond * 1_000_000)
        proc.writeStat(8, comm: "other", startTicks: perSecond * 1_000_001)
        proc.write(7, "comm", comm + "\n")
        let first = try #require(proc.reader.startTime(of: 7))
        let second = try #require(proc.reader.startTime(of: 8))
        // Each call asks the clocks anew: they agree to well below a tick.
        #expect(abs(Int64(second) - Int64(first) - 1_000_000_000) < 10_000_000)
        #expect(proc.reader.comm(of: 7) == Array(comm.utf8))
    }

    @Test("This process's own start lies a moment back")
    func ownStart() throws {
        let started = try #require(ProcReader().startTime(of: getpid()))
        #expect(started <= Instant.now.nanoseconds + 20_000_000)
        #expect(ProcReader().maps(of: getpid(), wanted: [])?.lines.isEmpty == false)
        #expect(ProcReader().user(of: getpid()) == geteuid())
    }

    @Test(
        "What is missing, cut or garbage is no answer",
        arguments: ["", "7", "7 (x) S 1 2", "7 (x", "7 (x) " + String(repeating: "z ", count: 30)])
    func badStat(text: String) {
        let proc = FakeProc()
        proc.write(7, "stat", text)
        #expect(proc.reader.startTime(of: 7) == nil)
        #expect(proc.reader.startTime(of: 8) == nil)
        #expect(proc.reader.comm(of: 8) == nil)
        #expect(proc.reader.user(of: 8) == nil)
        #expect(proc.reader.maps(of: 8, wanted: []) == nil)
    }

    @Test("Where the leader has exited, another thread shows what is mapped")
    func deadLeader() {
        let proc = FakeProc()
        proc.write(7, "maps", "")
        proc.write(7, "task/7/maps", "")
        proc.write(7, "task/9/maps", "")
        proc.write(9, "maps", "1000-2000 r-xp 0 0:0 1 /a\n")
        let maps = proc.reader.maps(of: 7, wanted: [])
        #expect(maps?.lines.map(\.inode) == [1])
        #expect(maps?.task == 9)
    }
}

@Suite("MapLine: text in other pages")
struct MovedTextTests {
    private func lines(_ text: String) -> [MapLine] {
        let proc = FakeProc()
        proc.write(7, "maps", text + "\n")
        return proc.reader.maps(of: 7, wanted: [])?.lines ?? []
    }

    @Test("Memory in a hole of a file's mapping has the file's offsets")
    func hole() {
        let lines = lines(
            """
            1000-2000 r-xp 1000 8:1 5 /a
            2000-4000 r-xp 0 0:0 0
            4000-5000 r-xp 0 0:0 0
            6000-7000 r--p 6000 8:1 5 /a
            """)
        #expect(lines.map(\.offset) == [0x1000, 0x2000, 0x4000])
        #expect(lines.map(\.isMoved) == [false, true, true])
        #expect(lines.allSatisfy { $0.inode == 5 && $0.path == Array("/a".utf8) })
        #expect(lines[2].witness == 0x1000..<0x2000, "the file is opened by the part that is mapped")
    }

    @Test(
        "Memory between two files, or between parts at other distances, is memory",
        arguments: ["4000-5000 r-xp 4000 8:1 6 /b", "4000-5000 r-xp 5000 8:1 5 /a", "4000-5000 r-xp 4000 8:1 5 /c", ""])
    func noHole(above: String) {
        let lines = lines("1000-2000 r-xp 1000 8:1 5 /a\n2000-4000 r-xp 0 0:0 0\n\(above)\n")
        #expect(lines[1].inode == 0 && !lines[1].isMoved)
    }
}
