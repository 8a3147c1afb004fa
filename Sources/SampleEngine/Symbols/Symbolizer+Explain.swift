extension Symbolizer {
    /// Names an address of a living process, or of the kernel, and tells each step.
    ///
    /// - Parameter pid: the process whose address it is; nil for the kernel's.
    package mutating func explain(_ address: UInt64, of pid: Int32?, now: Instant) -> (Explanation, Symbol) {
        var explanation = Explanation(isWanted: true)
        guard let pid, !RuntimeAddress(address).isKernel else {
            explanation.add("an address of the kernel")
            let answer = answer(at: Location(space: .kernel, value: address), now: now, &explanation)
            return (explanation, answer.symbol)
        }
        let generation = Generation(Generation.first)
        processes.note(
            ProcessSighting(
                generation: generation, pid: pid, comm: nil, parent: nil, origin: generation,
                firstSeen: now.nanoseconds, death: nil, mappings: [], lastLoss: 0))
        let location = Location(space: .unmapped(generation), value: address)
        let answer = answer(at: location, now: now, &explanation)
        return (explanation, answer.symbol)
    }
}

extension RuntimeAddress {
    /// The upper half of the address space, but for the fixed page of old system calls.
    package var isKernel: Bool { value >> 63 != 0 && value & ~0xfff != 0xffff_ffff_ff60_0000 }
}
