import CLinuxShims
import Foundation
import SampleEngine
import SampleEngineTestSupport
import Synchronization
import Testing

/// Images that differ in what is read of them.
enum ImageKind: String, CaseIterable, CustomTestStringConvertible {
    case whole
    case stripped
    case withCompressedSymbols
    case withoutSectionHeaders
    case aarch64
    case go

    var testDescription: String { rawValue }
}

@Suite("Broken images", .enabled(if: haveCompiler && isInstalled("xz"), "needs gcc, binutils and xz"))
struct BrokenImageTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A small file of a kind, and the parts of it that are read: most of a file is padding and code, where changes
    /// would find nothing.
    private func image(_ kind: ImageKind) throws -> (bytes: [UInt8], parts: [Range<Int>]) {
        if kind == .go {
            let functions = (0..<20).map { (start: UInt64(48 * $0), name: "main.function\($0)") }
            let table = MadeGoTable(layout: .go20, text: 0x1100, functions: functions, end: 960)
            var image = MadeImage(code: [0x1000..<0x2000])
            image.constants = table.bytes
            let bytes = image.bytes
            let start = bytes.count - table.bytes.count
            // The list most of all.
            return (bytes, [0..<start, start..<start + 72, start + table.listOffset..<bytes.count])
        }
        var path: String
        let names = [
            ".dynsym", ".dynstr", ".gnu.version", ".rela.plt", ".rela.dyn", ".eh_frame", ".eh_frame_hdr", ".plt",
            ".plt.sec", ".symtab", ".strtab", ".shstrtab", ".note.gnu.build-id", ".gnu_debugdata", ".dynamic",
            ".gnu.hash", ".hash",
        ]
        if kind == .aarch64 {
            path = try compile(
                ["freestanding.c"],
                [
                    "--target=aarch64-linux-gnu", "-fuse-ld=lld", "-nostdlib", "-shared", "-fPIC", "-O1",
                    "-Wl,--build-id=sha1",
                ],
                compiler: "clang", in: directory)
        } else {
            path = try compile(
                ["functions.c", "labels.S"],
                ["-O1", "-fno-builtin", "-shared", "-fPIC", "-Wl,-z,norelro", "-Wl,--hash-style=both"], in: directory)
        }
        if kind == .stripped { try run("strip", path) }
        if kind == .withCompressedSymbols {
            let mini = directory.path + "/mini"
            try run("objcopy", "--only-keep-debug", path, mini)
            try run("xz", "-f", mini)
            try run("strip", path)
            try run("objcopy", "--add-section", ".gnu_debugdata=\(mini).xz", path)
        }
        var parts = [0..<64 + 56 * 9]
        for name in names {
            guard let section = try? listedSection(name, of: path), section.size > 0 else { continue }
            parts.append(Int(section.offset)..<Int(section.offset + section.size))
        }
        if kind == .withoutSectionHeaders { path = try withoutSectionHeaders(path, in: directory) }
        let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        if kind != .withoutSectionHeaders { parts.append(Int(bytes[40]) | Int(bytes[41]) << 8..<bytes.count) }
        return (bytes, parts)
    }

    private static func changed(
        _ whole: [UInt8], _ parts: [Range<Int>], round: Int, _ random: inout SeededRandom
    ) -> [UInt8] {
        var bytes = whole
        for _ in 0...random.below(4) {
            let part = parts[(round + random.below(2) * 5) % parts.count]
            let place = part.lowerBound + random.below(part.count)
            switch random.below(3) {
            case 0: bytes[place] = 0xff
            case 1: bytes[place] ^= 1 << UInt8(random.below(8))
            default: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return bytes
    }

    /// Loads an image and asks about all of its code: the point is that it comes back, soon and small.
    private func exercise(_ bytes: [UInt8]) throws {
        // In memory: thousands of files would only wait for the disk.
        let number = unsafe pt_memfd("broken")
        try #require(number >= 0)
        let file = Descriptor(owning: number)
        try #require(unsafe write(number, bytes, bytes.count) == bytes.count)
        let started = threadSeconds()
        defer { #expect(threadSeconds() - started < 2) }
        let image: ImageSymbols
        do { image = try ImageSymbols(reading: file) } catch { return }
        ask(image)
        // The same without tables in memory.
        guard let sparse = try? symbols(ofMade: bytes, isSparse: true) else { return }
        let addresses = stride(from: UInt64(0), to: 0x5000, by: 251).map { ImageAddress($0) }
        let far = [UInt64.max, 1 << 63, 1 << 32, (1 << 32) - 1].map { ImageAddress($0) }
        #expect(sparse.answers(at: addresses + far, meter: ReadingMeter()).count == addresses.count + far.count)
        #expect(sparse.byteCount < 64 << 20)
    }

    private func ask(_ image: ImageSymbols) {
        for address in stride(from: UInt64(0), to: 0x5000, by: 251) { _ = image.answer(at: ImageAddress(address)) }
        for address: UInt64 in [.max, 1 << 63, 1 << 32, (1 << 32) - 1] { _ = image.answer(at: ImageAddress(address)) }
        for offset in stride(from: UInt64(0), to: 0x4000, by: 2039) { _ = image.imageAddress(of: FileOffset(offset)) }
        #expect(image.byteCount < 64 << 20)
    }

    /// Processor time: the machine may have other things to do.
    private func threadSeconds() -> Double {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static let kinds = ImageKind.allCases.filter { $0 != .aarch64 || isInstalled("clang") && isInstalled("ld.lld") }
    static let rounds = Machine.isFull ? 10_000 : 1000

    @Test("Any bit may be wrong", arguments: kinds)
    func flippedBits(kind: ImageKind) throws {
        let (whole, parts) = try image(kind)
        var random = SeededRandom(42)
        for round in 0..<Self.rounds { try exercise(Self.changed(whole, parts, round: round, &random)) }
    }

    @Test("Any bit of a separate debug file may be wrong")
    func flippedDebugFile() throws {
        let (whole, parts) = try image(.whole)
        let program = try directory.write(whole, to: "program")
        try run("strip", program)
        // The path is that of the program: a file is its own debug file, as far as its build-id goes.
        let hex = try symbols(of: program).buildID.map { String(format: "%02x", $0) }.joined()
        let folder = directory.path + "/usr/lib/debug/.build-id/" + hex.prefix(2)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let place = String("usr/lib/debug/.build-id/\(hex.prefix(2))/\(hex.dropFirst(2)).debug")
        let files = DebugFiles(ofImageAt: [], ownRoot: directory.path, processRoot: directory.path)
        var random = SeededRandom(43)
        var used = 0
        for round in 0..<Self.rounds / 4 {
            _ = try directory.write(Self.changed(whole, parts, round: round, &random), to: place)
            var explanation = Explanation(isWanted: true)
            let image = try ImageSymbols(reading: descriptor(program), debugFiles: files, explanation: &explanation)
            if explanation.steps.contains(where: { $0.hasPrefix(".symtab of the debug file") }) { used += 1 }
            ask(image)
        }
        #expect(used > Self.rounds / 8)
    }

    @Test("A file may be cut, emptied and written while it is read")
    func writtenWhileRead() throws {
        let (whole, _) = try image(.whole)
        let path = try directory.write(whole, to: "victim")
        let main = try #require(try listedFunctions(path).first { $0.name == "add_one" })
        let writer = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let number = writer.fileDescriptor
        let stop = Mutex(false)
        let thread = Thread {
            var random = SeededRandom(44)
            while !stop.withLock({ $0 }) {
                ftruncate(number, off_t(random.below(whole.count)))
                _ = unsafe pwrite(number, whole, whole.count, 0)
            }
        }
        thread.start()
        defer { stop.withLock { $0 = true } }
        var read = 0
        for _ in 0..<Self.rounds {
            guard let image = try? symbols(of: path) else { continue }
            read += 1
            switch image.answer(at: ImageAddress(main.address)) {
            case .symbol(let name, _, _, _): #expect(String(decoding: name, as: UTF8.self) == "add_one")
            case .none(.fileChanged), .none(.imageUnreadable): break
            case let other: Issue.record("\(other)")
            }
        }
        // Else nothing was tested.
        #expect(read < Self.rounds)
    }

    @Test("A file may end anywhere", arguments: kinds)
    func truncated(kind: ImageKind) throws {
        let (whole, _) = try image(kind)
        for size in stride(from: 0, to: whole.count, by: 97) { try exercise(Array(whole[..<size])) }
        if kind == .whole {
            #expect(throws: ELFError.truncated) {
                try symbols(of: directory.write(whole[..<(whole.count - 1)], to: "short"))
            }
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
