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
        ffffffff81000600 T __lock_text_start
        ffffffff81000600 T __pfx__raw_spin_lock
        ffffffff81000610 T _raw_spin_lock
        ffffffff81000700 T __lock_text_end
        ffffffff81000710 T __pi_memcpy
        ffffffff81000710 T __memcpy
        ffffffff81000710 T memcpy
        ffffffff81000800 T __pi__text
        ffffffff81000800 t __pi___pfx_early
        ffffffff81000900 t __pi_early
        ffffffff81001000 T _etext
        ffffffff81001000 T behind_the_image
        ffffffff81800000 T _sinittext
        ffffffff81800010 t set_up_once
        ffffffff81801000 T _einittext
        ffffffffc0001020 t late_in_module\t[ext4]
        ffffffffc0000010 T early_in_module\t[ext4]
        ffffffffc0008000 t bpf_prog_6deef7357e7b4530\t[bpf]
        ffffffffc0009000 t bpf_trampoline_6442\t[bpf]
        ffffffffc0900000 t ftrace_trampoline\t[__builtin__ftrace]
        ffffffffc0901000 t kprobe_insn_page\t[__builtin__kprobes]
        ffffffffc0a00000 t far_away\t[nf_tables]
        no line at all
        ffffffffc0b00000 t

        """

    @Test(
        "A function reaches to the next one, in whatever order the list is",
        arguments: [
            (0x0, "srso_alias_untrain_ret"), (0xff, "srso_alias_untrain_ret"), (0x100, nil), (0x10f, nil),
            (0x110, "do_idle"), (0x1ff, "do_idle"), (0x200, "__x64_sys_getppid"), (0x350, "__x64_sys_getppid"),
            (0x400, "strong_one"), (0x500, "short"), (0x5ff, "short"), (0x600, nil), (0x610, "_raw_spin_lock"),
            (0x6ff, "_raw_spin_lock"),
            (0x700, nil), (0x710, "memcpy"), (0x7ff, "memcpy"), (0x800, nil), (0x900, "__pi_early"),
            (0xfff, "__pi_early"), (0x1000, nil), (0x10ff, nil),
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

    @Test("Memory that held the code of the boot has no names: it was given back")
    func boot() throws {
        let kernel = try kernel(Self.list)
        for offset: UInt64 in [0, 0x10, 0xfff, 0x1000] { #expect(name(kernel, 0xffff_ffff_8180_0000 + offset) == nil) }
        // A list without the borders says nothing about them.
        let short = try self.kernel("ffffffff81800010 t set_up_once\n")
        #expect(name(short, 0xffff_ffff_8180_0010) == "set_up_once")
    }

    @Test(
        "Code that was made at run time stands in modules of the list's own",
        arguments: [
            (0x8000, "bpf_prog_6deef7357e7b4530", "bpf"), (0x8fff, "bpf_prog_6deef7357e7b4530", "bpf"),
            (0x9000, "bpf_trampoline_6442", "bpf"), (0x9fff, "bpf_trampoline_6442", "bpf"), (0xa000, nil, nil),
            (0x90_0000, "ftrace_trampoline", "__builtin__ftrace"),
            (0x90_0fff, "ftrace_trampoline", "__builtin__ftrace"),
            (0x90_1000, "kprobe_insn_page", "__builtin__kprobes"),
        ] as [(UInt64, String?, String?)])
    func runtimeCode(offset: UInt64, expected: String?, module: String?) throws {
        let kernel = try kernel(Self.list)
        let address = 0xffff_ffff_c000_0000 + offset
        #expect(name(kernel, address) == expected)
        if let module { #expect(kernel.answer(at: RuntimeAddress(address)).module == Array(module.utf8)) }
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

    @Test("Who waits for it no more ends the reading with its next chunk")
    func stopped() throws {
        let directory = try TemporaryDirectory()
        let line = Array("ffffffff81000000 T function\n".utf8)
        let path = try directory.write(Array([[UInt8]](repeating: line, count: 10_000).joined()), to: "kallsyms")
        var asked = 0
        #expect(throws: Errno.interrupted) {
            _ = try KernelSymbols(readingKallsyms: descriptor(path)) {
                asked += 1
                return asked < 3
            }
        }
        #expect(asked == 3)
    }

    @Test(
        "2,000 addresses of the running kernel are what a plain reading of its list says",
        .enabled(if: kernelShowsAddresses, "needs /proc/kallsyms with addresses"))
    func running() throws {
        let kernel = try KernelSymbols(readingKallsyms: descriptor("/proc/kallsyms"))
        let list = try PlainList()
        var random = SeededRandom(11)
        let first = try #require(list.addresses.first)
        let last = try #require(list.addresses.last)
        for round in 0..<2000 {
            let near = list.addresses[random.below(list.addresses.count)]
            let address =
                switch round % 4 {
                case 0: UInt64.random(in: first...last, using: &random)
                case 1: near &+ UInt64(random.below(140_000)) &- 70_000
                default: near &+ UInt64(random.below(64)) &- 16
                }
            let found = kernel.answer(at: RuntimeAddress(address))
            let (names, module) = list.answers(address)
            let text = name(kernel, address)
            #expect(text.map { names.contains($0) } ?? names.isEmpty, "\(String(address, radix: 16)): \(names)")
            #expect(text == nil || found.module.map { String(decoding: $0, as: UTF8.self) } == module)
        }
    }
}

/// Whether this process is shown where the kernel's functions are.
private let kernelShowsAddresses =
    output(of: "sh", ["-c", "grep -m 1 -E ' [tT] ' /proc/kallsyms | grep -v '^0*  *'"]) != nil

/// The list read line by line, as proc(5) and the kernel's linker script describe it.
private struct PlainList {
    private var lines: [UInt64: [(name: String, type: Character, module: String?)]] = [:]
    private(set) var addresses: [UInt64] = []

    init() throws {
        let text = try #require(output(of: "grep", ["-E", "^[0-9a-f]+ [tTwW] ", "/proc/kallsyms"]))
        var all: [(address: UInt64, name: String, type: Character, module: String?)] = []
        for line in text.split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" }
            let module = words.count > 3 ? String(words[3].dropFirst().dropLast()) : nil
            try all.append((#require(UInt64(words[0], radix: 16)), String(words[2]), words[1].first ?? " ", module))
        }
        let start = try #require(all.first { $0.name == "_text" }).address
        let end = try #require(all.first { $0.name == "_etext" }).address
        for line in all where line.module != nil || (start...end).contains(line.address) {
            let name = line.address == end && line.module == nil ? "_etext" : line.name
            lines[line.address, default: []].append((name, line.type, line.module))
        }
        addresses = lines.keys.sorted()
    }

    /// The names an address may have, none where it must have none.
    func answers(_ address: UInt64) -> (names: [String], module: String?) {
        var (low, high) = (0, addresses.count)
        while low < high {
            let middle = (low + high) / 2
            if addresses[middle] <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, let here = lines[addresses[low - 1]] else { return ([], nil) }
        let start = addresses[low - 1]
        if address - start >= 65_536 { return ([], nil) }
        if low < addresses.count, lines[addresses[low]]?[0].module != here[0].module, address / 4096 != start / 4096 {
            return ([], nil)
        }
        var names = here.filter { !isBorder($0.name) }
        for preferred: (String, Character) -> Bool in [
            { name, _ in name.hasPrefix("__x64_sys_") || name.hasPrefix("__arm64_sys_") }, { _, type in type == "T" },
            { _, type in type == "W" },
        ] where names.contains(where: { preferred($0.name, $0.type) }) {
            names = names.filter { preferred($0.name, $0.type) }
            break
        }
        return (names.map(\.name), here[0].module)
    }

    private func isBorder(_ name: String) -> Bool {
        let plain = name.hasPrefix("__pi__") ? String(name.dropFirst(5)) : name
        return ["_text", "_stext", "_etext"].contains(plain) || plain.hasPrefix("__pfx_") || plain.hasPrefix("__cfi_")
            || plain.hasPrefix("_") && (plain.hasSuffix("_text_start") || plain.hasSuffix("_text_end"))
    }
}
