import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Symbols of an image", .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
struct ImageSymbolsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    func program(_ options: [String] = []) throws -> String {
        try compile(["functions.c", "labels.S"], ["-O1", "-fno-builtin"] + options, in: directory)
    }

    @Test("The build id is the one readelf prints")
    func buildID() throws {
        let path = try program(["-Wl,--build-id=sha1"])
        let hex = try symbols(of: path).buildID.map { String(format: "%02x", $0) }.joined()
        let notes = try #require(output(of: "readelf", ["-n", path]))
        #expect(hex.count == 40)
        #expect(notes.contains("Build ID: \(hex)"))
        #expect(try symbols(of: program(["-Wl,--build-id=none"])).buildID.isEmpty)
    }

    @Test("Of several names for one function the exported, unadorned, shortest one is shown")
    func aliases() throws {
        let path = try program()
        let address = try #require(try listedFunctions(path).first { $0.name == "strong_name" }).address
        #expect(try symbols(of: path).name(at: address) == "strong_name")
        // Exported weak names are better than local strong ones: what `kill` is in the C library.
        let library = try compile(
            ["functions.c"],
            [
                "-O1", "-shared", "-fPIC", "-fno-builtin",
                "-Wl,--version-script=" + versionScript(exporting: "weak_name"),
            ],
            as: "library.so", in: directory)
        #expect(try symbols(of: library).name(at: self.address(of: "strong_name", in: library)) == "weak_name")
    }

    private func versionScript(exporting name: String) throws -> String {
        try directory.write("V1 { global: \(name); local: *; };".utf8, to: "versions")
    }

    private func address(of name: String, in path: String) throws -> UInt64 {
        try #require(try listedFunctions(path).first { $0.name == name }, "\(name)").address
    }

    @Test("A version is no part of a name")
    func versions() throws {
        let library = try compile(
            ["functions.c"],
            [
                "-O1", "-shared", "-fPIC", "-fno-builtin", "-s",
                "-Wl,--version-script=" + versionScript(exporting: "weak_name"),
            ],
            as: "library.so", in: directory)
        let weak = try #require(try listedFunctions(library, ["-D"]).first { $0.name == "weak_name" })
        #expect(try symbols(of: library).name(at: weak.address) == "weak_name")
    }

    @Test("Of names of several versions the default one is shown")
    func defaultVersion() throws {
        let script = try directory.write(
            "V1 { global: old; local: *; }; V2 { global: the_default; } V1;".utf8, to: "versions")
        for options in [[], ["-s"]] {
            let library = try compile(
                ["versions.c"], ["-O1", "-shared", "-fPIC", "-Wl,--version-script=" + script] + options,
                as: "library.so", in: directory)
            let listing = try #require(output(of: "nm", ["-D", library]))
            #expect(listing.contains("old@V1") && listing.contains("the_default@@V2"))
            let address = try #require(try listedFunctions(library, ["-D"]).first { $0.name == "old" }).address
            #expect(try symbols(of: library).name(at: address) == "the_default")
        }
    }

    @Test("The C library's functions have a name that programs link to")
    func libraryNames() throws {
        let found = try #require(output(of: "gcc", ["-print-file-name=libc.so.6"]))
        let path = found.trimmingCharacters(in: .whitespacesAndNewlines)
        let image = try symbols(of: path)
        var exported: [UInt64: Set<String>] = [:]
        for line in try #require(output(of: "nm", ["-D", "--defined-only", path])).split(separator: "\n") {
            let words = line.split(separator: " ")
            // `name@@VERSION` is the default version, `name@VERSION` one for old programs.
            guard words.count == 3, ["T", "W", "i"].contains(words[1]), let address = UInt64(words[0], radix: 16) else {
                continue
            }
            let parts = words[2].split(separator: "@", omittingEmptySubsequences: false)
            if parts.count != 2 { exported[address, default: []].insert(String(parts[0])) }
        }
        #expect(exported.count > 1000)
        for (address, names) in exported { #expect(try names.contains(#require(image.name(at: address)))) }
        // Weak in the library, and stronger names for it are not exported.
        let kill = try #require(exported.first { $0.value.contains("kill") }).key
        #expect(image.name(at: kill) == "kill")
    }

    @Test("A function without a size ends where the next begins")
    func zeroSize() throws {
        let path = try program()
        let image = try symbols(of: path)
        let bare = try address(of: "bare_entry", in: path)
        let typed = try address(of: "typed_entry", in: path)
        let outer = try address(of: "outer", in: path)
        for address in bare..<typed { #expect(image.name(at: address) == "bare_entry") }
        for address in typed..<outer { #expect(image.name(at: address) == "typed_entry") }
    }

    @Test("Inside nested functions the innermost has the byte, and the outer one goes on after it")
    func nested() throws {
        let path = try program()
        let image = try symbols(of: path)
        let outer = try address(of: "outer", in: path)
        #expect(
            (outer..<outer + 9).map { image.name(at: $0) } == Array(repeating: "outer", count: 4)
                + Array(repeating: "inner", count: 3) + ["outer", "outer"])
        // The range in the answer is the function's own on both sides of the hole.
        let ends = [outer, outer + 8].map { image.answer(at: ImageAddress($0)) }
        #expect(ends[0] == ends[1])
        #expect(
            ends[0]
                == .symbol(
                    rawName: Array("outer".utf8), start: ImageAddress(outer), end: ImageAddress(outer + 9),
                    source: .symbolTable))
    }

    @Test("Labels, data and mapping symbols are no functions")
    func notFunctions() throws {
        let path = try program()
        let image = try symbols(of: path)
        let last = try address(of: "last_entry", in: path)
        #expect(image.name(at: last) == "last_entry")
        // One byte before: the mapping symbol; nine before: the data.
        #expect(image.answer(at: ImageAddress(last - 1)) == .none(.betweenSymbols))
        #expect(image.answer(at: ImageAddress(last - 9)) == .none(.betweenSymbols))
    }

    @Test("gdb names the same bytes", .enabled(if: isInstalled("gdb"), "needs gdb"))
    func agreesWithGdb() throws {
        let path = try program()
        let image = try symbols(of: path)
        let outer = try address(of: "outer", in: path)
        let hidden = try address(of: "hidden_twice", in: path)
        // Past the inner function gdb gives up.
        let addresses = Array(outer..<outer + 7) + [hidden, hidden + 3]
        let commands = addresses.flatMap { ["-ex", "info symbol \($0)"] }
        let text = try #require(output(of: "gdb", ["-nx", "-batch"] + commands + [path]))
        let names = text.split(separator: "\n").map { String($0.prefix { $0 != " " }) }
        #expect(addresses.map { image.name(at: $0) } == names)
    }

    @Test("In a static image a stub of an indirect function bears the function's name")
    func staticStubs() throws {
        let path = try program(["-static-pie", "-fPIE"])
        let image = try symbols(of: path)
        let plt = try listedSection(".plt", of: path)
        let names = stride(from: plt.address + 16, to: plt.address + plt.size, by: 16).compactMap { image.name(at: $0) }
        let indirect = try Set(listedFunctions(path).filter { $0.type == "i" }.map(\.name))
        #expect(!names.isEmpty)
        for name in names { #expect(name.hasSuffix("@plt") && indirect.contains(String(name.dropLast(4)))) }
    }

    @Test("Without symbols, functions are told apart by the unwind tables")
    func stripped() throws {
        let path = try program(["-s"])
        let image = try symbols(of: path)
        let frames = try #require(output(of: "readelf", ["--debug-dump=frames", path]))
        var count = 0
        for line in frames.split(separator: "\n") {
            guard let mark = line.range(of: "pc="), line.contains("FDE") else { continue }
            let bounds = line[mark.upperBound...].split(separator: ".").compactMap { UInt64($0, radix: 16) }
            try #require(bounds.count == 2)
            guard image.imageAddress(of: FileOffset(0)) == nil else { continue }
            let range = SymbolAnswer.range(start: ImageAddress(bounds[0]), end: ImageAddress(bounds[1]))
            let answer = image.answer(at: ImageAddress(bounds[0]))
            // The linkage table has one entry for all its stubs.
            if image.name(at: bounds[0])?.hasSuffix("@plt") == true { continue }
            #expect(answer == range)
            if answer == range { #expect(image.answer(at: ImageAddress(bounds[1] - 1)) != .none(.betweenSymbols)) }
            count += 1
        }
        #expect(count >= 5)
    }

    @Test("Without symbols and without unwind tables there is no answer, and with symbols a right one")
    func noUnwindTables() throws {
        let options = [
            "-O1", "-nostdlib", "-static", "-fno-asynchronous-unwind-tables", "-fno-builtin", "-Wl,-e,calls_nothing",
        ]
        let path = try compile(["freestanding.c", "elsewhere.c"], options, in: directory)
        let function = try #require(try listedFunctions(path).first { $0.name == "calls_elsewhere" })
        let text = try listedSection(".text", of: path)
        #expect(try symbols(of: path).name(at: function.address) == "calls_elsewhere")
        try run("strip", path)
        let image = try symbols(of: path)
        for address in text.address..<text.address + text.size {
            #expect(image.answer(at: ImageAddress(address)) == .none(.imageHasNoSymbols))
        }
    }

    @Test("A function that alone has lost its symbol keeps its range", arguments: [["-pie"], ["-static"]])
    func lostSymbol(options: [String]) throws {
        let path = try program(options)
        let listed = try #require(try listedFunctions(path).first { $0.name == "hidden_twice" })
        try run("strip", "-N", "hidden_twice", path)
        let image = try symbols(of: path)
        let range = SymbolAnswer.range(
            start: ImageAddress(listed.address), end: ImageAddress(listed.address + listed.size))
        for address in listed.address..<listed.address + listed.size {
            #expect(image.answer(at: ImageAddress(address)) == range)
        }
        #expect(try image.name(at: address(of: "main", in: path)) == "main")
    }

    @Test("Functions that overlap in any way: each byte is its latest function's, and then the smallest one's")
    func overlapping() throws {
        var random = SeededRandom(5)
        let size = 600
        var source = ".text\n.globl _start\n.Lblob: .fill \(size), 1, 0x90\n_start: ret\n"
        for index in 0..<150 {
            let start = random.below(size)
            source += """
                .type f\(index), @function
                .set f\(index), .Lblob + \(start)
                .size f\(index), \(1 + random.below(min(size - start, 80)))

                """
        }
        try run(
            "gcc", "-nostdlib", "-static", "-o", directory.path + "/blob", directory.write(source.utf8, to: "blob.s"))
        let path = directory.path + "/blob"
        let image = try symbols(of: path)
        let functions = try listedFunctions(path).filter { $0.size > 0 }
        let blob = try address(of: "_start", in: path) - UInt64(size)
        #expect(functions.count == 150)
        for address in blob..<blob + UInt64(size) {
            let covering = functions.filter { $0.address <= address && address < $0.address + $0.size }
            let best = covering.map { (UInt64.max - $0.address, $0.size) }.min { $0 < $1 }
            let names = covering.filter { best! == (UInt64.max - $0.address, $0.size) }.map(\.name)
            if let name = image.name(at: address) { #expect(names.contains(name)) } else { #expect(names.isEmpty) }
        }
    }

    @Test("Parts and clones of a function are symbols of their own, and never better names")
    func clones() throws {
        let path = try compile(["clones.c"], ["-O2", "-fno-builtin"], in: directory)
        let image = try symbols(of: path)
        let cold = try #require(try listedFunctions(path).first { $0.name == "rarely_fails.cold" })
        #expect(cold.size > 0)
        for address in cold.address..<cold.address + cold.size {
            #expect(image.name(at: address) == "rarely_fails.cold")
        }
        #expect(try image.name(at: address(of: "rarely_fails", in: path)) == "rarely_fails")
        #expect(try image.name(at: address(of: "plain", in: path)) == "plain")
    }

    @Test("A file written to after it was read names nothing any more")
    func changed() throws {
        let path = try program()
        let copy = try directory.write(Data(contentsOf: URL(fileURLWithPath: path)), to: "copy")
        let image = try symbols(of: copy)
        let main = try address(of: "main", in: path)
        #expect(image.name(at: main) == "main")
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: copy))
        try file.seekToEnd()
        try file.write(contentsOf: Data([0]))
        #expect(image.answer(at: ImageAddress(main)) == .none(.fileChanged))
    }

    @Test("A deleted and replaced file keeps its old names")
    func replaced() throws {
        let path = try program()
        let main = try address(of: "main", in: path)
        let image = try symbols(of: path)
        try FileManager.default.removeItem(atPath: path)
        _ = try directory.write(Array(repeating: 0, count: 100_000), to: "program")
        #expect(image.name(at: main) == "main")
    }
}
