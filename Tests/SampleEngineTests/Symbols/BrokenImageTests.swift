import CLinuxShims
import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Broken images", .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
struct BrokenImageTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Loads an image and asks about all of its code; the point is that it comes back.
    private func exercise(_ bytes: [UInt8]) throws {
        // In memory: thousands of files would only wait for the disk.
        let number = unsafe pt_memfd("broken")
        try #require(number >= 0)
        let file = Descriptor(owning: number)
        try #require(unsafe write(number, bytes, bytes.count) == bytes.count)
        let image: ImageSymbols
        do { image = try ImageSymbols(reading: file) } catch { return }
        for address in stride(from: UInt64(0), to: 0x5000, by: 251) { _ = image.answer(at: ImageAddress(address)) }
        for address: UInt64 in [.max, 1 << 63, 1 << 32, (1 << 32) - 1] { _ = image.answer(at: ImageAddress(address)) }
        for offset in stride(from: UInt64(0), to: 0x4000, by: 2039) { _ = image.imageAddress(of: FileOffset(offset)) }
        #expect(image.byteCount < 64 << 20)
    }

    @Test("Any bit may be wrong")
    func flippedBits() throws {
        let path = try compile(
            ["functions.c", "labels.S"], ["-O1", "-fno-builtin", "-shared", "-fPIC", "-Wl,-z,norelro"], in: directory)
        let whole = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        // Most of a file is padding and code; changes there would find nothing.
        var parts = [0..<64 + 56 * 9]
        for name in [
            ".dynsym", ".dynstr", ".gnu.version", ".rela.plt", ".rela.dyn", ".eh_frame", ".eh_frame_hdr", ".plt",
            ".symtab", ".strtab", ".shstrtab", ".note.gnu.build-id",
        ] {
            guard let section = try? listedSection(name, of: path) else { continue }
            parts.append(Int(section.offset)..<Int(section.offset + section.size))
        }
        let sectionHeaders = Int(whole[40]) | Int(whole[41]) << 8
        parts.append(sectionHeaders..<whole.count)
        var random = Random(seed: 42)
        for round in 0..<2000 {
            var bytes = whole
            for _ in 0...Int(random.next() % 4) {
                let part = parts[(round + Int(random.next() % 2) * 5) % parts.count]
                let place = part.lowerBound + Int(random.next() % UInt64(part.count))
                switch random.next() % 3 {
                case 0: bytes[place] = 0xff
                case 1: bytes[place] ^= 1 << UInt8(random.next() % 8)
                default: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            try exercise(bytes)
        }
    }

    @Test("A file may end anywhere")
    func truncated() throws {
        let path = try compile(["functions.c"], ["-O1", "-shared", "-fPIC"], in: directory)
        let whole = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        for size in stride(from: 0, to: whole.count, by: 97) { try exercise(Array(whole[..<size])) }
        #expect(throws: ELFError.truncated) {
            try symbols(of: directory.write(whole[..<(whole.count - 1)], to: "short"))
        }
    }

    @Test("What is no little-endian ELF image is refused")
    func refused() throws {
        #expect(throws: ELFError.notELF) { try symbols(of: directory.write([], to: "empty")) }
        #expect(throws: ELFError.notELF) { try symbols(of: directory.write("#!/bin/sh\nexit 0\n".utf8, to: "script")) }
        let bigEndian: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 2, 1, 0] + Array(repeating: 0, count: 56)
        #expect(throws: ELFError.unsupported) { try symbols(of: directory.write(bigEndian, to: "big")) }
        #expect(Unresolved(ELFError.notELF) == .notELF)
        #expect(Unresolved(ELFError.truncated) == .imageUnreadable(errno: ENOEXEC))
    }

    @Test("A sparse file that claims a table of a terabyte is refused at once")
    func sparse() throws {
        let path = try compile(["functions.c"], ["-O1"], in: directory)
        var bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        let headers = Int(bytes[40]) | Int(bytes[41]) << 8
        for header in stride(from: headers, to: bytes.count - 63, by: 64) where bytes[header + 4] == 2 {
            // sh_size of .symtab: 2⁴⁰
            bytes.replaceSubrange(header + 32..<header + 40, with: [0, 0, 0, 0, 0, 1, 0, 0])
        }
        let sparse = try directory.write(bytes, to: "sparse")
        try FileHandle(forUpdating: URL(fileURLWithPath: sparse)).truncate(atOffset: 1 << 41)
        #expect(throws: ELFError.tooLarge) { try symbols(of: sparse) }
    }

    @Test("A directory is an error of reading, not a crash")
    func directoryInPlaceOfFile() throws {
        #expect(throws: ELFError.self) { try symbols(of: "/proc/self") }
    }
}
