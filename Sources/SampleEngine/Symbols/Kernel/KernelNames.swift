/// Names of the running kernel's code, read when the first is asked for and again when one is missing.
struct KernelNames: ~Copyable {
    private var list: KernelSymbols?
    /// What the kernel made since: newer than the list, and still known when it is gone from there.
    private var made = KernelCodeTable()
    private var read: Instant?
    /// Nanoseconds until the list may be read again; it doubles where a look was in vain.
    private var pause = Self.shortestPause
    private let opener = FileOpener()

    private static var shortestPause: UInt64 { 1_000_000_000 }
    private static var longestPause: UInt64 { 64_000_000_000 }

    /// True once the list was asked and had no addresses in it.
    var isHidden: Bool { list?.isRestricted ?? false }

    /// Takes in what the kernel told; gives the addresses that may have another name from now on.
    mutating func note(_ code: KernelCode) -> Range<UInt64>? { made.note(code) }

    mutating func answer(
        at address: RuntimeAddress, now: Instant, _ explanation: inout Explanation
    ) -> Symbolizer.Answer {
        let core = Module(name: "[kernel]")
        if read == nil { readList(now) }
        // Who may not see addresses is not told of new code either.
        if isHidden {
            explanation.add("/proc/kallsyms shows no addresses to this user (kernel.kptr_restrict, CAP_SYSLOG)")
            return Symbolizer.Answer(.unknown(in: core))
        }
        if let code = made.find(address.value) {
            let module = code.kind == .bpf ? Module(name: "[bpf]") : core
            explanation.add(
                "\(NameSource.kernelRecord.explanation): \(displayText(code.name)) at "
                    + "\(hex(code.start))-\(hex(code.end))")
            return Symbolizer.Answer(
                Symbol(name: displayText(code.name), module: module, kind: .kernel, source: .kernelRecord))
        }
        var found = list?.answer(at: address)
        if !Self.isName(found?.answer), let before = read, now.nanoseconds(since: before) > pause {
            // No record tells of a module that is loaded: an address without a name asks for a new look.
            readList(now)
            found = list?.answer(at: address)
            pause = Self.isName(found?.answer) ? Self.shortestPause : min(2 * pause, Self.longestPause)
        }
        guard let found, case .symbol(let rawName, let start, let end, let source) = found.answer else {
            explanation.add("no function of /proc/kallsyms covers it")
            return Symbolizer.Answer(.unknown(in: core), isFinal: false)
        }
        let module = found.module.map { Module(name: "[" + displayText($0, limit: 64) + "]") } ?? core
        explanation.add("\(source.explanation): \(displayText(rawName)) at \(hex(start.value))-\(hex(end.value))")
        return Symbolizer.Answer(Symbol(rawName: rawName, in: module, kind: .kernel, source: source))
    }

    private static func isName(_ answer: SymbolAnswer?) -> Bool {
        if case .symbol? = answer { true } else { false }
    }

    private mutating func readList(_ now: Instant) {
        read = now
        guard let file = try? opener.open(own: "/proc/kallsyms"), let read = try? KernelSymbols(readingKallsyms: file)
        else { return }
        list = read
    }
}
