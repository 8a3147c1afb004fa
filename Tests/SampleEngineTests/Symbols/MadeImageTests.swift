import CLinuxShims
import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

/// The tables of an image that is made here, in memory; or, with a share of nothing, none of them.
func symbols(
    ofMade bytes: [UInt8], isSparse: Bool = false, meter: ReadingMeter = ReadingMeter()
) throws -> ImageSymbols {
    let number = unsafe pt_memfd("made")
    try #require(number >= 0)
    let file = Descriptor(owning: number)
    try #require(unsafe write(number, bytes, bytes.count) == bytes.count)
    var explanation = Explanation(isWanted: false)
    return try ImageSymbols(
        reading: file, meter: meter, share: isSparse ? ImageSymbols.Share(functions: 0) : ImageSymbols.Share(),
        explanation: &explanation)
}

@Suite("Tables of Go's runtime in every layout")
struct GoTableTests {
    private static let text: UInt64 = 0x40_1000

    private func table(_ layout: MadeGoTable.Layout) -> MadeGoTable {
        MadeGoTable(
            layout: layout, text: Self.text,
            functions: [(0, "runtime.text"), (0x40, "main.main"), (0x48, "main.(*T).Spin"), (0x100, "type..eq")],
            end: 0x180)
    }

    private func image(_ table: [UInt8]) -> [UInt8] {
        var image = MadeImage(code: [Self.text..<Self.text + 0x200])
        image.constants = table
        return image.bytes
    }

    /// The right name of every byte of code.
    private func wanted(_ table: MadeGoTable, _ offset: UInt64) -> String? {
        offset < table.end ? table.functions.last { $0.start <= offset }?.name : nil
    }

    @Test("Functions have the names of the table", arguments: MadeGoTable.Layout.allCases, [false, true])
    func names(layout: MadeGoTable.Layout, isSparse: Bool) throws {
        let table = table(layout)
        let image = try symbols(ofMade: image(table.bytes), isSparse: isSparse)
        #expect(image.isSparse == isSparse)
        for offset in UInt64(0)..<0x200 {
            #expect(image.name(at: Self.text + offset) == wanted(table, offset))
        }
        #expect(image.source(at: Self.text) == .goTable)
        #expect(image.answer(at: ImageAddress(.max)) == .none(.betweenSymbols))
    }

    @Test("A segment may begin anywhere; the table in it stands at a multiple of 8", arguments: 0..<8 as Range<UInt64>)
    func beginnings(shift: UInt64) throws {
        let table = table(.go20)
        var image = MadeImage(code: [Self.text..<Self.text + 0x200])
        image.constantsAddress += shift
        image.constants = Array(repeating: 0, count: Int((8 - shift) % 8)) + table.bytes
        let symbols = try symbols(ofMade: image.bytes)
        for offset in UInt64(0)..<0x200 {
            #expect(symbols.name(at: Self.text + offset) == wanted(table, offset))
        }
    }

    /// Changes to a table after which it must not be believed: a place and the bytes to put there.
    private func lies(_ table: MadeGoTable) -> [(what: String, at: Int, bytes: [UInt8])] {
        let width = table.layout.hasOffsets ? 4 : 8
        func number(_ value: UInt64) -> [UInt8] {
            width == 4 ? word(UInt32(truncatingIfNeeded: value)) : word(value)
        }
        let list = table.listOffset
        let end = list + 2 * width * table.functions.count
        var lies: [(String, Int, [UInt8])] = [
            ("quantum", 6, [3]), ("pointer of 4 bytes", 7, [4]), ("pointer of 16 bytes", 7, [16]),
            ("pointer of nothing", 7, [0]), ("not zero", 4, [1]), ("no function", 8, word(UInt64(0))),
            ("end before the beginning", end, number(0)), ("end outside of code", end, number(0xffff_fff0)),
            ("begins outside of code", list, number(0x7fff_0000)),
            ("record outside", list + width, number(.max)), ("not in order", list + 2 * width, number(0x7fff_0000)),
        ]
        for count in [UInt64(100_000), 4_194_304, 4_194_305, 1 << 32, 1 << 60, 1 << 63, .max] {
            lies.append(("count \(count)", 8, word(count)))
        }
        if table.layout != .go2 {
            let names = table.layout == .go16 ? 24 : 32
            for offset in [UInt64(100_000), 1 << 32, 1 << 63, .max] {
                lies.append(("names at \(offset)", names, word(offset)))
                lies.append(("list at \(offset)", names + 32, word(offset)))
            }
        }
        return lies
    }

    @Test("One that lies has no names", arguments: MadeGoTable.Layout.allCases, [false, true])
    func hostile(layout: MadeGoTable.Layout, isSparse: Bool) throws {
        let table = table(layout)
        for (what, place, bytes) in lies(table) {
            var changed = table.bytes
            changed.replaceSubrange(place..<place + bytes.count, with: bytes)
            let image = try symbols(ofMade: image(changed), isSparse: isSparse)
            for offset in stride(from: UInt64(0), to: 0x200, by: 4) {
                #expect(image.name(at: Self.text + offset) == nil, "\(what), \(offset)")
            }
        }
    }

    @Test("Where one function's record makes no sense, the others keep their names")
    func oneRecord() throws {
        let table = table(.go20)
        for (field, value) in [(12, UInt32.max), (12, 0x3fff_ffff), (12, 0x4000_0000)] {
            var changed = table.bytes
            changed.replaceSubrange(table.listOffset + field..<table.listOffset + field + 4, with: word(value))
            let image = try symbols(ofMade: image(changed))
            for offset in UInt64(0)..<0x180 where !(0x40..<0x48).contains(offset) {
                #expect(image.name(at: Self.text + offset) == wanted(table, offset))
            }
            #expect(image.name(at: Self.text + 0x40) == nil)
        }
    }

    @Test("A table may end anywhere", arguments: MadeGoTable.Layout.allCases)
    func cut(layout: MadeGoTable.Layout) throws {
        let table = table(layout)
        for size in 1..<table.bytes.count {
            let image = try symbols(ofMade: image(Array(table.bytes[..<size])))
            for offset in stride(from: UInt64(0), to: 0x200, by: 16) {
                // A name may be cut with the table, but it is nobody else's.
                guard let name = image.name(at: Self.text + offset) else { continue }
                #expect(wanted(table, offset)?.hasPrefix(name) == true)
            }
        }
    }
}

@Suite("Windows of code, and tables that were made to waste time")
struct MadeImageTests {
    static let giantCode: [Range<UInt64>] = [
        0x1_0000..<0x2_0000, 0x5_0000_0000..<0x6_a000_0000, 0xffff_fffe_0000_0000..<UInt64.max,
    ]

    @Test("Code of more than 4 GiB, up to the last address, has its names", arguments: [false, true])
    func windows(isSparse: Bool) throws {
        var image = MadeImage(code: Self.giantCode)
        // The first window ends 2³² − 1 bytes of code after the first one.
        let border = 0x5_0000_0000 + UInt64(UInt32.max) - 0x1_0000
        var starts: [UInt64] = [
            0x1_0000, 0x1_fff0, 0x5_0000_0000, border - 16, border, border + 16, 0x6_9fff_fff0, 0xffff_fffe_0000_0000,
        ]
        starts += [0xffff_ffff_ffff_fe00]
        for start in starts { image.addFunction("at_\(start)", at: start, size: 16) }
        // These end nowhere.
        image.addFunction("last", at: 0xffff_ffff_ffff_ff00, size: .max)
        let read = try symbols(ofMade: image.bytes, isSparse: isSparse)
        for start in starts {
            for address in start..<start + 16 { #expect(read.name(at: address) == "at_\(start)") }
        }
        for address in [0, 0xffff, 0x1_0010, 0x2_0000, 0x4_ffff_ffff, 0x5_0000_0010, border - 17, border + 32] {
            #expect(read.name(at: address) == nil)
        }
        for address in [0xffff_ffff_ffff_ff00, UInt64.max - 1] { #expect(read.name(at: address) == "last") }
        #expect(read.name(at: 0xffff_ffff_ffff_fe10) == nil)
    }

    @Test("Names that overlap cost what is kept of them")
    func overlappingNames() throws {
        let count = 2000
        var image = MadeImage(code: [0x1000..<0x1000 + 16 * UInt64(count)])
        var random = SeededRandom(4)
        let first = image.addStrings((0..<count + 4096).map { _ in UInt8(0x61 + random.below(26)) } + [0])
        for index in 0..<count { image.addFunction(nameAt: first + index, at: 0x1000 + 16 * UInt64(index), size: 16) }
        let addresses = (0..<count).map { ImageAddress(0x1000 + 16 * UInt64($0)) }
        let meter = ReadingMeter()
        for isSparse in [false, true] {
            let image = try symbols(ofMade: image.bytes, isSparse: isSparse)
            let answers = image.answers(at: addresses, meter: meter)
            for answer in answers {
                guard case .symbol(let name, _, _, _) = answer else {
                    Issue.record("\(answer)")
                    continue
                }
                #expect(name.count == 1024)
            }
            #expect(image.byteCount < 1 << 20)
        }
        // A name is read in two steps, 256 and 2,049 bytes, in each of two passes.
        #expect(meter.bytes < UInt64(2 * count * 2400 + 1_000_000))
    }

    /// No section headers, many segments of code, and symbols by `DT_HASH` that lie in none of them.
    private func manySegments(_ segments: Int, symbols: Int) -> [UInt8] {
        let start = (64 + 56 * segments + 15) / 16 * 16
        let strings = Array("\0name\0".utf8) + [0, 0]
        let (hash, dynamic) = (start + 8, start + 16)
        let table = dynamic + 80
        func header(_ type: UInt32, _ flags: UInt32, _ offset: Int, _ address: UInt64, _ size: Int) -> [UInt8] {
            word(type) + word(flags) + word(UInt64(offset)) + word(address) + word(address) + word(UInt64(size))
                + word(UInt64(size)) + word(UInt64(1))
        }
        var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + Array(repeating: 0, count: 9)
        file += word(UInt16(3)) + word(UInt16(62)) + word(UInt32(1)) + word(UInt64(0)) + word(UInt64(64))
        file += word(UInt64(0)) + word(UInt32(0)) + word(UInt16(64)) + word(UInt16(56)) + word(UInt16(segments))
        file += word(UInt16(64)) + word(UInt16(0)) + word(UInt16(0))
        for index in 0..<segments - 3 { file += header(1, 5, 16, 0x1000_0000 + 0x1000 * UInt64(index), 1) }
        file += header(1, 5, 0, 0x8000_0000, 16)
        file += header(1, 4, 0, 0, table + 24 * symbols)
        file += header(2, 6, dynamic, UInt64(dynamic), 80)
        file += Array(repeating: 0, count: start - file.count)
        file += strings + word(UInt32(1)) + word(UInt32(symbols))
        for (tag, value) in [(4, hash), (5, start), (10, strings.count), (6, table), (0, 0)] {
            file += word(UInt64(tag)) + word(UInt64(value))
        }
        let symbol = word(UInt32(1)) + [0x12, 0] + word(UInt16(1)) + word(UInt64(0x7fff_0000)) + word(UInt64(16))
        file.reserveCapacity(file.count + 24 * symbols)
        for _ in 0..<symbols { file += symbol }
        return file
    }

    @Test("Thousands of segments cost a symbol little more than a few")
    func segments() throws {
        func nanoseconds(_ segments: Int) throws -> UInt64 {
            let bytes = manySegments(segments, symbols: 50_000)
            var least = UInt64.max
            for _ in 0..<3 {
                let meter = ReadingMeter()
                let image = try symbols(ofMade: bytes, meter: meter)
                #expect(image.symbolCount == 50_000)
                #expect(
                    image.answers(at: [ImageAddress(0x7fff_0000)], meter: meter) == [.none(.betweenSymbols)]
                        || image.answers(at: [ImageAddress(0x7fff_0000)], meter: meter) == [.none(.imageHasNoSymbols)])
                least = min(least, meter.nanoseconds)
            }
            return least
        }
        let (few, many) = try (nanoseconds(16), nanoseconds(4096))
        // A search through all of them made it 100 times as much.
        #expect(many < 8 * few + 100_000_000, "\(many) and \(few) ns")
    }
}
