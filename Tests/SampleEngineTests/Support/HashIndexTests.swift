import SampleEngine
import SampleEngineTestSupport
import Testing

/// The index with its entries, beside a `Dictionary` that must agree.
private struct Pair: ~Copyable {
    let hash: (Int) -> UInt64
    var index = HashIndex(capacity: 4)
    var keys: [Int?] = []
    var oracle: [Int: Int] = [:]

    init(hash: @escaping (Int) -> UInt64) { self.hash = hash }

    func entry(of key: Int) -> Int? { index.find(hash(key)) { keys[$0] == key } }

    mutating func insert(_ key: Int) {
        guard oracle[key] == nil else { return }
        let (hash, keys) = (self.hash, self.keys)
        index.insert(hash(key), entry: keys.count) { hash(keys[$0] ?? 0) }
        oracle[key] = keys.count
        self.keys.append(key)
    }

    mutating func remove(_ key: Int) {
        guard let entry = oracle.removeValue(forKey: key) else { return }
        let (hash, keys) = (self.hash, self.keys)
        index.remove(hash(key), entry: entry) { hash(keys[$0] ?? 0) }
        self.keys[entry] = nil
    }
}

@Suite("HashIndex: agrees with a dictionary")
struct HashIndexTests {
    /// Good hashes, and bad ones: all equal, equal upper halves, equal lower halves, neighbours that run into each other.
    private static let hashes: [@Sendable (Int) -> UInt64] = [
        { mixed(UInt64($0)) }, { _ in 0 }, { _ in .max }, { UInt64($0) }, { UInt64($0) << 32 | 15 },
        { UInt64($0 % 3) << 32 | UInt64($0 % 5) }, { 0xffff_ffff_ffff_fff0 | UInt64($0 % 16) },
    ]

    @Test("Random inserts, removals and searches, with every kind of hash", arguments: hashes.indices)
    func againstDictionary(kind: Int) {
        var pair = Pair(hash: Self.hashes[kind])
        var random = SeededRandom(UInt64(kind) + 9)
        for step in 0..<1500 {
            let key = random.below(120)
            if random.below(5) < 3 { pair.insert(key) } else { pair.remove(key) }
            #expect(pair.index.count == pair.oracle.count)
            if step % 25 == 0 {
                for key in 0..<120 where pair.entry(of: key) != pair.oracle[key] {
                    Issue.record("key \(key) after \(step) steps")
                }
            }
        }
        for key in 0..<120 { pair.remove(key) }
        #expect(pair.index.count == 0)
        for key in 0..<120 { #expect(pair.entry(of: key) == nil) }
    }

    @Test("Thousands of entries grow the table and stay")
    func growth() {
        var index = HashIndex(capacity: 1)
        for entry in 0..<20_000 { index.insert(mixed(UInt64(entry)), entry: entry) { mixed(UInt64($0)) } }
        for entry in 0..<20_000 where index.find(mixed(UInt64(entry)), where: { $0 == entry }) != entry {
            Issue.record("entry \(entry) is gone")
        }
        #expect(index.find(mixed(20_000)) { $0 == 20_000 } == nil)
        index.removeAll()
        #expect(index.count == 0)
        #expect(index.find(mixed(7)) { $0 == 7 } == nil)
    }

    /// As it would be with numbers that everybody knows.
    private static func unseeded(_ key: UInt64) -> UInt64 {
        let product = (key ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low &* 0x9e37_79b9_7f4a_7c15
    }

    @Test("Keys that were chosen to meet in one place of a table are spread like any others")
    func chosenKeys() {
        let slots: UInt64 = 1024
        var chosen: [UInt64] = []
        var candidate: UInt64 = 0x7f00_0000_0000
        while chosen.count < 512 {
            if Self.unseeded(candidate) % slots == 5 { chosen.append(candidate) }
            candidate += 16
        }
        var random = SeededRandom(1)
        for keys in [chosen, chosen.indices.map { UInt64($0) }, chosen.map { _ in random.next() }] {
            var counts: [UInt64: Int] = [:]
            for key in keys { counts[mixed(key) % slots, default: 0] += 1 }
            // 512 balls thrown into 1,024 places fill about 403 of them; ten in one place are not seen in a lifetime.
            #expect(counts.count > 340, "\(counts.count) places")
            #expect((counts.values.max() ?? 0) < 11)
        }
    }

    @Test("Each process has numbers of its own to begin with", .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
    func seeds() throws {
        let directory = try TemporaryDirectory()
        let program = try compile(
            ["seeds.c", "../../../Sources/CLinuxShims/pt_ring.c"], ["-pthread"], as: "seeds", in: directory)
        let said = try (0..<4).map { _ in try #require(output(of: program, [])) }
        #expect(Set(said).count == 4)
        for line in said {
            let numbers = line.split { $0 == " " || $0 == "\n" }.compactMap { UInt64($0, radix: 16) }
            #expect(numbers.count == 2 && numbers.allSatisfy { $0 != 0 } && numbers[1] % 2 == 1, "\(line)")
        }
    }

    @Test("Removing what is not there changes nothing")
    func removeAbsent() {
        var index = HashIndex()
        index.insert(5, entry: 0) { _ in 5 }
        index.remove(5, entry: 1) { _ in 5 }
        index.remove(6, entry: 0) { _ in 5 }
        #expect(index.count == 1)
        #expect(index.find(5) { $0 == 0 } == 0)
    }

    @Test(
        "The next power of two is the smallest that is not smaller",
        arguments: [-5, 0, 1, 2, 3, 4, 5, 1023, 1024, 1025])
    func nextPowerOfTwo(number: Int) {
        let power = number.nextPowerOfTwo
        #expect(power.nonzeroBitCount == 1)
        #expect(power >= number)
        #expect(power == 1 || power / 2 < number)
    }
}

@Suite("PagedArray: an array that is cheap to share")
struct PagedArrayTests {
    @Test("Keeps every element over page borders, and copies stay what they were")
    func copies() {
        var array = PagedArray<Int>()
        var copies: [PagedArray<Int>] = []
        for number in 0..<3000 {
            if number % 511 == 0 { copies.append(array) }
            array.append(number)
        }
        for index in array.indices { array[index] = -array[index] }
        #expect(array.count == 3000)
        #expect(array.indices.allSatisfy { array[$0] == -$0 })
        for (number, copy) in copies.enumerated() {
            #expect(copy.count == number * 511)
            #expect(copy.indices.allSatisfy { copy[$0] == $0 })
        }
    }
}

@Suite("Small arithmetic that hostile input reaches")
struct ArithmeticTests {
    @Test("Sums of periods stop at the largest value")
    func saturating() {
        #expect((UInt64.max - 1).addingSaturating(1) == .max)
        #expect(UInt64.max.addingSaturating(.max) == .max)
        #expect((3 as UInt64).addingSaturating(4) == 7)
    }

    @Test("Time never runs backwards and never past the end")
    func instants() {
        let (early, late) = (Instant(nanoseconds: 5), Instant(nanoseconds: 9))
        #expect(late.nanoseconds(since: early) == 4)
        #expect(early.nanoseconds(since: late) == 0)
        #expect(late.advanced(byNanoseconds: .max) == .forever)
        #expect(Instant.now >= .beginning)
    }
}
