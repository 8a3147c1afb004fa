import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

/// Made the way distributions do it: the names that are not exported, alone in an image, compressed.
@Suite(
    "Compressed symbols of an image",
    .enabled(if: haveCompiler && isInstalled("objcopy") && isInstalled("xz"), "needs gcc, binutils and xz"))
struct CompressedSymbolsTests {
    let directory: TemporaryDirectory
    let whole: String
    let stripped: String

    init() throws {
        directory = try TemporaryDirectory()
        whole = try compile(["functions.c", "labels.S"], ["-O1", "-fno-builtin", "-rdynamic"], in: directory)
        stripped = directory.path + "/stripped"
        try run("strip", "-o", stripped, whole)
    }

    /// The stripped program with a section of these bytes.
    private func program(with section: String) throws -> String {
        try run("objcopy", "--add-section", ".gnu_debugdata=\(section)", stripped, directory.path + "/packed")
        return directory.path + "/packed"
    }

    private func miniImage() throws -> String {
        let mini = directory.path + "/mini"
        let exported = Set(try listedFunctions(whole, ["-D"]).map(\.name))
        let kept = try listedFunctions(whole).map(\.name).filter { !exported.contains($0) }
        let list = try directory.write(kept.joined(separator: "\n").utf8, to: "kept")
        try run("objcopy", "--only-keep-debug", whole, mini)
        try run("objcopy", "-S", "--remove-section", ".comment", "--keep-symbols=\(list)", mini)
        return mini
    }

    private func compressed(_ path: String) throws -> String {
        try run("xz", "-k", path)
        return path + ".xz"
    }

    @Test("Every function has the name it had before the file was stripped")
    func names() throws {
        let packed = try program(with: compressed(miniImage()))
        let (image, steps) = try explainedSymbols(of: packed)
        let original = try symbols(of: whole)
        let functions = try listedFunctions(whole).filter { $0.size > 0 }
        #expect(functions.count >= 8)
        for function in functions {
            for address in [function.address, function.address + function.size - 1] {
                #expect(image.name(at: address) == original.name(at: address))
            }
        }
        let hidden = try #require(functions.first { $0.name == "hidden_twice" })
        let exported = try #require(functions.first { $0.name == "add_one" })
        #expect(image.source(at: hidden.address) == .compressedSymbols)
        #expect(image.source(at: exported.address) == .dynamicSymbols)
        #expect(steps.contains(".gnu_debugdata: functions"))
        // Without them the function has but a range.
        #expect(try symbols(of: stripped).name(at: hidden.address) == nil)
    }

    @Test("What is no xz stream, is cut off or holds no image is passed over", arguments: ["noise", "cut", "text"])
    func broken(kind: String) throws {
        let section: String
        switch kind {
        case "noise": section = try directory.write(Array(repeating: 0x5a, count: 1000), to: "noise")
        case "cut":
            let packed = try Data(contentsOf: URL(fileURLWithPath: compressed(miniImage())))
            section = try directory.write(packed.prefix(packed.count / 2), to: "cut")
        default: section = try compressed(directory.write("no image\n".utf8, to: "text"))
        }
        let (image, steps) = try explainedSymbols(of: program(with: section))
        let function = try #require(try listedFunctions(whole).first { $0.name == "add_one" })
        #expect(image.name(at: function.address) == "add_one")
        #expect(
            steps.contains(kind == "text" ? ".gnu_debugdata: no ELF file" : ".gnu_debugdata: its tables do not fit"))
    }

    @Test("What is large has its names too, and the next one its turn")
    func large() throws {
        let mini = try miniImage()
        var random = SeededRandom(1)
        let padding = (0..<(CompressedSymbols.smallSize / 8 + 100_000)).map { _ in random.next() }
        let end = try FileHandle(forWritingTo: URL(fileURLWithPath: mini))
        try end.seekToEnd()
        try end.write(contentsOf: unsafe padding.withUnsafeBytes { unsafe Data($0) })
        try end.close()
        let image = try symbols(of: program(with: compressed(mini)))
        let hidden = try #require(try listedFunctions(whole).first { $0.name == "hidden_twice" })
        #expect(image.source(at: hidden.address) == .compressedSymbols)
        #expect(image.byteCount > CompressedSymbols.smallSize)
        let next = try #require(CompressedSymbols.turn.take())
        CompressedSymbols.turn.giveBack(next)
    }

    @Test("What swells beyond reason is passed over")
    func bomb() throws {
        // Still an ELF file at its front.
        let bomb = try miniImage()
        try FileHandle(forUpdating: URL(fileURLWithPath: bomb)).truncate(atOffset: 60 << 20)
        let packed = try compressed(bomb)
        let (image, steps) = try explainedSymbols(of: program(with: packed))
        #expect(steps.contains(".gnu_debugdata: a table is too large"))
        #expect(image.byteCount < 1 << 20)
    }
}
