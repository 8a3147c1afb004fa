import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite(
    "Images with no section headers, and with more than 16 bits can count",
    .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
struct SectionHeaderTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    static let linkings: [[String]] =
        [
            ["-Wl,--hash-style=gnu", "-pie"], ["-Wl,--hash-style=sysv", "-pie"], ["-Wl,--hash-style=both", "-no-pie"],
            ["-fcf-protection=full", "-Wl,-z,ibtplt"], ["-Wl,-z,noseparate-code"],
        ] + [("ld.gold", "gold"), ("ld.lld", "lld")].filter { isInstalled($0.0) }.map { ["-fuse-ld=\($0.1)"] }

    @Test("What is exported is found the way the loader finds it", arguments: linkings)
    func exported(options: [String]) throws {
        let path = try compile(
            ["functions.c", "labels.S"], ["-O1", "-fno-builtin", "-rdynamic"] + options, in: directory)
        try agrees(path, with: ["-D", "--defined-only"])
    }

    @Test(
        "So it is for other processors",
        .enabled(if: isInstalled("clang") && isInstalled("ld.lld"), "needs clang and lld"),
        arguments: OtherProcessorsTests.targets)
    func otherProcessors(options: [String]) throws {
        let path = try compile(
            ["freestanding.c"], options + ["-fuse-ld=lld", "-nostdlib", "-shared", "-fPIC", "-O1"],
            compiler: "clang", in: directory)
        try agrees(path, with: ["-D", "--defined-only"])
    }

    private func agrees(_ path: String, with options: [String]) throws {
        let image = try symbols(of: withoutSectionHeaders(path, in: directory))
        let functions = try listedFunctions(path, options).filter { $0.size > 0 && $0.name != "outer" }
        #expect(!functions.isEmpty)
        for function in functions {
            let names = functions.filter { $0.address == function.address }.map(\.name)
            for address in [function.address, function.address + function.size - 1] {
                #expect(try names.contains(#require(image.name(at: address))))
                #expect(image.source(at: address) == .dynamicSymbols)
            }
        }
    }

    @Test(
        "Stubs are found among the code", .enabled(if: isInstalled("objdump"), "needs objdump"),
        arguments: [
            ["-Wl,-z,lazy", "-fcf-protection=none"], ["-fcf-protection=full", "-Wl,-z,ibtplt"],
            ["-Wl,-z,lazy", "-fno-plt"],
        ])
    func stubs(options: [String]) throws {
        let path = try compile(["functions.c", "labels.S"], ["-O1", "-fno-builtin"] + options, in: directory)
        let listing = try #require(output(of: "objdump", ["-d", "--no-show-raw-insn", path]))
        let image = try symbols(of: withoutSectionHeaders(path, in: directory))
        var stubs: [UInt64: String] = [:]
        // `.plt.got` jumps through slots that other code uses too: it has no names without its section.
        for line in listing.split(separator: "\n") where line.hasSuffix("@plt>:") && !line.contains("__cxa_finalize") {
            let words = line.dropLast(2).split(separator: " ")
            stubs[try #require(UInt64(words[0], radix: 16))] = String(words[1].dropFirst())
        }
        #expect(stubs.values.contains("labs@plt") != options.contains("-fno-plt"))
        for (address, name) in stubs {
            #expect(image.name(at: address) == name && image.name(at: address + 15) == name)
        }
        // And nothing else is one.
        let text = try listedSection(".text", of: path)
        for address in text.address..<text.address + text.size { #expect(image.source(at: address) != .linkageStub) }
    }

    @Test("Functions that are not exported keep their range, and the file its build-id")
    func ranges() throws {
        let path = try compile(["functions.c", "labels.S"], ["-O1", "-Wl,--build-id=sha1"], in: directory)
        let image = try symbols(of: withoutSectionHeaders(path, in: directory))
        let main = try #require(try listedFunctions(path).first { $0.name == "main" })
        #expect(
            image.answer(at: ImageAddress(main.address))
                == .range(start: ImageAddress(main.address), end: ImageAddress(main.address + main.size)))
        #expect(image.buildID.count == 20)
        #expect(try image.buildID == symbols(of: path).buildID)
    }

    @Test("66,000 sections: counts and section numbers that do not fit 16 bits")
    func manySections() throws {
        let count = 66_000
        var source = ".text\n.globl _start\n_start: ret\n"
        for index in 0..<count {
            source += """
                .section .s\(index),"ax",@progbits
                .globl function_\(index)
                .type function_\(index),@function
                function_\(index): nop; ret
                .size function_\(index),2

                """
        }
        let file = try directory.write(source.utf8, to: "many.s")
        try run("gcc", "-nostdlib", "-static", "-o", directory.path + "/many", file)
        let path = directory.path + "/many"
        #expect(
            try #require(output(of: "readelf", ["-hW", path])).contains("Number of section headers:         0 (66"))
        let image = try symbols(of: path)
        let listed = try listedFunctions(path).filter { $0.size > 0 }
        #expect(listed.count == count)
        var wrong = 0
        for function in listed where image.name(at: function.address + 1) != function.name { wrong += 1 }
        #expect(wrong == 0)
    }
}
