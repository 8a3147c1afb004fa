/// A piece of slow work with all that it needs: reading what a process has mapped, a file, the kernel's list.
///
/// Whoever names places never waits for one: it is run by a thread of its own (`ErrandRunners`), which touches nothing of
/// anybody's, and what it brings home is taken in later (`Symbolizer.receive`). So a file system that does not answer, or
/// a file that takes minutes, holds up nobody but those who asked for it. One that stands still is left behind
/// (`ErrandBook`), and who asked is told so.
package struct Errand: Sendable {
    /// Who waits for whom.
    package enum Lane: Int, CaseIterable, Sendable {
        /// What must be asked while a process lives: its mappings, and opening its files.
        case living
        /// What can be read at any time: tables and names.
        case reading
    }

    package let lane: Lane
    /// The process that is looked into; nil where it is none's.
    let pid: Int32?
    let progress: ErrandProgress
    /// Its number, by which its findings are known.
    var serial: UInt64 = 0
    /// Does the work; the only thing that may be asked meanwhile is whether it is still wanted.
    private let work: @Sendable (ReadingPermit) -> News
    /// What is taken in where it does not come home.
    let instead: @Sendable () -> News

    init(
        _ lane: Lane, of pid: Int32?, noting progress: ErrandProgress = ErrandProgress(),
        _ work: @escaping @Sendable (ReadingPermit) -> News, instead: @escaping @Sendable () -> News
    ) {
        self.progress = progress
        self.lane = lane
        self.pid = pid
        self.work = work
        self.instead = instead
    }

    /// Does the work on the calling thread.
    package func run(_ permit: ReadingPermit) -> Findings {
        progress.begin()
        return Findings(serial: serial, news: work(permit.noting(progress)))
    }

    /// What an errand brings home.
    package struct Findings: Sendable {
        let serial: UInt64
        let news: News
    }

    enum News: Sendable {
        case maps(ProcessCatalog.Scanned)
        case mapsLeft(of: Generation)
        case opened(ImageStore.Opened)
        case read(ImageStore.Reading)
        case readingLeft(of: ImageStore.TableKey, [ImageStore.Asked])
        case kernelList(KernelSymbols?)
        case runtime(RuntimeNames.Answers)
        case runtimeLeft(RuntimeNames.Left)
    }
}

/// A value that is used by one thread at a time: by whoever it is lent to, until it is given back.
struct Lent<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
