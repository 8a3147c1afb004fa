internal import CLinuxShims
internal import Glibc
internal import SampleEngine

/// Where a batch report goes: standard output or a file.
struct Output: ~Copyable {
    /// `PIPEFS_MAGIC` of statfs(2).
    private static let pipes = 0x5049_5045
    private let fd: Int32
    private let name: String

    /// - Parameter path: nil writes to standard output.
    init(path: String?) throws(EngineError) {
        // A reader that closes the pipe is an ordinary end, seen as EPIPE.
        signal(SIGPIPE, SIG_IGN)
        guard let path else {
            fd = Self.withoutWaiting(STDOUT_FILENO)
            name = "standard output"
            return
        }
        name = displayText(path)
        // Not emptied yet: what is there is kept until there is something to write.
        let file = Rights.raising(.results) {
            unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o644)
        }
        if file < 0 { throw EngineError(what: "-o \(name)", why: reason()) }
        fd = Self.withoutWaiting(file)
        if fd != file { close(file) }
    }

    /// A terminal that is called writable may still have no room, and a write that waits there hears of no signal. So it is
    /// opened once more: not to wait would else be so for whoever shares it.
    private static func withoutWaiting(_ file: Int32) -> Int32 {
        guard isatty(file) == 1 else { return file }
        let own = Rights.raising(.results) {
            unsafe open("/proc/self/fd/\(file)", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        }
        return own < 0 ? file : own
    }

    /// What poll can ask whether somebody still reads, -1 where there need not be anybody, and the signal that the loss is.
    ///
    /// A FIFO with a name may get another reader; only the next frame tells whether it has none.
    var reader: (descriptor: Int32, loss: Int32?) {
        var facts = stat()
        guard unsafe fstat(fd, &facts) == 0 else { return (-1, nil) }
        switch facts.st_mode & S_IFMT {
        case S_IFIFO where pt_file_system(fd) == Self.pipes: return (fd, nil)
        case S_IFSOCK: return (fd, nil)
        case S_IFCHR where isatty(fd) == 1: return (fd, SIGHUP)
        default: return (-1, nil)
        }
    }

    /// Empties the file, now that the counters are open.
    func begin() { if fd > STDERR_FILENO { _ = ftruncate(fd, 0) } }

    deinit { if fd > STDERR_FILENO { close(fd) } }

    /// What became of a text.
    enum Written {
        case all, nothing
        /// It was begun, or nobody reads any more: nothing may follow.
        case part
    }

    /// Writes all of a text, or nothing where it goes to a file: one that was begun and finds no room is taken back.
    ///
    /// - Parameters:
    ///   - signals: readable when a signal waits: then a reader that has stopped reading is given up, one in the midst of
    ///     a text half a second later.
    ///   - ending: readable when an end that was asked for has come: then such a reader gets a second.
    ///   - patience: milliseconds to wait for such a reader; nil waits until a signal comes.
    func write(
        _ text: String, signals: Int32, ending: Int32 = -1, patience: UInt64? = nil
    ) throws(EngineError) -> Written {
        let start = lseek(fd, 0, SEEK_CUR)
        let all = Array(text.utf8)
        var rest = all[...]
        var deadline = patience.map { Instant.now.advanced(byNanoseconds: $0 * 1_000_000) }
        var watchesSignals = true
        // A terminal that was called writable had less room than a line's end needs: tried again 20 ms later.
        var isPausing = false
        while !rest.isEmpty {
            var watched = [
                pollfd(fd: isPausing ? -1 : fd, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: watchesSignals ? signals : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: deadline == nil ? ending : -1, events: Int16(POLLIN), revents: 0),
            ]
            let left = deadline.map { Clock.monotonic.milliseconds(until: $0) } ?? -1
            let ready = unsafe poll(&watched, 3, isPausing ? (left < 0 ? 20 : min(left, 20)) : left)
            let wasPausing = isPausing
            isPausing = false
            if ready == 0, wasPausing, left != 0 { continue }
            if ready > 0, watched[0].revents == 0, watched[1].revents == 0 {
                deadline = Instant.now.advanced(byNanoseconds: 1_000_000_000)
                continue
            }
            if ready == 0 || ready > 0 && watched[0].revents == 0 {
                if rest.count == all.count { return .nothing }
                if ready == 0 || deadline != nil { return .part }
                // A whole frame is worth a moment to whoever asked for an end, and still reads.
                watchesSignals = false
                deadline = Instant.now.advanced(byNanoseconds: 500_000_000)
                continue
            }
            // A pipe that is writable takes so much without waiting.
            let piece = rest.prefix(Int(PIPE_BUF))
            let count = unsafe piece.withUnsafeBytes { unsafe Glibc.write(fd, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                return .part
            } else if errno == EAGAIN {
                isPausing = true
            } else if errno != EINTR {
                let why = reason()
                takeBack(to: start, written: all.count - rest.count)
                throw EngineError(what: "writing to \(name)", why: why, remedy: "what was written before is kept")
            }
        }
        return .all
    }

    /// Cuts off the half of a text that still found room: a reader of the file expects whole frames.
    private func takeBack(to start: off_t, written: Int) {
        var facts = stat()
        guard start >= 0, written > 0, unsafe fstat(fd, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return }
        let end = lseek(fd, 0, SEEK_CUR)
        // Standard output may be shared: what others have written meanwhile is not ours to cut.
        guard end - off_t(written) >= start, facts.st_size == end else { return }
        if ftruncate(fd, end - off_t(written)) == 0 { lseek(fd, end - off_t(written), SEEK_SET) }
    }
}

/// What the last system call failed of: `no space left on device`.
func reason() -> String {
    guard let text = unsafe strerror(errno) else { return "unknown error" }
    let message = unsafe String(cString: text)
    return message.prefix(1).lowercased() + message.dropFirst()
}
