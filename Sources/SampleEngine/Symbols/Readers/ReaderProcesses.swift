internal import CLinuxShims
internal import Glibc
private import Synchronization

/// The reader processes that there are: one for each user whose files lie where they may wait, made when it is needed.
///
/// Each one that was left behind is one that its user has: he gets no other before it has ended, and all users together have four,
/// those included that were left behind by a perftop that has ended.
/// Root and we, to whom most containers belong, may have two, and get one more then.
public final class ReaderProcesses: Sendable {
    /// Nil where none can be made.
    static var shared: ReaderProcesses? { present.withLock { $0 } }
    private static let present = Guarded<ReaderProcesses?>(nil)
    /// Whether no thread of ours may wait for a file system, also where no process can be made. Not in tests.
    static var areWanted: Bool { wanted.load(ordering: .relaxed) }
    private static let wanted = Atomic<Bool>(false)

    /// Most that are at work, and most that were left behind.
    static let (most, mostLeft) = (16, 4)
    /// Nanoseconds that making one may take.
    private static let patience: UInt64 = 500_000_000
    /// How many were left behind, as it was counted last.
    private let leftNow = Atomic<Int>(0)
    private let strayCount = Guarded<Int?>(nil)
    private static let name = "perftop-files"

    /// Where processes are made, and which process that is.
    private let nursery: Descriptor
    private let pid: Int32
    private let state = Guarded(State())

    private struct State {
        var working: [Payer: Slot] = [:]
        var left: [(payer: Payer, process: ReaderProcess)] = []
    }

    /// It lives as long as files need it.
    private struct Slot { weak var process: ReaderProcess? }

    private init(nursery: consuming Descriptor, pid: Int32) {
        self.nursery = nursery
        self.pid = pid
    }

    /// Makes the process that makes the others. Once, while there is one thread, and with the rights that they are to have.
    ///
    /// - Parameter realTime: as `Scheduling.claim` takes it.
    public static func prepare(realTime: Int32?) {
        wanted.store(true, ordering: .relaxed)
        var ends: [Int32] = [-1, -1]
        guard unsafe pt_reader_pair(&ends) == 0 else { return }
        var kept = ends[1]
        let made = unsafe pt_fork_reader(&kept, name)
        if made == 0 { serve(nursery: kept, realTime) }
        Glibc.close(ends[1])
        let nursery = Descriptor(owning: ends[0])
        if made < 0 { return }
        let readers = ReaderProcesses(nursery: nursery, pid: made)
        present.withLock { $0 = readers }
        atexit { ReaderProcesses.end() }
    }

    /// Ends them all, and waits a moment for the one that we have made: whoever takes in what we leave behind may not care for
    /// the dead. One that waits for a file system is not waited for.
    public static func end() {
        guard let readers = shared else { return }
        readers.state.withLock { state in for slot in state.working.values { slot.process?.end() } }
        shutdown(readers.nursery.number, Int32(SHUT_RDWR))
        let deadline = Instant.now.advanced(byNanoseconds: 200_000_000)
        while waitpid(readers.pid, nil, WNOHANG) == 0, Instant.now < deadline { usleep(500) }
    }

    /// In the nursery, for as long as its parent lives: it waits for nothing but what that asks for.
    private static func serve(nursery: Int32, _ realTime: Int32?) -> Never {
        Scheduling.claim(realTime)
        while true {
            var socket = pt_receive_descriptor(nursery)
            if socket < 0 {
                if errno == ECONNRESET { pt_leave_children() }
                continue
            }
            if unsafe pt_fork_reader(&socket, name) == 0 {
                Scheduling.claim(realTime)
                var (pid, nothing) = (getpid(), [UInt8]())
                _ = unsafe pt_reader_send(socket, &pid, MemoryLayout<Int32>.size, &nothing, 0)
                var service = ReaderService(socket: Descriptor(owning: socket))
                service.run()
                pt_leave()
            }
            Glibc.close(socket)
        }
    }

    /// The one for a user's files.
    ///
    /// - Throws: `noAnswer` where his, or those of too many others, do not come home, or none can be made; `tooManyFiles` where
    ///   there are enough.
    func process(for payer: Payer) throws(Errno) -> ReaderProcess {
        if let known = try known(payer) { return known }
        // Users' wait for as long as they like: what others have left behind counts, for us twice as much.
        if strays >= (Self.isOurs(payer) ? 2 : 1) * Self.mostLeft { throw .noAnswer }
        let made = try make(for: payer)
        return state.withLock { state in
            // Another thread may have made one meanwhile.
            if let known = state.working[payer]?.process, !known.isLost {
                made.end()
                return known
            }
            state.working[payer] = Slot(process: made)
            return made
        }
    }

    private static func isOurs(_ payer: Payer) -> Bool { payer == .ours || payer == .nobody }

    /// Processes that were left behind by those who ran before us, counted once: each waits for a file system still. One whose
    /// nursery lives works for somebody.
    private var strays: Int {
        if let known = strayCount.withLock({ $0 }) { return known }
        let proc = ProcReader()
        func isOfOurs(_ pid: Int32) -> Bool { proc.comm(of: pid)?.elementsEqual(Self.name.utf8) ?? false }
        let found = proc.processes().count { pid in
            isOfOurs(pid) && proc.isStuck(pid) && !(proc.parent(of: pid).map(isOfOurs) ?? true)
        }
        strayCount.withLock { $0 = found }
        return found
    }

    private func known(_ payer: Payer) throws(Errno) -> ReaderProcess? {
        let refusal: Errno?
        let known: ReaderProcess?
        (known, refusal) = state.withLock { state in
            if let known = state.working[payer]?.process, !known.isLost { return (known, nil) }
            settle(&state)
            let isOurs = Self.isOurs(payer)
            if state.left.count(where: { $0.payer == payer }) >= (isOurs ? 2 : 1)
                || !isOurs && state.left.count >= Self.mostLeft
            {
                return (nil, .noAnswer)
            }
            return (nil, !isOurs && state.working.count >= Self.most ? .tooManyFiles : nil)
        }
        if let refusal { throw refusal }
        return known
    }

    /// Counts anew who works and who was left behind.
    private func settle(_ state: inout State) {
        state.left.removeAll { $0.process.hasEnded }
        state.working = state.working.filter { $0.value.process.map { !$0.isLost } ?? false }
        leftNow.store(state.left.count, ordering: .relaxed)
    }

    private func make(for payer: Payer) throws(Errno) -> ReaderProcess {
        var ends: [Int32] = [-1, -1]
        _ = try systemCall { unsafe pt_reader_pair(&ends) }
        let ours = Descriptor(owning: ends[0])
        let theirs = Descriptor(owning: ends[1])
        let (nursery, socket, other) = (nursery.number, ours.number, theirs.number)
        var (pid, nothing) = (Int32(0), [UInt8]())
        var request = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard pt_send_descriptor(nursery, other) == 0,
            unsafe poll(&request, 1, Int32(Self.patience / 1_000_000)) > 0,
            unsafe pt_reader_receive(socket, &pid, MemoryLayout<Int32>.size, &nothing, 0) == 0,
            let number = try? systemCall({ pt_pidfd(pid) })
        else { throw .noAnswer }
        let process = Descriptor(owning: number)
        // It may have died meanwhile, and its number be another's, who is not ours to kill.
        guard ProcReader().parent(of: pid) == self.pid else { throw .noAnswer }
        return ReaderProcess(socket: ours, process: process) { lost in
            self.state.withLock { state in
                state.left.append((payer, lost))
                self.leftNow.store(state.left.count, ordering: .relaxed)
            }
        }
    }

    /// How many were left behind, as it was counted last: whoever asks does not wait.
    var leftCount: Int { leftNow.load(ordering: .relaxed) }
}
