import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("KernelCodeTable: what the kernel made at run time")
struct KernelCodeTableTests {
    private func code(_ name: String, _ start: UInt64, _ length: UInt64, isGone: Bool = false) -> KernelCode {
        KernelCode(start: start, end: start + length, name: Array(name.utf8), kind: .bpf, isGone: isGone)
    }

    private func name(_ table: KernelCodeTable, _ address: UInt64) -> String? {
        table.find(address).map { String(decoding: $0.name, as: UTF8.self) }
    }

    @Test("An address belongs to what was registered there last; the ranges say where that may be new")
    func newestWins() {
        var table = KernelCodeTable()
        #expect(table.find(0x1000) == nil)
        #expect(table.note(code("one", 0x1000, 0x100)) == 0x1000..<0x1100)
        #expect(table.note(code("two", 0x10c0, 0x100)) == 0x10c0..<0x11c0)
        #expect(name(table, 0xfff) == nil)
        #expect(name(table, 0x1000) == "one")
        #expect(name(table, 0x10bf) == "one")
        #expect(name(table, 0x10c0) == "two")
        #expect(name(table, 0x11bf) == "two")
        #expect(name(table, 0x11c0) == nil)
    }

    @Test("What is gone keeps its name until something else is there")
    func gone() {
        var table = KernelCodeTable()
        _ = table.note(code("one", 0x1000, 0x100))
        #expect(table.note(code("one", 0x1000, 0x100, isGone: true)) == nil)
        #expect(name(table, 0x1080) == "one")
        _ = table.note(code("two", 0x1000, 0x80))
        #expect(name(table, 0x1000) == "two")
        #expect(name(table, 0x1080) == "one")
        // The end of what nobody heard of, and of what is over already, is no news.
        #expect(table.note(code("other", 0x9000, 0x100, isGone: true)) == nil)
        #expect(table.note(code("one", 0x1000, 0x100, isGone: true)) == nil)
        #expect(table.count == 2)
    }

    @Test("The same range again replaces; of more than 4,096 the oldest goes, and first what is gone")
    func limit() {
        var table = KernelCodeTable()
        for number: UInt64 in 0..<4096 { _ = table.note(code("f\(number)", number * 16, 16)) }
        for _ in 0..<100 { _ = table.note(code("again", 16 * 4095, 16)) }
        #expect(table.count == 4096)
        _ = table.note(code("f7", 7 * 16, 16, isGone: true))
        _ = table.note(code("new", 1 << 20, 16))
        #expect(name(table, 7 * 16) == nil)
        #expect(name(table, 0) == "f0")
        _ = table.note(code("newer", 1 << 21, 16))
        #expect(name(table, 0) == nil)
        #expect(name(table, 16) == "f1")
        #expect(table.count == 4096)
    }

    @Test("A slice carries what the kernel told, of a flood the latest, and is empty again after its reset")
    func slice() {
        var slice = OpenSlice()
        for number: UInt64 in 0..<20_000 { slice.note(code("f\(number)", number * 16, 16)) }
        #expect(slice.kernelCode.count <= 8192)
        #expect(slice.kernelCode.last == code("f19999", 19_999 * 16, 16))
        slice.reset()
        #expect(slice.kernelCode.isEmpty)
    }
}
