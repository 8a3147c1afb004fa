internal import CLinuxShims
internal import Glibc
private import Synchronization

/// A process that opens and reads files in our stead: those on file systems that need not answer.
///
/// A thread that waits for such a file system may not even be ended by SIGKILL, and keeps its whole process. So it is the thread of
/// another process, and whoever asks it waits for an answer, and no longer than for so long.
///
///     errand ── request ──► reader process ── open, pread ──► file system
///            ◄── answer ──┘       └ no answer: killed, and left behind
///
/// Any thread; one asks at a time.
final class ReaderProcess: Sendable {
    /// Nanoseconds until one that does not answer is given up.
    private let patience: UInt64
    private let socket: Descriptor
    /// Readable once it has ended (pidfd_open(2)).
    private let process: Descriptor
    private let lost = Atomic<Bool>(false)
    /// What it had used at its last answer.
    private let used = Atomic<UInt64>(0)
    private static let allUsed = Atomic<UInt64>(0)
    /// Held while an answer is waited for: whoever else asks waits no longer than for that.
    private let turn = Guarded<Void>(())
    /// Told when it is given up.
    private let leave: @Sendable (ReaderProcess) -> Void

    /// - Parameters:
    ///   - patience: nanoseconds; by default less than what an errand gets that waits for it.
    ///   - leave: told when it is given up.
    init(
        socket: consuming Descriptor, process: consuming Descriptor, patience: UInt64 = 4_000_000_000,
        leave: @escaping @Sendable (ReaderProcess) -> Void = { _ in }
    ) {
        self.socket = socket
        self.process = process
        self.patience = patience
        self.leave = leave
    }

    /// Whether it was given up.
    var isLost: Bool { lost.load(ordering: .acquiring) }
    /// Whether it is there no more.
    var hasEnded: Bool { Self.isReadable(process.number, within: 0) }
    /// Processor time that all of them have used, in nanoseconds.
    static var processorNanoseconds: UInt64 { allUsed.load(ordering: .relaxed) }

    /// Follows a way; what it leads to is kept under the handle.
    func place(_ way: FileWay) throws(Errno) -> pt_reader_answer {
        try ask(pt_reader_request(ReaderRequest(way)), ReaderRequest.text(of: way)).answer
    }

    /// Opens what a way has led to for reading, under the same handle.
    func open(_ handle: UInt32) throws(Errno) -> FileFacts {
        FileFacts(try ask(pt_reader_request(.open, handle: handle)).answer)
    }

    func look(at handle: UInt32) throws(Errno) -> PlaceFacts {
        PlaceFacts(try ask(pt_reader_request(.look, handle: handle)).answer.place)
    }

    func facts(of handle: UInt32) throws(Errno) -> FileFacts {
        FileFacts(try ask(pt_reader_request(.facts, handle: handle)).answer)
    }

    /// Bytes at an offset; as many as there are, and no more than `PT_READER_PIECE`.
    func bytes(of handle: UInt32, at offset: UInt64, count: Int) throws(Errno) -> [UInt8] {
        let count = min(max(count, 0), Int(PT_READER_PIECE))
        return try ask(pt_reader_request(.read, handle: handle, offset: offset, count: UInt32(count))).bytes
    }

    func close(_ handle: UInt32) { _ = try? ask(pt_reader_request(.close, handle: handle)) }

    /// Kills it.
    func end() { pt_kill_process(process.number) }

    private func ask(
        _ request: pt_reader_request, _ text: [UInt8] = []
    ) throws(Errno) -> (answer: pt_reader_answer, bytes: [UInt8]) {
        let (result, wasLost) = turn.withLock {
            _ -> (Result<(answer: pt_reader_answer, bytes: [UInt8]), Errno>, Bool) in
            let wasLost = isLost
            do throws(Errno) { return (.success(try askNow(request, text)), wasLost) } catch {
                return (.failure(error), wasLost)
            }
        }
        // Behind its turn: whoever is told takes another lock.
        if isLost, !wasLost {
            end()
            leave(self)
        }
        return try result.get()
    }

    private func askNow(
        _ request: pt_reader_request, _ text: [UInt8]
    ) throws(Errno) -> (answer: pt_reader_answer, bytes: [UInt8]) {
        if isLost { throw .noAnswer }
        var (request, answer) = (request, pt_reader_answer())
        let number = socket.number
        do throws(Errno) {
            _ = try systemCall {
                unsafe pt_reader_send(number, &request, MemoryLayout<pt_reader_request>.size, text, text.count)
            }
            guard Self.isReadable(number, within: patience) else { throw .noAnswer }
            var failure: Errno?
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(request.count)) { buffer, count in
                do throws(Errno) {
                    count = try systemCall {
                        unsafe pt_reader_receive(
                            number, &answer, MemoryLayout<pt_reader_answer>.size, buffer.baseAddress, buffer.count)
                    }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            let before = used.exchange(answer.processor, ordering: .relaxed)
            if answer.processor > before {
                Self.allUsed.wrappingAdd(answer.processor - before, ordering: .relaxed)
            }
            if answer.error == 0 { return (answer, bytes) }
        } catch {
            // It has died, or will not answer: nothing more is asked of it.
            lost.store(true, ordering: .releasing)
            throw .noAnswer
        }
        throw Errno(answer.error)
    }

    private static func isReadable(_ fd: Int32, within nanoseconds: UInt64) -> Bool {
        let deadline = Instant.now.advanced(byNanoseconds: nanoseconds)
        while true {
            var request = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&request, 1, Clock.monotonic.milliseconds(until: deadline))
            if ready >= 0 || errno != EINTR { return ready > 0 }
        }
    }
}

/// What a reader process is asked for.
enum ReaderRequest: UInt32 {
    case follow, followLocally, reach, open, look, facts, read, close

    init(_ way: FileWay) {
        switch way {
        case .path: self = .follow
        case .local: self = .followLocally
        case .link: self = .reach
        }
    }

    /// A way as it is sent.
    static func text(of way: FileWay) -> [UInt8] {
        switch way {
        case .path(let path, let root), .local(let path, let root): Array(root.utf8) + [0] + path
        case .link(let link): Array(link.utf8)
        }
    }

    /// The way that was sent; nil where it is none.
    func way(_ text: [UInt8]) -> FileWay? {
        switch self {
        case .follow, .followLocally:
            guard let end = text.firstIndex(of: 0) else { return nil }
            let (path, root) = (Array(text[(end + 1)...]), String(decoding: text[..<end], as: UTF8.self))
            return self == .follow ? .path(path, below: root) : .local(path, below: root)
        case .reach: return .link(String(decoding: text, as: UTF8.self))
        case .open, .look, .facts, .read, .close: return nil
        }
    }
}

extension pt_reader_request {
    init(_ what: ReaderRequest, handle: UInt32 = 0, offset: UInt64 = 0, count: UInt32 = 0) {
        self.init(what: what.rawValue, handle: handle, offset: offset, count: count)
    }
}
