internal import Glibc
internal import SampleEngine

/// What `--symbols` asks for.
struct ExplainOptions {
    var addresses: [UInt64] = []
    var pid: Int32?
}

/// Prints how each address comes to its name, step by step.
///
/// - Throws: where the process does not exist.
func runExplain(_ options: ExplainOptions) throws(EngineError) {
    if let pid = options.pid, kill(pid, 0) != 0, errno == ESRCH {
        throw EngineError(what: "pid \(pid)", why: "no such process")
    }
    // Demanglers need a deep stack, whatever this one's limit is.
    let thread = try EngineThread(name: "explain", stackSize: 16 << 20) {
        var symbolizer = Symbolizer()
        for address in options.addresses {
            let (explanation, symbol) = symbolizer.explain(address, of: options.pid, now: .now)
            print(lines(address, explanation, symbol).joined(separator: "\n"))
        }
    }
    guard thread.join(within: 120_000_000_000) else {
        throw EngineError(what: "--symbols", why: Unresolved.noAnswer.sentence)
    }
}

private func lines(_ address: UInt64, _ explanation: Explanation, _ symbol: Symbol) -> [String] {
    var lines = ["0x" + String(address, radix: 16)]
    lines += explanation.steps.map { "  " + $0 }
    if let raw = symbol.rawName { lines.append("  demangled from \(raw)") }
    lines.append("  = \(symbol.name) in \(symbol.module.path.isEmpty ? symbol.module.name : symbol.module.path)")
    return lines
}
