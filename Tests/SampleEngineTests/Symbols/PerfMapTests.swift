import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("PerfMap: what a just-in-time compiler says of its code")
struct PerfMapTests {
    private func map(_ text: String) -> PerfMap {
        var map = PerfMap()
        map.take(Array(text.utf8))
        return map
    }

    @Test(
        "A line is start, size and name, in hexadecimal; the rest of the line is the name",
        arguments: [
            ("1000 20 plain", "plain"),
            ("0x1000 0x20 long A.hot(long)", "long A.hot(long)"),
            ("0000000000001000 000020 padded", "padded"),
            ("1000 20 JS:*hot /srv/a b.js:1:2", "JS:*hot /srv/a b.js:1:2"),
            ("1000 20 py::leafy:/srv/x.py", "py::leafy:/srv/x.py"),
            ("1000\t20\ttabs", "tabs"), ("1000 20 é\u{1b}]0;x\u{7}", "é\u{1b}]0;x\u{7}"), ("1000 20 cr\r", "cr"),
            ("1000 20 c\rr", "c\rr"),
            ("1000 00000000000000000000020 zeros", "zeros"),
        ])
    func line(line: String, name: String) {
        var map = map(line + "\n")
        #expect(map.name(at: 0xfff) == nil)
        #expect(map.name(at: 0x1000) == name)
        #expect(map.name(at: 0x101f) == name)
        #expect(map.name(at: 0x1020) == nil)
        #expect(map.takeChanged() == [0x1000..<0x1020])
        #expect((map.lines, map.badLines) == (1, 0))
    }

    @Test(
        "A line that makes no sense is counted, and its neighbors stay",
        arguments: [
            "", " ", "1000", "1000 20", "1000 20 ", "1000  ", "x000 20 name", "1000 -20 name", "-1000 20 name",
            "1000 0 empty", "0x 20 name", "1000 0x name", "ffffffffffffffff 2 over", "1 ffffffffffffffff over",
            "10000000000000000 20 wide", "1000 10000000000000000 wide", "1000,20 name", " 1000 20 name", "\0\0\0\0",
            "1000 20name",
        ])
    func badLine(line: String) {
        let map = map("9000 10 before\n\(line)\na000 10 after\n")
        #expect((map.lines, map.badLines) == (2, 1))
        #expect(map.name(at: 0x9000) == "before")
        #expect(map.name(at: 0xa000) == "after")
        #expect(map.name(at: 0x1000) == nil)
    }

    @Test("Names are kept as the bytes they are")
    func bytes() {
        var map = PerfMap()
        map.take(Array("1000 10 ".utf8) + [0xff, 0, 0x1b, 0x80] + [0x0a])
        #expect(map.find(0x1000)?.name == [0xff, 0, 0x1b, 0x80])
    }

    @Test("The last addresses of all can be named")
    func top() {
        let map = map("fffffffffffffff0 f top\n")
        #expect(map.name(at: .max - 1) == "top")
        #expect(map.name(at: .max) == nil)
    }

    @Test("A later line takes from earlier ones what it covers, and nothing else")
    func laterWins() {
        let map = map("1000 100 first\n2000 100 second\n10f0 10 tail\n1040 10 middle\nf80 90 head\n1ff0 200 all\n")
        let expected: [(UInt64, String?)] = [
            (0xf80, "head"), (0x100f, "head"), (0x1010, "first"), (0x103f, "first"), (0x1040, "middle"),
            (0x104f, "middle"), (0x1050, "first"), (0x10ef, "first"), (0x10f0, "tail"), (0x10ff, "tail"),
            (0x1100, nil), (0x2000, "all"), (0x20ff, "all"), (0x21ef, "all"), (0x21f0, nil),
        ]
        for (address, name) in expected { #expect(map.name(at: address) == name, "\(String(address, radix: 16))") }
        // The range that is told holds for every address in it.
        #expect(map.find(0x1045).map { $0.start..<$0.end } == 0x1040..<0x1050)
        #expect(map.find(0x1060).map { $0.start..<$0.end } == 0x1050..<0x10f0)
    }

    @Test("Lines are whole again wherever chunks cut them", arguments: 1...40)
    func chunks(size: Int) {
        let text = Array("1000 10 one\n2000 20 the second\nno line\n0x3000 0x30 third\n".utf8)
        var map = PerfMap()
        for start in stride(from: 0, to: text.count, by: size) {
            map.take(Array(text[start..<min(text.count, start + size)]))
        }
        #expect(map.name(at: 0x1000) == "one")
        #expect(map.name(at: 0x201f) == "the second")
        #expect(map.name(at: 0x302f) == "third")
        #expect((map.lines, map.badLines) == (3, 1))
    }

    @Test("A last line without a newline waits for its end, or for the word that there is none")
    func lastLine() {
        var map = map("1000 10 one\n2000 10 tw")
        #expect(map.name(at: 0x2000) == nil)
        map.finish()
        map.finish()
        #expect(map.name(at: 0x2000) == "tw")
        #expect(map.lines == 2)
        map.take(Array("o\n".utf8))
        #expect(map.name(at: 0x2000) == "two")
    }

    @Test("What changed is told once: where a name came, changed or went")
    func changes() {
        var map = map("1000 10 a\n1010 10 b\n3000 10 c\n")
        #expect(map.takeChanged() == [0x1000..<0x1020, 0x3000..<0x3010])
        #expect(map.takeChanged().isEmpty)
        map.take(Array("3008 10 d\n".utf8))
        #expect(map.takeChanged() == [0x3008..<0x3018])
        map.removeAll()
        #expect(map.name(at: 0x1000) == nil)
        #expect(map.takeChanged() == [0x1000..<0x1020, 0x3000..<0x3018])
    }

    @Test("However many places change, a few hundred ranges cover them")
    func manyChanges() {
        var map = PerfMap()
        var random = SeededRandom(5)
        var starts: [UInt64] = []
        for _ in 0..<6000 {
            let start = random.next() >> 8
            starts.append(start)
            map.take(Array("\(String(start, radix: 16)) 10 x\n".utf8))
        }
        let changed = map.takeChanged()
        #expect(changed.count <= 256)
        #expect(zip(changed, changed.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
        #expect(starts.allSatisfy { start in changed.contains { $0.contains(start) } })
    }

    @Test("Any lines in any order are as a plain list of them says: the last one wins", arguments: 0..<24)
    func againstPlainList(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        var map = PerfMap()
        var plain: [(range: Range<UInt64>, name: String)] = []
        let space = [64, 400, 5000][seed % 3]
        for number in 0..<300 {
            // Ascending, scattered, and rewritten in place: what compilers do.
            let start =
                switch seed % 4 {
                case 0: UInt64(number * 4 % space)
                case 1: UInt64(space - 1 - number % space)
                default: UInt64(random.below(space))
                }
            let size = UInt64(1 + random.below(seed % 5 == 0 ? space / 2 : 12))
            plain.append((start..<start + size, "f\(number)"))
            map.take(Array("\(String(start, radix: 16)) \(String(size, radix: 16)) f\(number)\n".utf8))
            guard number % 100 == 99 || number == 7 else { continue }
            for address in UInt64(0)..<UInt64(space + 8) {
                let expected = plain.last { $0.range.contains(address) }?.name
                guard map.name(at: address) == expected else {
                    Issue.record("address \(address) after line \(number): \(expected ?? "none")")
                    return
                }
                // Its range holds throughout.
                if let found = map.find(address),
                    expected != map.name(at: found.start) || expected != map.name(at: found.end - 1)
                {
                    Issue.record("range at \(address) after line \(number)")
                    return
                }
            }
        }
    }

    @Test("A line without end costs no memory, and names nothing")
    func endless() {
        var map = map("1000 10 one\n2000 10 ")
        let chunk = Array(repeating: UInt8(ascii: "a"), count: 65_536)
        for _ in 0..<1000 { map.take(chunk) }
        map.finish()
        #expect(map.byteCount < 65_536)
        map.take(Array("\n3000 10 three\n".utf8))
        #expect(map.name(at: 0x1000) == "one")
        #expect(map.name(at: 0x2000) == nil)
        #expect(map.name(at: 0x3000) == "three")
    }

    @Test("A line has 4 KiB at the most", arguments: [(4096, true), (4097, false)])
    func longest(length: Int, isTaken: Bool) {
        let head = "1000 10 "
        let map = map(head + String(repeating: "n", count: length - head.count) + "\n2000 10 next\n")
        #expect(map.find(0x1000)?.name.count == (isTaken ? length - head.count : nil))
        #expect(map.name(at: 0x2000) == "next")
    }

    @Test("A million lines are taken, and memory ends there", .enabled(if: Machine.isFull, "slow: PERFTOP_FULL=1"))
    func limit() {
        var map = PerfMap()
        var random = SeededRandom(7)
        var text: [UInt8] = []
        for number in 0..<(1 << 20) + 5 {
            text += "\(String(random.next() >> 16, radix: 16)) 40 function_\(number)\n".utf8
            if text.count > 65_536 {
                map.take(text)
                text = []
            }
        }
        map.take(text)
        #expect(map.lines == (1 << 20) + 5 && map.badLines == 0)
        #expect(map.byteCount < 3 * PerfMap.memoryLimit)
    }

    /// What a compiler of each kind writes, byte for byte.
    static let real = """
        7f64a4000010 18 Builtin:DeoptimizationEntry_Eager
        3f2a9b4004e0 5a8 JS:*hot /srv/app/index.js:12:20
        3f2a9b400b00 14 JS:~ node:internal/main/run_main_module:1:1
        0x00007f1f9c8f2a00 0x0000000000000318 long A.hot(long)
        0x00007f1f9c8f2d80 0x00000088 StubRoutines (1)
        7f7cd5c1e000 b py::leafy:/srv/x.py
        3f2a9b400500 40 LazyCompile:~parse [eval]:3

        """

    @Test("Any bit of a real map may be wrong")
    func flippedBits() {
        let bytes = Array(Self.real.utf8)
        var random = SeededRandom(9)
        let time = processorTime {
            for _ in 0..<10_000 {
                var broken = bytes
                for _ in 0...random.below(3) { broken[random.below(broken.count)] ^= 1 << UInt8(random.below(8)) }
                var map = PerfMap()
                map.take(broken)
                for address: UInt64 in [0, 0x3f2a_9b40_0520, 0x7f1f_9c8f_2a01, .max] { _ = map.find(address) }
                guard map.lines + map.badLines <= 30, map.byteCount < 65_536 else {
                    Issue.record("out of bounds")
                    return
                }
            }
        }
        #expect(time < .seconds(2))
    }
}

extension PerfMap {
    fileprivate mutating func take(_ bytes: [UInt8]) { take(bytes.span) }

    fileprivate func name(at address: UInt64) -> String? {
        find(address).map { String(decoding: $0.name, as: UTF8.self) }
    }
}

extension PerfMapTests {
    @Test("A map of any size is held in bounded memory: the newest names stay, none is another's")
    func bounded() {
        var map = PerfMap()
        let count: UInt64 = 400_000
        for number in 0..<count {
            let line = "\(String(number * 64, radix: 16)) 40 name_of_function_\(number)\n"
            map.take(Array(line.utf8).span)
            if number % 4096 == 0 { #expect(map.byteCount < 3 * PerfMap.memoryLimit) }
        }
        #expect(map.forgotten > 0)
        for number in stride(from: 0, to: count, by: 997) {
            let found = map.find(number * 64 + 5).map { String(decoding: $0.name, as: UTF8.self) }
            #expect(found == nil || found == "name_of_function_\(number)")
            if number > count - 10_000 { #expect(found != nil) }
        }
    }
}
