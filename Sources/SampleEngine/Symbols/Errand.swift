/// A piece of slow work with all that it needs: reading what a process has mapped, a file, the kernel's list.
///
/// Whoever names places never waits for one: it is run by a thread of its own (`ErrandRunners`), which touches nothing of
/// anybody's, and what it brings home is taken in later (`Symbolizer.receive`). So a file system that does not answer, or
/// a file that takes minutes, holds up nobody but those who asked for it. One that stands still is left behind
/// (`ErrandBook`), and who asked is told so.
package struct Errand: Sendable {
    /// Who waits for whom: what is done in a moment never waits for what takes long.
    package enum Lane: Int, CaseIterable, Sendable {
        /// What processes have mapped: `/proc` tells it while they live, and no file is asked.
        case maps
        /// What else must be done while a process lives: opening its files, reading what its compiler wrote.
        case opening
        /// Names in tables that are there; files are closed here, too.
        case finding
        /// What can be read at any time: tables, the kernel's list.
        case reading
    }

    /// How many threads a lane has: for one user, for all users together, for root and us.
    static let threads = Allowance(ofOneUser: 2, ofUsers: 8, ofOurs: 8)
    /// How many of them are at work at a time; those that have been at one errand for `longest` do not count.
    static let atWork = Allowance(ofOneUser: 2, ofUsers: 3, ofOurs: 3)
    /// Nanoseconds that the next errand of a lane waits for the ones under way: then it gets a thread of its own.
    static let patience: UInt64 = 200_000_000
    /// Nanoseconds after which an errand keeps nobody from working any more; one that has stood still for so long is left
    /// behind.
    static let longest: UInt64 = 5_000_000_000

    package let lane: Lane
    /// The process that is looked into; nil where it is none's.
    let pid: Int32?
    /// Nil until it was asked whose the process is.
    var payer: Payer?
    let progress: ErrandProgress
    /// Its number, by which its findings are known.
    var serial: UInt64 = 0
    /// Does the work; the only thing that may be asked meanwhile is whether it is still wanted.
    private let work: @Sendable (ReadingPermit) -> News
    /// What is taken in where it does not come home.
    let instead: @Sendable () -> News
    private let withoutProcess: (@Sendable (ReadingPermit) -> News)?

    /// - Parameter withoutProcess: does as much of it as can be done where the process must not be asked.
    init(
        _ lane: Lane, of pid: Int32?, for payer: Payer? = nil, noting progress: ErrandProgress = ErrandProgress(),
        _ work: @escaping @Sendable (ReadingPermit) -> News, instead: @escaping @Sendable () -> News,
        withoutProcess: (@Sendable (ReadingPermit) -> News)? = nil
    ) {
        self.progress = progress
        self.lane = lane
        self.pid = pid
        self.payer = payer
        self.work = work
        self.instead = instead
        self.withoutProcess = withoutProcess
    }

    /// The errand that takes its place where the process must not be asked; nil where there is no other way.
    var detour: Errand? {
        withoutProcess.map { Errand(lane, of: nil, for: .unknown, $0, instead: instead) }
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
        case looked(ImageStore.Looked)
        case closed(descriptors: Int)
        case notClosed(DroppedFiles)
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
