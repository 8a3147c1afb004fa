import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

/// Each way to link changes how addresses, offsets and tables relate.
struct Linking: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let options: [String]

    static let all = [
        Linking(testDescription: "PIE", options: ["-pie", "-fPIE"]),
        Linking(testDescription: "fixed address", options: ["-no-pie", "-Wl,-Ttext-segment=0x10000000"]),
        Linking(testDescription: "two segments on one page", options: ["-pie", "-fPIE", "-Wl,-z,noseparate-code"]),
        Linking(testDescription: "static", options: ["-static"]),
        Linking(testDescription: "static PIE", options: ["-static-pie", "-fPIE"]),
        Linking(testDescription: "gold", options: ["-fuse-ld=gold"]),
    ]
}

@Suite("Symbols of an image", .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
struct ImageSymbolsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    func program(_ options: [String] = []) throws -> String {
        try compile(["functions.c", "labels.S"], ["-O1", "-fno-builtin"] + options, in: directory)
    }

    @Test("The first and the last byte of every sized function have a name nm knows there", arguments: Linking.all)
    func agreesWithNm(linking: Linking) throws {
        let path = try program(linking.options)
        let image = try symbols(of: path)
        let listed = try listedFunctions(path)
        let sized = listed.filter { $0.size > 0 && !["outer", "data_in_text"].contains($0.name) }
        #expect(sized.count >= 6)
        for function in sized {
            // Assembly of the C library nests functions; then any that covers the byte will do.
            for address in [function.address, function.address + function.size - 1] {
                let names = listed.filter { $0.address <= address && address < $0.address + $0.size }.map(\.name)
                let name = try #require(image.name(at: address), "\(function.name)")
                #expect(names.contains(name))
            }
        }
    }

    @Test("A file offset of code leads to the address the file states", arguments: Linking.all)
    func offsetsLeadToAddresses(linking: Linking) throws {
        let path = try program(linking.options)
        let image = try symbols(of: path)
        let text = try listedSection(".text", of: path)
        for function in try listedFunctions(path)
        where function.address >= text.address && function.address < text.address + text.size {
            let offset = function.address - text.address + text.offset
            #expect(image.imageAddress(of: FileOffset(offset)) == ImageAddress(function.address))
        }
        let data = try listedSection(".data", of: path)
        #expect(image.imageAddress(of: FileOffset(data.offset)) == nil)
        #expect(image.imageAddress(of: FileOffset(.max)) == nil)
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

    static let stubOptions: [[String]] =
        [
            ["-Wl,-z,lazy", "-fcf-protection=none"], ["-Wl,-z,now"], ["-fcf-protection=full", "-Wl,-z,ibtplt"],
            ["-no-pie"],
        ] + [("ld.gold", "gold"), ("ld.lld", "lld")].filter { isInstalled($0.0) }.map { ["-fuse-ld=\($0.1)"] }

    @Test(
        "Stubs are named for what they call", .enabled(if: isInstalled("objdump"), "needs objdump"),
        arguments: stubOptions)
    func stubs(options: [String]) throws {
        let path = try program(options)
        let listing = try #require(output(of: "objdump", ["-d", "--no-show-raw-insn", path]))
        let image = try symbols(of: path)
        var names: [String] = []
        // objdump finds stubs by other rules: it knows the layouts.
        for line in listing.split(separator: "\n") where line.hasSuffix("@plt>:") {
            let words = line.dropLast(2).split(separator: " ")
            let address = try #require(UInt64(words[0], radix: 16))
            names.append(String(words[1].dropFirst()))
            #expect(image.name(at: address) == names.last)
        }
        #expect(names.contains("labs@plt") && names.contains("abs@plt"))
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
