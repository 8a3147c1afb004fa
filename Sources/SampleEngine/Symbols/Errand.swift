/// A piece of slow work with all that it needs: reading what a process has mapped, a file, the kernel's list.
///
/// Whoever names places never waits for one: it is run by a thread of its own (`ErrandRunners`), which touches nothing of
/// anybody's, and what it brings home is taken in later (`Symbolizer.receive`). So a file system that does not answer, or
/// a file that takes minutes, holds up nobody but those who asked for it.
package struct Errand: Sendable {
    /// Who waits for whom.
    package enum Lane: Int, CaseIterable, Sendable {
        /// What must be asked while a process lives: its mappings, and opening its files.
        case living
        /// What can be read at any time: tables and names.
        case reading
    }

    package let lane: Lane
    /// Does the work; the only thing that may be asked meanwhile is whether it is still wanted.
    package let run: @Sendable (ReadingPermit) -> Findings

    init(_ lane: Lane, _ run: @escaping @Sendable (ReadingPermit) -> Findings) {
        self.lane = lane
        self.run = run
    }

    /// What an errand brings home.
    package enum Findings: Sendable {
        case maps(ProcessCatalog.Scanned)
        case opened(ImageStore.Opened)
        case read(ImageStore.Reading)
        case kernelList(KernelSymbols?)
        case runtime(RuntimeNames.Answers)
    }
}

/// A value that is used by one thread at a time: by whoever it is lent to, until it is given back.
struct Lent<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
