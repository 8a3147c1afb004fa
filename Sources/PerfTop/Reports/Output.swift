internal import Glibc
internal import SampleEngine

/// Where a batch report goes: standard output or a file.
struct Output: ~Copyable {
    private let fd: Int32
    private let name: String

    /// - Parameter path: nil writes to standard output.
    init(path: String?) throws(EngineError) {
        // A reader that closes the pipe is an ordinary end, seen as EPIPE.
        signal(SIGPIPE, SIG_IGN)
        guard let path else {
            fd = STDOUT_FILENO
            name = "standard output"
            return
        }
        name = displayText(path)
        fd = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if fd < 0 { throw EngineError(what: "-o \(name)", why: reason()) }
    }

    deinit { if fd > STDERR_FILENO { close(fd) } }

    /// Writes all of a text.
    ///
    /// - Returns: false where nobody reads any more.
    func write(_ text: String) throws(EngineError) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(fd, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                return false
            } else if errno != EINTR {
                throw EngineError(
                    what: "writing to \(name)", why: reason(), remedy: "what was written before is kept")
            }
        }
        return true
    }
}

private func reason() -> String {
    guard let text = unsafe strerror(errno) else { return "unknown error" }
    let message = unsafe String(cString: text)
    return message.prefix(1).lowercased() + message.dropFirst()
}
