internal import CLinuxShims
internal import Glibc

/// Names of the running kernel's code: its list, read by an errand when the first is asked for and again when one is
/// missing, and what it told of since.
struct KernelNames: ~Copyable {
    private var list: KernelSymbols?
    /// What the kernel made since: newer than the list, and still known when it is gone from there.
    private var made = KernelCodeTable()
    private var read: Instant?
    /// Nanoseconds until the list may be read again; it doubles where a look was in vain.
    private var pause = Self.shortestPause
    private var reading = Reading.no

    private enum Reading { case no, wanted, underWay }

    private static var shortestPause: UInt64 { 1_000_000_000 }
    private static var longestPause: UInt64 { 64_000_000_000 }

    /// True once the list was asked and had no addresses in it.
    var isHidden: Bool { list?.isRestricted ?? false }

    /// Bytes of memory held.
    var byteCount: Int { (list?.byteCount ?? 0) + made.byteCount }

    /// Takes in what the kernel told; gives the addresses that may have another name from now on.
    mutating func note(_ code: KernelCode) -> Range<UInt64>? { made.note(code) }

    /// The name of an address; nil: the list is being read, ask again when it was taken in.
    mutating func answer(
        at address: RuntimeAddress, now: Instant, _ explanation: inout Explanation
    ) -> Symbolizer.Answer? {
        let core = Module(name: "[kernel]")
        guard let before = read else {
            if reading == .no { reading = .wanted }
            return nil
        }
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
                Symbol(name: foreignName(code.name), module: module, kind: .kernel, source: .kernelRecord))
        }
        guard let found = list?.answer(at: address),
            case .symbol(let rawName, let start, let end, let source) = found.answer
        else {
            // No record tells of a module that is loaded: an address without a name asks for a new look.
            if reading == .no, now.nanoseconds(since: before) > pause { reading = .wanted }
            if reading != .no { return nil }
            explanation.add("no function of /proc/kallsyms covers it")
            return Symbolizer.Answer(.unknown(in: core), isFinal: false)
        }
        let module = found.module.map { Module(name: "[" + displayText($0, limit: 64) + "]") } ?? core
        explanation.add("\(source.explanation): \(displayText(rawName)) at \(hex(start.value))-\(hex(end.value))")
        return Symbolizer.Answer(Symbol(rawName: rawName, in: module, kind: .kernel, source: source))
    }

    // MARK: Reading the list

    /// The errand that reads the list, where that is due; nil otherwise.
    mutating func takeErrand() -> Errand? {
        guard reading == .wanted else { return nil }
        reading = .underWay
        return Errand(.reading, of: nil, for: .nobody) { permit in
            let number = try? systemCall(raising: .kernelNames) { unsafe pt_open("/proc/kallsyms", O_RDONLY) }
            guard let number else { return .kernelList(nil) }
            return .kernelList(try? KernelSymbols(readingKallsyms: Descriptor(owning: number)) { permit.giveWay() })
        } instead: {
            .kernelList(nil)
        }
    }

    /// Takes in a list that was read.
    ///
    /// - Parameter wanted: the addresses that waited for it.
    mutating func take(_ new: KernelSymbols?, wanted: [RuntimeAddress], at now: Instant) {
        let isFirst = read == nil
        reading = .no
        read = now
        if let new { list = new }
        if isFirst { return }
        let wasWorthIt = wanted.contains { list?.hasName(at: $0) ?? false }
        pause = wasWorthIt ? Self.shortestPause : min(2 * pause, Self.longestPause)
    }
}
