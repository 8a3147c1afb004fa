import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Images that are searched address by address", .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
struct SparseImageTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The same file with its tables in memory, and without.
    private func expectEqualAnswers(_ path: String, step: UInt64 = 1) throws {
        var explanation = Explanation(isWanted: false)
        let flat = try symbols(of: path)
        let sparse = try ImageSymbols(
            reading: descriptor(path), share: ImageSymbols.Share(functions: 0), explanation: &explanation)
        try #require(!flat.isSparse && sparse.isSparse)
        #expect(sparse.descriptorCount == flat.descriptorCount)
        let range = try #require(flat.codeRange)
        let addresses = stride(
            from: range.lowerBound, to: min(range.upperBound, range.lowerBound + 20_000), by: Int(step)
        )
        .map { ImageAddress($0) }
        let wanted = flat.answers(at: addresses, meter: ReadingMeter())
        // All at once, and a few: what is kept of a pass differs.
        let found = sparse.answers(at: addresses, meter: ReadingMeter())
        for (address, (wanted, found)) in zip(addresses, zip(wanted, found)) where wanted != found {
            Issue.record("\(String(address.value, radix: 16)): \(found), not \(wanted)")
        }
        for index in stride(from: 0, to: addresses.count, by: 97) {
            #expect(sparse.answer(at: addresses[index]) == wanted[index])
        }
    }

    @Test("Programs of compilers have the same names", arguments: [[], ["-s"]])
    func programs(options: [String]) throws {
        let path = try compile(
            ["functions.c", "labels.S"], ["-O1", "-fno-builtin", "-rdynamic"] + options, in: directory)
        try expectEqualAnswers(path, step: 3)
    }

    @Test("Functions, labels and unwind entries in any order have the same names", arguments: 0..<12)
    func random(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let size = 400
        var source = ".text\n.Lblob:\n"
        var isOpen = false
        for _ in 0..<size {
            if random.below(20) == 0 {
                source += isOpen ? ".cfi_endproc\n" : ".cfi_startproc\n"
                isOpen.toggle()
            }
            source += "nop\n"
        }
        source += (isOpen ? ".cfi_endproc\n" : "") + ".globl _start\n_start: ret\n"
        for index in 0..<(seed % 3 == 0 ? 20 : 90) {
            let start = random.below(size)
            source += ".set f\(index), .Lblob + \(start)\n"
            if random.below(2) == 0 { source += ".globl f\(index)\n" }
            if random.below(3) > 0 { source += ".type f\(index), @function\n" }
            if random.below(3) > 0 { source += ".size f\(index), \(1 + random.below(min(size - start, 60)))\n" }
        }
        let path = directory.path + "/blob"
        try run("gcc", "-nostdlib", "-static", "-o", path, directory.write(source.utf8, to: "blob.s"))
        try expectEqualAnswers(path)
        // Exports alone: extents must be proven.
        try run("gcc", "-nostdlib", "-shared", "-s", "-o", path, directory.write(source.utf8, to: "blob.s"))
        try expectEqualAnswers(path)
    }

    @Test("What costs more than it may is given up, and what is stopped ends")
    func limits() throws {
        let path = try compile(["functions.c"], ["-O1", "-fno-builtin"], in: directory)
        var explanation = Explanation(isWanted: false)
        func read(_ meter: ReadingMeter) throws -> ImageSymbols {
            try ImageSymbols(
                reading: descriptor(path), meter: meter, share: ImageSymbols.Share(functions: 0),
                explanation: &explanation)
        }
        let costly = ReadingMeter(limits: ReadingMeter.Limits(bytes: 1000))
        #expect(throws: ELFError.tooCostly) { try read(costly) }
        #expect(throws: ELFError.tooCostly) { try read(ReadingMeter(limits: ReadingMeter.Limits(nanoseconds: 1))) }
        let stopped = ReadingMeter()
        stopped.pause = { () throws(ELFError) in throw .stopped }
        #expect(throws: ELFError.stopped) { try read(stopped) }
        let meter = ReadingMeter()
        let image = try read(meter)
        #expect(meter.bytes > 1000 && meter.nanoseconds > 0)
        let start = try ImageAddress(#require(image.codeRange).lowerBound)
        #expect(image.answers(at: [start], meter: costly) == [.none(.tooCostly)])
        #expect(image.answers(at: [start], meter: stopped) == [.none(.stopped)])
    }
}

@Suite("Code and names in odd places", .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
struct OddPlacesTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Code that is gigabytes away from the rest has its names")
    func far() throws {
        let path = try compile(
            ["far.c"],
            [
                "-O1", "-no-pie", "-mcmodel=large", "-fno-asynchronous-unwind-tables",
                "-Wl,--section-start=.far1=0x500400000", "-Wl,--section-start=.far2=0x700401000",
            ], in: directory)
        let image = try symbols(of: path)
        let functions = try listedFunctions(path).filter { $0.size > 0 }
        for name in ["near_one", "far_one", "far_two", "main"] {
            let function = try #require(functions.first { $0.name == name })
            for address in function.address..<function.address + function.size {
                #expect(image.name(at: address) == name)
            }
        }
        #expect(!image.isSparse && image.byteCount < 100_000)
    }

    static let strippings: [(options: [String], hasName: Bool)] = [
        ([], true), (["--strip-debug"], true), (["--strip-all"], false), (["--keep-symbol=bare_function"], false),
        (["--discard-all"], false),
    ]

    @Test("An export without a size names nothing but itself where functions may be missing", arguments: strippings)
    func bare(options: [String], hasName: Bool) throws {
        let path = try compile(
            ["bare.S", "unnamed.c"],
            [
                "-O1", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-toplevel-reorder", "-rdynamic",
            ], in: directory)
        let functions = try listedFunctions(path)
        if !options.isEmpty {
            let arguments = (options.contains { $0.hasPrefix("--keep") } ? ["--strip-all"] : []) + options + [path]
            try #require(output(of: "strip", arguments) != nil)
        }
        let image = try symbols(of: path)
        let bare = try #require(functions.first { $0.name == "bare_function" })
        #expect(image.name(at: bare.address) == "bare_function")
        for name in ["hot", "warm"] {
            let function = try #require(functions.first { $0.name == name })
            for address in function.address..<function.address + function.size {
                let found = image.name(at: address)
                #expect(hasName ? found == name : found != "bare_function")
            }
        }
    }

    @Test(
        "A stripped Go program has the names of its runtime's table",
        .enabled(if: output(of: "go", ["version"]) != nil, "needs go"),
        arguments: [[], ["-buildmode=pie"], ["headless"]])
    func go(options: [String]) throws {
        let source = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Programs/spin.go"
        let modes = options.filter { $0.hasPrefix("-") }.joined(separator: " ")
        // Both with one cache of what Go's own packages compile to, which takes most of the time.
        let script = """
            : \(output(of: "go", ["version"]) ?? "")
            home=$(mktemp -d); trap 'rm -rf "$home"' EXIT; export HOME="$home" GOFLAGS=-mod=mod
            go build \(modes) -o "$3" "$1" && go build \(modes) '-ldflags=-s -w' -o "$3-bare" "$1"
            """
        let whole = try Fixture.build(["sh", "-c", script, "sh"], sources: [source], as: "spin-go")
        let bare = whole + "-bare"
        let path = options == ["headless"] ? try withoutSectionHeaders(bare, in: directory) : bare
        var explanation = Explanation(isWanted: false)
        let flat = try symbols(of: path)
        let sparse = try ImageSymbols(
            reading: descriptor(path), share: ImageSymbols.Share(functions: 0), explanation: &explanation)
        // The text of both is the same, and the whole one's symbols are the oracle.
        let functions = try listedFunctions(whole).filter { $0.size > 0 && $0.name.hasPrefix("main.") }
        try #require(functions.contains { $0.name == "main.main" } && functions.contains { $0.name.contains("Spin") })
        for function in functions {
            for image in [flat, sparse] {
                #expect(image.name(at: function.address) == function.name)
                #expect(image.name(at: function.address + function.size - 1) == function.name)
                #expect(image.source(at: function.address) == .goTable)
            }
        }
    }
}
