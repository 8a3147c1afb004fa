import SampleEngine
import SampleEngineTestSupport
import Testing

/// What is mapped where, in the simplest way: all that ever came, the last one that covers an address wins.
private struct NaiveSpace {
    var all: [Mapping] = []

    func location(of address: UInt64, at time: UInt64) -> Location? {
        all.last { $0.birth <= time && $0.start <= address && address < $0.end }.map {
            Location(space: $0.space, value: $0.space.owner == nil ? address - $0.start + $0.offset : address)
        }
    }
}

@Suite("AddressSpace: what was mapped at an address at a time")
struct AddressSpaceTests {
    private static func randomMapping(_ random: inout SeededRandom, birth: UInt64) -> Mapping {
        let start = UInt64(random.below(64))
        let anonymous = random.below(6) == 0
        let space = anonymous ? SpaceID.anonymous(Generation(20)) : SpaceID(16 + UInt32(random.below(5)))
        return Mapping(
            start: start, end: start + UInt64(1 + random.below(24)), offset: UInt64(random.below(1000)),
            space: space, birth: birth)
    }

    @Test("Agrees with a list of all mappings, over random inserts and times", arguments: 0..<120)
    func againstNaive(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        var space = AddressSpace()
        var naive = NaiveSpace()
        var time: UInt64 = 0
        var forgotten: UInt64 = 0
        for _ in 0..<40 {
            time += UInt64(random.below(3))
            let mapping = Self.randomMapping(&random, birth: time)
            space.insert(mapping)
            naive.all.append(mapping)
            if random.below(8) == 0 {
                forgotten += UInt64(random.below(Int(time - forgotten) + 1))
                space.forget(before: forgotten)
            }
            for address in 0..<90 as Range<UInt64> {
                let asked = forgotten + UInt64(random.below(Int(time - forgotten) + 3))
                let found = space.find(address, at: asked)?.location(of: address)
                if found != naive.location(of: address, at: asked) {
                    Issue.record(
                        "address \(address) at \(asked), forgotten before \(forgotten): \(String(describing: found))")
                    return
                }
            }
        }
        #expect(zip(space.mappings, space.mappings.dropFirst()).allSatisfy { $0.end <= $1.start }, "disjoint, rising")
    }

    @Test("Empty and backward ranges map nothing")
    func emptyRanges() {
        var space = AddressSpace()
        space.insert(Mapping(start: 5, end: 5, offset: 0, space: SpaceID(16), birth: 0))
        space.insert(Mapping(start: 9, end: 5, offset: 0, space: SpaceID(16), birth: 0))
        #expect(space.mappings.isEmpty)
        #expect(space.find(5, at: 9) == nil)
    }

    @Test("The whole address range can be mapped and looked up")
    func extremes() {
        var space = AddressSpace()
        space.insert(Mapping(start: 0, end: .max, offset: .max, space: SpaceID(16), birth: 0))
        space.insert(Mapping(start: .max - 10, end: .max, offset: 0, space: SpaceID(17), birth: 1))
        #expect(space.find(.max - 1, at: 1)?.space == SpaceID(17))
        #expect(space.find(0, at: 1)?.space == SpaceID(16))
        #expect(space.find(.max, at: 1) == nil)
        #expect(space.find(3, at: 1)?.location(of: 3).value == 2, "offsets wrap, they do not trap")
    }

    @Test("Two files in turn at one address: every time has its file, until it is forgotten")
    func inTurn() {
        var space = AddressSpace()
        for turn in 0..<1000 as Range<UInt64> {
            space.insert(
                Mapping(start: 10, end: 20, offset: turn, space: SpaceID(16 + UInt32(turn % 2)), birth: turn * 2))
        }
        for turn in 0..<1000 as Range<UInt64> {
            #expect(space.find(15, at: turn * 2 + 1)?.offset == turn)
        }
        space.forget(before: 1990)
        #expect(space.find(15, at: 1991)?.offset == 995)
        #expect(space.find(15, at: 100) == nil)
        #expect(space.mappings.count == 1)
    }

    @Test("A process that maps without end does not grow without end")
    func limit() {
        var space = AddressSpace()
        for number in 0..<70_000 as Range<UInt64> {
            space.insert(Mapping(start: number * 2, end: number * 2 + 1, offset: 0, space: SpaceID(16), birth: number))
        }
        #expect(space.mappings.count == 16_384)
        #expect(space.find(0, at: 70_000) != nil, "what was known stays")
    }
}
