import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("The kernel's functions")
struct KernelSymbolsTests {
    private func kernel(_ text: String) throws -> KernelSymbols {
        let directory = try TemporaryDirectory()
        return try KernelSymbols(readingKallsyms: descriptor(directory.write(text.utf8, to: "kallsyms")))
    }

    private func name(_ kernel: KernelSymbols, _ address: UInt64) -> String? {
        guard case .symbol(let name, _, _, _) = kernel.answer(at: RuntimeAddress(address)).answer else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    static let list = """
        ffffffff81000000 T srso_alias_untrain_ret
        ffffffff81000000 T _stext
        ffffffff81000000 T _text
        ffffffff81000100 t __pfx_do_idle
        ffffffff81000110 t do_idle
        ffffffff81000200 T __x64_sys_getppid
        ffffffff81000200 T __ia32_sys_getppid
        ffffffff81000200 t __do_sys_getppid
        ffffffff81000300 d some_data
        ffffffff81000400 W weak_one
        ffffffff81000400 T strong_one
        ffffffff81000500 t short
        ffffffff81000500 t a_longer_one
        ffffffff81000500 t short.cold
        ffffffff81001000 T _etext
        ffffffffc0001020 t late_in_module\t[ext4]
        ffffffffc0000010 T early_in_module\t[ext4]
        ffffffffc0008000 t bpf_prog_6deef7357e7b4530\t[bpf]
        ffffffffc0a00000 t far_away\t[nf_tables]
        no line at all
        ffffffffc0b00000 t

        """

    @Test(
        "A function reaches to the next one, in whatever order the list is",
        arguments: [
            (0x0, "srso_alias_untrain_ret"), (0xff, "srso_alias_untrain_ret"), (0x100, nil), (0x10f, nil),
            (0x110, "do_idle"), (0x1ff, "do_idle"), (0x200, "__x64_sys_getppid"), (0x350, "__x64_sys_getppid"),
            (0x400, "strong_one"), (0x500, "short"), (0xfff, "short"), (0x1000, nil),
        ] as [(UInt64, String?)])
    func core(offset: UInt64, expected: String?) throws {
        #expect(try name(kernel(Self.list), 0xffff_ffff_8100_0000 + offset) == expected)
    }

    @Test("A module is named without brackets, and ends before the next one's page")
    func modules() throws {
        let kernel = try kernel(Self.list)
        let early = kernel.answer(at: RuntimeAddress(0xffff_ffff_c000_0010))
        #expect(early.module == Array("ext4".utf8))
        #expect(name(kernel, 0xffff_ffff_c000_101f) == "early_in_module")
        #expect(name(kernel, 0xffff_ffff_c000_1fff) == "late_in_module")
        #expect(name(kernel, 0xffff_ffff_c000_2000) == nil)
        #expect(kernel.answer(at: RuntimeAddress(0xffff_ffff_8100_0110)).module == nil)
    }

    @Test("The last function of a gap is cut at 64 KiB, and nothing is before the first")
    func gaps() throws {
        let kernel = try kernel(Self.list)
        #expect(name(kernel, 0xffff_ffff_c0a0_ffff) == "far_away")
        #expect(name(kernel, 0xffff_ffff_c0a1_0000) == nil)
        #expect(kernel.answer(at: RuntimeAddress(.max)).answer == .none(.betweenSymbols))
        #expect(kernel.answer(at: RuntimeAddress(0x1000)).answer == .none(.betweenSymbols))
    }

    @Test("A kernel that hides its addresses says so")
    func restricted() throws {
        let hidden = try kernel("0000000000000000 T _text\n0000000000000000 t do_idle\n")
        #expect(hidden.isRestricted)
        #expect(hidden.answer(at: RuntimeAddress(0)).answer == .none(.imageHasNoSymbols))
        #expect(try !kernel(Self.list).isRestricted)
        #expect(try !kernel("").isRestricted)
    }

    @Test("Lines are whole again where a chunk cuts them, and the last needs no newline")
    func chunks() throws {
        let lines = (0..<10_000).map {
            String(0xffff_ffff_8100_0000 + UInt64($0) * 16, radix: 16) + " t function_\($0)"
        }
        let kernel = try kernel(lines.joined(separator: "\n"))
        #expect(kernel.count == 10_000)
        for index in stride(from: 0, to: 10_000, by: 7) {
            #expect(name(kernel, 0xffff_ffff_8100_0000 + UInt64(index) * 16 + 15) == "function_\(index)")
        }
        #expect(name(kernel, 0xffff_ffff_8100_0000 + 9_999 * 16) == "function_9999")
    }

    @Test("Bytes that are no list of the kernel's do no harm")
    func nonsense() throws {
        var random = Random(seed: 3)
        let directory = try TemporaryDirectory()
        for _ in 0..<200 {
            var bytes = Array(Self.list.utf8)
            for _ in 0..<20 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let list = try KernelSymbols(readingKallsyms: descriptor(directory.write(bytes, to: "kallsyms")))
            _ = list.answer(at: RuntimeAddress(random.next()))
        }
        let endless = try directory.write(Array(repeating: 0x61, count: 200_000), to: "endless")
        #expect(try KernelSymbols(readingKallsyms: descriptor(endless)).count == 0)
    }

    @Test(
        "The running kernel's list agrees with a plain reading of it",
        .enabled(if: FileManager.default.isReadableFile(atPath: "/proc/kallsyms"), "needs /proc/kallsyms"))
    func running() throws {
        let kernel = try KernelSymbols(readingKallsyms: descriptor("/proc/kallsyms"))
        guard !kernel.isRestricted, kernel.count > 0 else { return }
        let text = try #require(output(of: "grep", ["-E", " [tT] (schedule|vfs_read|do_exit)$", "/proc/kallsyms"]))
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            #expect(try name(kernel, #require(UInt64(words[0], radix: 16))) == String(words[2]))
        }
    }
}
