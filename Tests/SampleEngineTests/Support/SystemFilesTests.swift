import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Lines of files of the kernel's own")
struct SystemFilesTests {
    private let proc = FakeProc()
    private var path: String { proc.root + "/7/mountinfo" }

    private func line(_ prefix: String, in text: String, limit: Int = 1 << 24) throws -> String? {
        proc.write(7, "mountinfo", text)
        return try fileLine(path, beginning: Array(prefix.utf8), limit: limit).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test("The first that begins so, wherever it stands; not one that has it elsewhere, nor an empty one")
    func first() throws {
        #expect(try line("2 ", in: "1 a\n2 b\n2 c\n") == "2 b")
        #expect(try line("2 ", in: "1 2 a\n12 b\n\n2 c") == "2 c")
        #expect(try line("3 ", in: "1 a\n2 b\n") == nil)
        #expect(try line("3 ", in: "") == nil)
    }

    @Test("In a long file too, where a line lies across two pieces, and no further than the limit")
    func long() throws {
        let before = String(repeating: "1 mount of somebody\n", count: 100_000)
        let wanted = "2 " + String(repeating: "b", count: 100_000)
        #expect(try line("2 ", in: before + wanted + "\n3 c\n") == wanted)
        #expect(try line("3 ", in: before + wanted + "\n3 c\n") == "3 c")
        #expect(try line("2 ", in: before + wanted, limit: 1 << 20) == nil)
    }

    @Test("Behind a line that is no line any more nothing is looked for")
    func endless() throws {
        #expect(try line("2 ", in: "1 " + String(repeating: "a", count: 1 << 20) + "\n2 b\n") == nil)
    }
}
