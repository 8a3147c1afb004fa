import SampleEngine
import SampleEngineTestSupport
import Testing

/// What a sample is counted by.
private struct Key: Hashable {
    var event: UInt16
    var cpu: UInt16
    var generation: Generation
    var thread: Int32
    var location: Location
}

private struct Sum: Equatable {
    var count: UInt64 = 0
    var period: UInt64 = 0
}

private func randomKey(_ random: inout SeededRandom, spread: Int) -> Key {
    Key(
        event: UInt16(random.below(2)), cpu: UInt16(random.below(4)),
        generation: Generation(16 + UInt32(random.below(spread))), thread: Int32(random.below(3)),
        location: Location(space: SpaceID(UInt32(random.below(3))), value: UInt64(random.below(spread))))
}

@Suite("Cells and stacks: what is counted is what came")
struct CountingTests {
    @Test("An open slice agrees with a dictionary of sums", arguments: [3, 20, 200])
    func againstDictionary(spread: Int) {
        var random = SeededRandom(UInt64(spread))
        var slice = OpenSlice()
        var oracle: [Key: Sum] = [:]
        for _ in 0..<10_000 {
            let key = randomKey(&random, spread: spread)
            let period = UInt64(random.below(1000))
            slice.count(
                event: key.event, cpu: key.cpu, generation: key.generation, thread: key.thread, location: key.location,
                period: period)
            oracle[key, default: Sum()].count += 1
            oracle[key, default: Sum()].period += period
        }
        slice.settle()
        var counted: [Key: Sum] = [:]
        for cell in slice.cells.cells {
            let stack = slice.stacks.entries[Int(cell.stack.index)]
            #expect(stack.caller == nil)
            let key = Key(
                event: cell.event, cpu: cell.cpu, generation: cell.generation, thread: cell.thread,
                location: stack.location)
            #expect(
                counted.updateValue(Sum(count: cell.count, period: cell.period), forKey: key) == nil, "one cell each")
        }
        #expect(counted == oracle)
        #expect(slice.samples == 10_000)
        #expect(slice.folded == 0)
    }

    @Test("Beyond the limit samples fold into their process and event: totals stay exact", arguments: [1, 4, 50, 2000])
    func overflow(limit: Int) {
        var random = SeededRandom(UInt64(limit))
        var slice = OpenSlice(limit: limit)
        var oracle: [UInt16: Sum] = [:]
        let samples = Machine.isFull ? 20_000 : 6000
        for _ in 0..<samples {
            let key = randomKey(&random, spread: 3000)
            let period = UInt64(random.below(1000))
            slice.count(
                event: key.event, cpu: key.cpu, generation: key.generation, thread: key.thread, location: key.location,
                period: period)
            oracle[key.event, default: Sum()].count += 1
            oracle[key.event, default: Sum()].period += period
        }
        slice.settle()
        var counted: [UInt16: Sum] = [:]
        for cell in slice.cells.cells + slice.overflow.cells {
            counted[cell.event, default: Sum()].count += cell.count
            counted[cell.event, default: Sum()].period += cell.period
        }
        #expect(counted == oracle, "by event")
        #expect(slice.cells.cells.count <= limit)
        #expect(slice.stacks.entries.count <= limit)
        #expect(slice.overflow.cells.count <= 1024 + 2)
        #expect(slice.overflow.cells.reduce(0) { $0 + $1.count } == slice.folded)
        #expect(slice.samples == UInt64(samples))
    }

    @Test("What folds stays with its process while there is room for processes")
    func foldByProcess() {
        var slice = OpenSlice(limit: 1)
        for round in 0..<3 {
            for process in 0..<100 as Range<UInt32> {
                slice.count(
                    event: 0, cpu: 0, generation: Generation(process), thread: 1,
                    location: Location(space: .kernel, value: UInt64(round)), period: 2)
            }
        }
        slice.settle()
        let folded = Dictionary(grouping: slice.overflow.cells, by: \.generation).mapValues { $0.map(\.count) }
        #expect(folded.count == 100)
        #expect(folded[Generation(0)] == [2])
        #expect(folded[Generation(1)] == [3])
    }

    @Test("Emptied, a slice counts anew and forgets everything")
    func reset() {
        var slice = OpenSlice(limit: 2)
        for value in 0..<5 as Range<UInt64> {
            slice.count(
                event: 0, cpu: 0, generation: .idle, thread: 0, location: Location(space: .kernel, value: value),
                period: 1)
        }
        slice.settle()
        slice.isLast = true
        slice.targetExited = true
        slice.reset()
        #expect(slice.samples == 0 && slice.folded == 0 && !slice.isLast && !slice.targetExited)
        #expect(slice.cells.cells.isEmpty && slice.stacks.entries.isEmpty && slice.overflow.cells.isEmpty)
        slice.count(
            event: 0, cpu: 0, generation: .idle, thread: 0, location: Location(space: .kernel, value: 9), period: 7)
        slice.settle()
        #expect(slice.cells.cells.map(\.period) == [7])
    }

    @Test("Periods saturate instead of wrapping")
    func saturation() {
        var slice = OpenSlice()
        for _ in 0..<3 {
            slice.count(
                event: 0, cpu: 0, generation: .idle, thread: 0, location: Location(space: .kernel, value: 1),
                period: .max)
        }
        slice.settle()
        #expect(slice.cells.cells.map(\.period) == [.max])
        #expect(slice.cells.cells.map(\.count) == [3])
    }

    @Test("A stack is its innermost frame and the number of the rest: equal ones share a number")
    func stacks() {
        var table = StackTable(limit: 5)
        func frame(_ value: UInt64) -> Location { Location(space: .kernel, value: value) }
        let main = table.intern(frame(1))
        let inner = table.intern(frame(2), caller: main)
        #expect(table.intern(frame(1)) == main)
        #expect(table.intern(frame(2), caller: main) == inner)
        #expect(table.intern(frame(2)) != inner, "another caller, another stack")
        #expect(table.intern(frame(2), caller: inner) != inner, "recursion is deeper")
        #expect(table.entries.count == 4)
        for entry in table.entries { #expect((entry.caller?.index ?? 0) < 4) }
        #expect(table.intern(frame(5)) != nil)
        #expect(table.intern(frame(6)) == nil, "full")
        #expect(table.intern(frame(5)) != nil, "what is there is still found")
        table.removeAll()
        #expect(table.intern(frame(6)) == StackID(0))
    }

    @Test("A full cell table refuses new cells and still counts known ones")
    func fullCells() {
        var table = CellTable(limit: 2)
        func add(_ thread: Int32) -> Bool {
            table.add(
                Cell(
                    event: 0, cpu: 0, generation: .idle, thread: thread, stack: StackID(0), count: 1, period: 1))
        }
        #expect(add(1) && add(2) && !add(3) && add(1))
        #expect(table.cells.map(\.count) == [2, 1])
    }
}
