internal import CLinuxShims
internal import Glibc

/// Why the screen could not be opened; one line for stderr.
struct TerminalError: Error {
    let message: String
}

/// Gives the terminal back whatever happens, and turns signals into values for the main loop.
///
/// Open it before curses: curses leaves alone every signal that somebody handles already.
final class TerminalGuard {
    /// Readable when a signal has arrived.
    let signalDescriptor: Int32
    private let writeEnd: Int32
    /// Holds what anything writes to stderr while the screen is up; -1 where stderr goes elsewhere anyway.
    private let captured: Int32
    private let errors: Int32
    private var isUp = false

    /// - Parameter undo: bytes that undo what the screen changes on this terminal.
    init(terminal: Int32, undo: [UInt8]) throws(TerminalError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pt_pipe(&ends) == 0 else {
            throw TerminalError(message: "terminal: no pipe for signals")
        }
        let errorsAreShown = isatty(STDERR_FILENO) == 1
        signalDescriptor = ends[0]
        writeEnd = ends[1]
        captured = errorsAreShown ? unsafe pt_memfd("stderr") : -1
        errors = captured >= 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1
        let bytes = undo.map { CChar(bitPattern: $0) }
        guard unsafe pt_guard_terminal(terminal, writeEnd, bytes, bytes.count, captured, errors) == 0 else {
            throw TerminalError(message: "terminal: its modes cannot be read")
        }
    }

    deinit {
        lower()
        pt_release_terminal()
        close(signalDescriptor)
        close(writeEnd)
        if captured >= 0 { close(captured) }
        if errors >= 0 { close(errors) }
    }

    /// The screen is up: a crash has to restore it, and stderr must not write over it.
    func raise() {
        guard !isUp else { return }
        isUp = true
        pt_screen_is_up(1)
        if captured >= 0, errors >= 0 { dup2(captured, STDERR_FILENO) }
    }

    /// The screen is down: what was written to stderr meanwhile comes out now.
    func lower() {
        guard isUp else { return }
        isUp = false
        pt_screen_is_up(0)
        guard captured >= 0, errors >= 0 else { return }
        dup2(errors, STDERR_FILENO)
        var text = [UInt8](repeating: 0, count: 4096)
        var place = 0
        while true {
            let count = unsafe pread(captured, &text, text.count, place)
            guard count > 0 else { break }
            place += count
            _ = unsafe write(STDERR_FILENO, text, count)
        }
        ftruncate(captured, 0)
        lseek(captured, 0, SEEK_SET)
    }

    /// Signals that have arrived since the last call, oldest first.
    func takeSignals() -> [Int32] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(signalDescriptor, &bytes, bytes.count)
        return count > 0 ? bytes[..<count].map { Int32($0) } : []
    }

    /// Ends the process by a signal's default action, so that its parent sees that signal.
    static func die(by signal: Int32) -> Never {
        pt_die_by(signal)
        exit(128 + signal)
    }
}
