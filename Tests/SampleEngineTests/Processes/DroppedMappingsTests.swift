import Glibc
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

private typealias Build = RecordBuilder

@Suite("Mappings that were dropped: what /proc has by then is no name for what was sampled before")
struct DroppedMappingsTests {
    private let proc = FakeProc()
    private let first = Generation(Generation.first)
    private let now = Instant.now

    private func sighting(
        _ generation: Generation, mappings: [Mapping] = [], lastLoss: UInt64 = 0
    ) -> ProcessSighting {
        ProcessSighting(
            generation: generation, pid: generation == first ? 7 : 8, comm: nil, parent: nil, origin: generation,
            firstSeen: now.nanoseconds, death: nil, mappings: mappings, lastLoss: lastLoss)
    }

    private func mapping(_ start: UInt64) -> Mapping {
        Mapping(start: start, end: start + 0x1000, offset: 0, space: SpaceID(SpaceID.firstImage), birth: 1)
    }

    /// More mappings than are kept, of others.
    private func crowd(into catalog: inout ProcessCatalog) {
        let many = (0..<16_384).map { mapping(UInt64($0) << 16) }
        for number in 1...5 as ClosedRange<UInt32> {
            catalog.note(sighting(Generation(first.number + number), mappings: many))
        }
    }

    /// The place of an address, with what must be read for it read at once.
    private func place(_ catalog: inout ProcessCatalog, isMemory: Bool) -> ProcessCatalog.Place {
        var explanation = Explanation(isWanted: false)
        func look() -> ProcessCatalog.Place? {
            catalog.place(0x1010, in: first, isMemory: isMemory, at: .now, &explanation)
        }
        if let place = look() { return place }
        for scan in catalog.takeScans(at: .now) { catalog.take(scan.run(at: .now)) }
        return look() ?? .unknown(mayCome: false)
    }

    private func isFile(_ place: ProcessCatalog.Place) -> Bool { if case .file = place { true } else { false } }

    @Test("A library that was mapped over what was sampled does not name it", arguments: [false, true])
    func mappedOver(isMemory: Bool) {
        proc.writeStat(7)
        proc.write(7, "maps", "1000-2000 r-xp 0 8:1 5 /lib/new.so\n")
        var catalog = ProcessCatalog(proc: proc.reader)
        // Larger than those that are dropped for having most.
        let many = (0..<16_384).map { mapping(0x1000 + UInt64($0) << 16) }
        catalog.note(sighting(first, mappings: many))
        #expect(!isFile(place(&catalog, isMemory: isMemory)))
        crowd(into: &catalog)
        #expect(catalog.sighting(of: first)?.mappings.isEmpty == true, "they were dropped")
        #expect(!isFile(place(&catalog, isMemory: isMemory)))
        // The sampler tells again, and of nothing at that place: the library was there before us.
        catalog.note(sighting(first, mappings: [mapping(0x90_0000)]))
        #expect(isFile(place(&catalog, isMemory: isMemory)) == !isMemory)
    }

    @Test("Memory is memory still, whatever was dropped")
    func memory() {
        proc.writeStat(7)
        proc.write(7, "maps", "1000-2000 rwxp 0 0:0 0 \n")
        var catalog = ProcessCatalog(proc: proc.reader)
        catalog.note(sighting(first, mappings: (0..<16_384).map { mapping(UInt64($0) << 16) }))
        crowd(into: &catalog)
        guard case .memory(start: 0x1000) = place(&catalog, isMemory: true) else {
            Issue.record("no memory")
            return
        }
    }

    @Test("Who has few keeps them, however many others have")
    func fewAreKept() {
        var catalog = ProcessCatalog(proc: proc.reader)
        catalog.note(sighting(first, mappings: [mapping(0x1000)]))
        crowd(into: &catalog)
        #expect(catalog.sighting(of: first)?.mappings == [mapping(0x1000)])
    }

    @Test("Where there are too many lines of /proc, what records told is kept")
    func linesAlone() {
        var catalog = ProcessCatalog(proc: proc.reader)
        proc.writeStat(8)
        let lines = (1...2000).map { "\(String($0, radix: 16))000000-\(String($0, radix: 16))001000 r-xp 0 8:1 5 /a\n" }
        proc.write(8, "maps", lines.joined())
        let generations = (1...18).map { Generation(first.number + $0) }
        for (second, generation) in generations.enumerated() {
            catalog.note(sighting(generation, mappings: [mapping(0x1000)]))
            var explanation = Explanation(isWanted: false)
            let later = now.advanced(byNanoseconds: UInt64(second) * 1_000_000_000)
            let place = catalog.place(0x100_0010, in: generation, at: later, &explanation)
            if place != nil { Issue.record("it is to be read") }
            for scan in catalog.takeScans(at: later) { catalog.take(scan.run(at: later)) }
        }
        #expect(catalog.lineCount < 18 * 2000)
        for generation in generations {
            #expect(catalog.sighting(of: generation)?.mappings == [mapping(0x1000)])
        }
    }

    @Test("A process with more mappings than are kept begins anew: what comes then is known by its record")
    func tooManyOfOne() {
        var table = ProcessTable(wanted: nil)
        for number in 1...20_000 as ClosedRange<UInt64> {
            table.feed(Build.mmap2(pid: 7, start: number << 16, length: 0x1000, path: "/a", time: number))
        }
        table.feed(Build.mmap2(pid: 7, start: 0x1000, length: 0x1000, path: "//anon", time: 30_000))
        let place = table.place(7, 0x1010, at: 30_001)
        #expect(place.location.space == .anonymous(place.generation))
        #expect(table.mappingCount <= 16_384)
        let early = table.place(7, 0x1_0010, at: 30_001)
        #expect(early.location.space == .unmapped(early.generation))
        let told = table.sightings().processes
        #expect(told.count == 1 && told.allSatisfy { $0.lastLoss > 16_000 })
    }

    @Test("Where a parent's mappings are dropped, its children are asked under their own name")
    func children() {
        var table = ProcessTable(wanted: nil, mappingLimit: 3)
        let parent = table.place(7, 0x1010, at: 1).generation
        table.feed(Build.fork(pid: 8, parent: 7, time: 2))
        let before = table.place(8, 0x1010, at: 3)
        #expect(before.location.space == .unmapped(parent))
        for number in 2...5 as ClosedRange<UInt64> {
            table.feed(Build.mmap2(pid: 7, start: number << 16, length: 0x1000, path: "/a", time: 2 + number))
        }
        let after = table.place(8, 0x1010, at: 10)
        #expect(after.location.space == .unmapped(after.generation))
    }

    @Test("Where all processes together have too many, those that have most lose theirs, a quarter of all at once")
    func tooManyOfAll() {
        var table = ProcessTable(wanted: nil, mappingLimit: 400)
        func map(_ pid: Int32, _ count: UInt64) {
            for number in 1...count {
                table.feed(Build.mmap2(pid: pid, start: number << 16, length: 0x1000, path: "/a", time: number))
            }
        }
        for pid in 1...100 as ClosedRange<Int32> { map(pid, 3) }
        map(200, 60)
        map(201, 41)
        #expect(table.mappingCount <= 300)
        func isKnown(_ pid: Int32) -> Bool { table.place(pid, 0x1_0010, at: 100).location.space.owner == nil }
        #expect(!isKnown(200) && !isKnown(201))
        #expect((1...100 as ClosedRange<Int32>).allSatisfy(isKnown))
        // There is room for a hundred more before any is looked through again.
        for pid in 300...330 as ClosedRange<Int32> { map(pid, 3) }
        #expect((1...100 as ClosedRange<Int32>).allSatisfy(isKnown))
    }

    @Test("Mappings that were replaced count too, a child has none of them, and they are given back")
    func replaced() {
        var table = ProcessTable(wanted: nil, mappingLimit: 1000)
        func replace(_ pid: Int32, at times: ClosedRange<UInt64>) {
            for time in times {
                table.feed(Build.mmap2(pid: pid, start: 0x1000, length: 0x1000, path: "/a", time: time))
            }
        }
        replace(7, at: 1...500)
        #expect(table.mappingCount == 500)
        for child in 100...199 as ClosedRange<Int32> { table.feed(Build.fork(pid: child, parent: 7, time: 501)) }
        #expect(table.mappingCount == 600)
        replace(8, at: 502...1000)
        #expect(table.mappingCount <= 1000)
        table.forget(before: 2000)
        #expect(table.mappingCount <= 102)
    }

    @Test("After a loss a place is another one: what was counted keeps its name, and what had none gets none")
    func loss() throws {
        proc.writeStat(7)
        proc.write(7, "comm", "x\n")
        for isNamed in [true, false] {
            proc.write(7, "maps", "1000-2000 r-xp 0 0:0 0 [old]\n")
            var builder = ProfileBuilder(
                session: SessionFacts(target: "", events: [], notes: [], window: .max), wantedUser: nil,
                symbolizer: Symbolizer(proc: proc.root))
            builder.add(slice(end: 1, lastLoss: 0))
            if isNamed { builder.nameAll() }
            proc.write(7, "maps", "1000-2000 r-xp 0 0:0 0 [new]\n")
            builder.add(slice(end: 2, lastLoss: Instant.now.nanoseconds))
            builder.nameAll()
            let profile = builder.profile()
            let shown = profile.slices.flatMap(\.cells).map { cell in
                profile.stacks[Int(cell.stack.index)].function.map { profile.names.functions[Int($0.index)].name }
            }
            #expect(shown == [isNamed ? "[old]" : "[unknown]", "[new]"])
        }
    }

    private func slice(end: UInt64, lastLoss: UInt64) -> OpenSlice {
        var slice = OpenSlice(limit: 16)
        slice.start = Instant(nanoseconds: (end - 1) * 1_000_000_000)
        slice.end = Instant(nanoseconds: end * 1_000_000_000)
        slice.count(
            event: 0, cpu: 0, generation: first, thread: 7, location: Location(space: .unmapped(first), value: 0x1010),
            period: 1)
        slice.processes.append(sighting(first, lastLoss: lastLoss))
        slice.settle()
        return slice
    }
}
