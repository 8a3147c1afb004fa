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
    ]
    static let gold = [
        Linking(testDescription: "PIE", options: ["-fuse-ld=gold", "-pie"]),
        Linking(testDescription: "fixed address", options: ["-fuse-ld=gold", "-no-pie", "-Wl,-Ttext=0x20000000"]),
    ]
    static let lld = [
        Linking(testDescription: "PIE", options: ["-fuse-ld=lld", "-pie"]),
        Linking(testDescription: "fixed address", options: ["-fuse-ld=lld", "-no-pie", "-Wl,--image-base=0x10000000"]),
    ]
    static let stubs = [
        Linking(testDescription: "lazy", options: ["-Wl,-z,lazy", "-fcf-protection=none"]),
        Linking(testDescription: "at once", options: ["-Wl,-z,now"]),
        Linking(testDescription: "landing pads", options: ["-fcf-protection=full", "-Wl,-z,ibtplt"]),
        Linking(testDescription: "landing pads, at once", options: ["-fcf-protection=full", "-Wl,-z,ibtplt,-z,now"]),
        Linking(testDescription: "fixed address", options: ["-no-pie"]),
    ]
}

@Suite("Symbols of an image, by linker", .enabled(if: haveCompiler && isInstalled("objdump"), "needs gcc and binutils"))
struct LinkingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func program(_ linking: Linking) throws -> String {
        try compile(["functions.c", "labels.S"], ["-O1", "-fno-builtin"] + linking.options, in: directory)
    }

    @Test("Functions have the names nm knows, file offsets lead to their addresses", arguments: Linking.all)
    func functions(linking: Linking) throws { try check(linking) }

    @Test("Linked by gold", .enabled(if: isInstalled("ld.gold"), "needs ld.gold"), arguments: Linking.gold)
    func gold(linking: Linking) throws {
        try check(linking)
        try checkStubs(linking)
    }

    @Test("Linked by lld", .enabled(if: isInstalled("ld.lld"), "needs ld.lld"), arguments: Linking.lld)
    func lld(linking: Linking) throws {
        try check(linking)
        try checkStubs(linking)
    }

    @Test("Stubs are named for what they call", arguments: Linking.stubs)
    func stubs(linking: Linking) throws { try checkStubs(linking) }

    @Test("A program of 32 bits, without a library")
    func thirtyTwoBits() throws {
        let path = try compile(
            ["freestanding.c", "elsewhere.c"], ["-m32", "-nostdlib", "-static", "-O1", "-Wl,-e,calls_nothing"],
            in: directory)
        let image = try symbols(of: path)
        for function in try listedFunctions(path) where function.size > 0 {
            for address in [function.address, function.address + function.size - 1] {
                #expect(image.name(at: address) == function.name)
            }
        }
        let text = try listedSection(".text", of: path)
        #expect(image.imageAddress(of: FileOffset(text.offset)) == ImageAddress(text.address))
        try run("strip", path)
        let stripped = try symbols(of: path)
        guard case .range = stripped.answer(at: ImageAddress(text.address)) else {
            Issue.record("no range from the unwind tables")
            return
        }
    }

    /// The first and the last byte of every sized function have a name nm knows there.
    private func check(_ linking: Linking) throws {
        let path = try program(linking)
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
        let text = try listedSection(".text", of: path)
        for function in listed where function.address >= text.address && function.address < text.address + text.size {
            let offset = function.address - text.address + text.offset
            #expect(image.imageAddress(of: FileOffset(offset)) == ImageAddress(function.address))
        }
        let data = try listedSection(".data", of: path)
        #expect(image.imageAddress(of: FileOffset(data.offset)) == nil)
        #expect(image.imageAddress(of: FileOffset(.max)) == nil)
    }

    /// objdump finds stubs by other rules: it knows the layouts.
    private func checkStubs(_ linking: Linking) throws {
        let path = try program(linking)
        let listing = try #require(output(of: "objdump", ["-d", "--no-show-raw-insn", path]))
        let image = try symbols(of: path)
        var names: [String] = []
        for line in listing.split(separator: "\n") where line.hasSuffix("@plt>:") {
            let words = line.dropLast(2).split(separator: " ")
            let address = try #require(UInt64(words[0], radix: 16))
            names.append(String(words[1].dropFirst()))
            #expect(image.name(at: address) == names.last)
            #expect(image.source(at: address) == .linkageStub)
        }
        #expect(names.contains("labs@plt") && names.contains("abs@plt"))
        // The table's head has no name: `_init`, which has no size, ends with its section.
        let table = try listedSection(".plt", of: path)
        for address in table.address..<table.address + table.size {
            #expect(image.name(at: address)?.hasSuffix("@plt") ?? true)
        }
    }
}
