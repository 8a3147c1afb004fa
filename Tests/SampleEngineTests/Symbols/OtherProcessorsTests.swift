import SampleEngine
import SampleEngineTestSupport
import Testing

/// Programs need not run here to be read: a profile may be looked at on another machine, and 32-bit programs run on
/// 64-bit kernels.
@Suite(
    "Images for other processors",
    .enabled(if: haveCompiler && isInstalled("clang") && isInstalled("ld.lld"), "needs clang and lld"))
struct OtherProcessorsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func library(_ options: [String]) throws -> String {
        try compile(
            ["freestanding.c"],
            options + ["-fuse-ld=lld", "-nostdlib", "-shared", "-fPIC", "-O1", "-Wl,--build-id=sha1"],
            compiler: "clang", in: directory)
    }

    static let targets = [
        ["--target=x86_64-linux-gnu"], ["--target=aarch64-linux-gnu"], ["--target=i386-linux-gnu"],
        ["--target=aarch64-linux-gnu", "-mbranch-protection=standard", "-Wl,-z,force-bti"],
    ]

    @Test("Every byte of a function has its name, and no mapping symbol's", arguments: targets)
    func functions(options: [String]) throws {
        let path = try library(options)
        let image = try symbols(of: path)
        let functions = try listedFunctions(path).filter { $0.type == "T" }
        #expect(functions.map(\.name).sorted() == ["calls_elsewhere", "calls_nothing"])
        for function in functions {
            for address in function.address..<function.address + function.size {
                #expect(image.name(at: address) == function.name)
            }
        }
        #expect(image.buildID.count == 20)
    }

    @Test("File offsets and addresses differ from segment to segment", arguments: targets)
    func offsets(options: [String]) throws {
        let path = try library(options)
        let text = try listedSection(".text", of: path)
        #expect(text.offset != text.address)
        #expect(try symbols(of: path).imageAddress(of: FileOffset(text.offset)) == ImageAddress(text.address))
    }

    @Test(
        "Stubs are named as llvm-objdump names them", .enabled(if: isInstalled("llvm-objdump"), "needs llvm-objdump"),
        arguments: targets.filter { !$0[0].contains("i386") })
    func stubs(options: [String]) throws {
        let path = try library(options)
        let image = try symbols(of: path)
        let listing = try #require(output(of: "llvm-objdump", ["-d", "--no-show-raw-insn", path]))
        var names: [String] = []
        for line in listing.split(separator: "\n") where line.hasSuffix("@plt>:") {
            let words = line.dropLast(2).split(separator: " ")
            let address = try #require(UInt64(words[0], radix: 16))
            names.append(String(words[1].dropFirst()))
            #expect(image.name(at: address) == names.last)
            #expect(image.name(at: address + 12) == names.last)
        }
        #expect(names.sorted() == ["elsewhere@plt", "elsewhere_too@plt"])
    }
}
