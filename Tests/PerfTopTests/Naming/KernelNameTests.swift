import Foundation
import Testing

extension EndToEnd {
    /// Names of the kernel's own code; its list is the oracle, read here in the plainest way.
    @Suite("names: kernel", .needsPerf, .needsCompiler)
    struct KernelNames {
        @Test("system calls: every name is in the kernel's list", .needs(whyNoKernelNames))
        func calls() throws {
            let running = try Program.sysload.start(["20"])
            let frame = try sample(["-p", "\(running.pid)", "-n", "1"])[0]
            running.stop()
            let kernel = frame.rows.filter { $0.kind == "kernel" }
            #expect(kernel.reduce(0) { $0 + $1.selfPercent } > 50, "\(frame.rows.prefix(4))")
            let list = try run("/bin/cat", ["/proc/kallsyms"]).output
            let names = Set(
                list.split(separator: "\n").compactMap { $0.split(whereSeparator: \.isWhitespace).dropFirst(2).first })
            for row in kernel where row.symbol != "[unknown]" {
                let raw = row.rawSymbol ?? row.symbol
                let isListed = names.contains(Substring(raw))
                #expect(isListed, "\(raw)")
                #expect(!raw.hasPrefix("__pfx_") && !raw.hasSuffix("_text_start") && raw != "_stext")
            }
            #expect(frame.percent { $0.module == "[kernel]" && $0.symbol == "[unknown]" } < 0.5)
        }

        @Test("BPF programs by the kernel's own name for them", .needsPerfOfAll, .needs(whyNoBPF), .slow)
        func bpf() throws {
            let running = try Running(Program.bpf.path, ["8"])
            let frame = try sample(["-a", "-n", "1", "-d", "9"])[0]
            let own = try oracle(running.finish().output)
            let rows = frame.rows.filter { $0.symbol.hasPrefix("bpf_prog_") && $0.process == "bpf" }
            for name in own.keys { #expect(rows.contains { $0.symbol == name && $0.module == "[bpf]" }, "\(name)") }
            let unknown = frame.percent { $0.process == "bpf" && $0.symbol == "[unknown]" }
            #expect(unknown < 1, "\(frame.rows.filter { $0.process == "bpf" })")
        }

        @Test("where the kernel hides its addresses: one row, and a note that says what to do", .needs(whyNoUsers))
        func hidden() throws {
            let setting = try KernelSetting("/proc/sys/kernel/kptr_restrict")
            try setting.set(2)
            let running = try Program.sysload.start(["20"])
            let frame = try sample(["-p", "\(running.pid)", "-n", "1"])[0]
            let kernel = frame.rows.filter { $0.module == "[kernel]" }
            #expect(kernel.map(\.symbol) == ["[unknown]"])
            #expect(frame.notes.contains { $0.contains("kptr_restrict") }, "\(frame.notes)")
        }
    }
}

private let whyNoKernelNames: String? = {
    let list = (try? run("/bin/cat", ["/proc/kallsyms"]).output) ?? ""
    return list.isEmpty || list.split(separator: "\n").allSatisfy { $0.hasPrefix("0000000000000000") }
        ? "the kernel hides its addresses" : nil
}()

/// Why no BPF program can be run here, or nil.
let whyNoBPF: String? = {
    guard Program.compiler != nil, let outcome = try? run(Program.bpf.path, ["0"]) else { return "no C compiler" }
    return outcome.status == 0 ? nil : "no BPF program can be run here: \(outcome.errors)"
}()
