import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("FrameTable: an answer names what was asked, and never what came later")
struct FrameTableTests {
    private static let file = SpaceID(SpaceID.firstImage)
    private static let lost = FunctionID(1_000_000)

    private static func place(_ number: UInt64) -> StackEntry {
        StackEntry(location: Location(space: file, value: number))
    }

    @Test("A file is written over while one of its places waits for its name: that answer names no later sample")
    func writtenOver() {
        var table = FrameTable()
        let old = table.intern(Self.place(7))
        let first = table.takeUnasked()
        table.retire([Self.file: Self.lost])
        let new = table.intern(Self.place(7))
        #expect(old != new)
        let function = table.frames[Int(old.index)].function
        #expect(function == Self.lost, "what it was called can be read no more")
        table.name(
            Self.place(7).location, FunctionID(1), answering: first?.question ?? 0, isFinal: true, isChangeable: false,
            now: .now)
        let unnamed = table.frames[Int(new.index)].function
        let count = table.unnamedCount
        #expect(unnamed == nil && count == 1)
        let second = table.takeUnasked()
        table.name(
            Self.place(7).location, FunctionID(2), answering: second?.question ?? 0, isFinal: true,
            isChangeable: false, now: .now)
        let named = table.frames[Int(new.index)].function
        let isNamed = table.isNamed
        #expect(named == FunctionID(2) && isNamed)
    }

    @Test("The same where a place with a stand-in is asked again just then")
    func askedAgain() {
        var table = FrameTable()
        func name(_ function: UInt32, _ question: UInt64?, isFinal: Bool) {
            table.name(
                Self.place(7).location, FunctionID(function), answering: question ?? 0, isFinal: isFinal,
                isChangeable: false, now: .beginning)
        }
        let old = table.intern(Self.place(7))
        name(1, table.takeUnasked()?.question, isFinal: false)
        table.doubt(at: .now)
        let again = table.takeUnasked()
        #expect(again != nil)
        table.retire([Self.file: Self.lost])
        let new = table.intern(Self.place(7))
        name(2, again?.question, isFinal: true)
        name(3, table.takeUnasked()?.question, isFinal: true)
        let functions = [old, new].map { table.frames[Int($0.index)].function }
        #expect(functions == [FunctionID(1), FunctionID(3)])
    }

    @Test("Code changes once more while its new name is on its way: the name that comes is asked for again")
    func renewedTwice() {
        var table = FrameTable()
        let location = Location(space: .anonymous(Generation(20)), value: 7)
        let id = table.intern(StackEntry(location: location))
        let first = table.takeUnasked()?.question ?? 0
        table.name(location, FunctionID(1), answering: first, isFinal: true, isChangeable: true, now: .now)
        table.renew([0..<10], in: location.space)
        let second = table.takeUnasked()?.question ?? 0
        table.renew([5..<10], in: location.space)
        let early = table.takeRenewed(at: location, answering: second)
        let hasUnasked = table.hasUnasked
        #expect(early.isEmpty && hasUnasked)
        let third = table.takeUnasked()?.question ?? 0
        let due = table.takeRenewed(at: location, answering: third)
        let isRenewing = table.isRenewing
        #expect(due == [id] && !isRenewing)
    }

    /// A file whose content has a number, and questions about its places on their way.
    @Test(
        "Whatever order answers, samples and changes come in, no frame has a name of another content", arguments: 0..<40
    )
    func anyOrder(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        var table = FrameTable()
        var content = 0
        /// The content when a frame was met for the first time.
        var contents: [Int: Int] = [:]
        /// Questions with the contents at which they may have been answered, from the first on.
        var underWay: [(location: Location, question: UInt64, since: Int)] = []
        for _ in 0..<400 {
            switch random.below(8) {
            case 0:
                content += 1
                table.retire([Self.file: Self.lost])
            case 1, 2, 3:
                let id = table.intern(Self.place(UInt64(random.below(5))))
                contents[Int(id.index)] = contents[Int(id.index)] ?? content
                #expect(contents[Int(id.index)] == content, "a sample of now has a frame of now")
            case 4, 5:
                table.doubt(at: .forever)
                while let (location, question) = table.takeUnasked() { underWay.append((location, question, content)) }
            default:
                guard !underWay.isEmpty else { continue }
                let answer = underWay.remove(at: random.below(underWay.count))
                // It was read at some time since it was asked.
                let read = answer.since + random.below(content - answer.since + 1)
                table.name(
                    answer.location, FunctionID(UInt32(read * 16) + UInt32(answer.location.value)),
                    answering: answer.question, isFinal: random.below(2) == 0, isChangeable: false, now: .beginning)
            }
            for (index, content) in contents {
                guard let function = table.frames[index].function, function != Self.lost else { continue }
                #expect(Int(function.index) / 16 == content)
            }
        }
        // What is asked and answered last names all that is left.
        while let (location, question) = table.takeUnasked() { underWay.append((location, question, content)) }
        for answer in underWay {
            table.name(
                answer.location, FunctionID(UInt32(content * 16)), answering: answer.question, isFinal: true,
                isChangeable: false, now: .now)
        }
        let isNamed = table.isNamed
        #expect(isNamed)
    }

    @Test("What waits for a name, and what may change, is part of the bytes that are told")
    func bytes() {
        var table = FrameTable()
        var before = table.byteCount
        for number in 0..<1000 as Range<UInt64> {
            _ = table.intern(StackEntry(location: Location(space: .anonymous(Generation(20)), value: number)))
        }
        let waiting = table.byteCount - before
        #expect(waiting >= 1000 * (56 + 100), "frames, and places that wait")
        before = table.byteCount
        while let (location, question) = table.takeUnasked() {
            table.name(location, FunctionID(1), answering: question, isFinal: true, isChangeable: true, now: .now)
        }
        let changeable = table.byteCount
        #expect(changeable < before && changeable >= 1000 * (56 + 4))
        table.renew([0..<1000], in: .anonymous(Generation(20)))
        let renewed = table.byteCount
        #expect(renewed >= changeable + 1000 * 16)
    }
}

@Suite("NameTable: what it says that it takes")
struct NameBytesTests {
    @Test("Processes count with their names, functions and modules with theirs, and all are given back")
    func bytes() {
        var table = NameTable()
        for number in 0..<1000 as Range<UInt32> {
            table.note(
                ProcessFacts(pid: Int32(number), name: String(repeating: "p", count: 60)),
                of: Generation(Generation.first + number))
        }
        let processes = table.byteCount
        #expect(processes >= 1000 * 60)
        var used: Set<FunctionID> = []
        for number in 0..<1000 {
            let name = String(repeating: "f", count: 100) + "\(number)"
            let id = table.intern(
                Symbol(name: name, module: Module(name: "m\(number)"), kind: .user, source: .symbolTable))
            if number % 10 == 0 { used.insert(id) }
        }
        let all = table.byteCount
        #expect(all >= processes + 1000 * 100)
        table.keepOnly(used)
        let kept = table.byteCount
        #expect(kept < processes + (all - processes) / 9)
        var shortest = Int.max
        for id in used { shortest = min(shortest, table[id].name.utf8.count) }
        #expect(shortest > 100, "what is used stays")
        // A place is used again, and its old number is nobody's.
        let again = table.intern(Symbol(name: "new", module: Module(name: "n"), kind: .user, source: .symbolTable))
        #expect(again.serial == 1 && !used.contains(again))
        let found = table.names.functionID(at: again.index)
        #expect(found == again)
    }

    @Test("Code that the kernel made at run time counts with its names")
    func kernelCode() {
        var symbolizer = Symbolizer()
        let before = symbolizer.byteCount
        for number in 0..<1000 as Range<UInt64> {
            _ = symbolizer.note(
                KernelCode(
                    start: 0xffff_ffff_c000_0000 + number * 64, end: 0xffff_ffff_c000_0000 + number * 64 + 64,
                    name: Array("bpf_prog_\(number)_0123456789abcdef".utf8), kind: .bpf))
        }
        let after = symbolizer.byteCount
        #expect(after - before >= 1000 * 25)
    }
}
