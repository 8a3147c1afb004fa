extension Symbolizer {
    /// Names an address of a living process, or of the kernel, and tells each step; waits for all that must be read.
    ///
    /// - Parameter pid: the process whose address it is; nil for the kernel's.
    package mutating func explain(_ address: UInt64, of pid: Int32?, now: Instant) -> (Explanation, Symbol) {
        var explanation = Explanation(isWanted: true)
        var location = Location(space: .kernel, value: address)
        if let pid, !RuntimeAddress(address).isKernel {
            let generation = Generation(Generation.first)
            processes.note(
                ProcessSighting(
                    generation: generation, pid: pid, comm: nil, parent: nil, origin: generation,
                    firstSeen: now.nanoseconds, death: nil, mappings: [], lastLoss: 0))
            _ = processes.identity(of: generation)
            location = Location(space: .unmapped(generation), value: address)
        } else {
            explanation.add("an address of the kernel")
        }
        resolve(Question(location: location, explanation: explanation), now)
        while true {
            if let named = takeAnswers().last { return (named.explanation, named.answer.symbol) }
            var errands = takeErrands(at: .now)
            // What would be put off for the sake of others is not: nobody else is here.
            if errands.isEmpty { errands = takeErrands(at: .forever) }
            if errands.isEmpty { return (explanation, .unknown(in: Self.noModule)) }
            for errand in errands { receive(errand.run(.unlimited), at: .now) }
        }
    }
}

extension RuntimeAddress {
    /// The upper half of the address space, but for the fixed page of old system calls.
    package var isKernel: Bool { value >> 63 != 0 && value & ~0xfff != 0xffff_ffff_ff60_0000 }
}
