internal import CLinuxShims
internal import Glibc
internal import SampleEngine

/// A command that cannot be started; it ends us as a shell would: 127 where it does not exist, else 126.
struct CommandError: Error {
    let message: String
    let status: Int32
}

/// The command that was started to be profiled (`perftop -- COMMAND`), in a process group of its own.
///
/// It is held before its exec until its counters are open, so that nothing of it is missed and nothing of us counted.
/// Used by the main thread.
final class Command {
    /// How it ended.
    enum Ending: Equatable {
        case status(Int32)
        case signal(Int32)
    }

    let pid: Int32
    /// As the user typed it, safe to show.
    let text: String
    /// Readable once it has ended; −1 where the kernel has no pidfd (before 5.3).
    let descriptor: Int32
    private(set) var ending: Ending?
    private var held: pt_command
    private var interrupts = 0

    /// Forks it, held.
    ///
    /// - Parameters:
    ///   - origin: what it may: as much as its caller, whatever of that we have given up.
    ///   - output: its standard output and error; its own standard input is ours unless that is a terminal.
    init(
        _ words: [String], as origin: Rights.Origin, output: (out: Int32, err: Int32), input: Int32
    ) throws(CommandError) {
        text = displayText(words.joined(separator: " "), limit: 200)
        held = pt_command()
        let bytes: [CChar] = words.flatMap { word in word.utf8.map { CChar(bitPattern: $0) } + [0] }
        var rights = pt_rights(
            effective: origin.effective, permitted: origin.permitted, inheritable: origin.inheritable)
        guard
            unsafe pt_start_held(
                bytes, words.count, &rights, input, output.out, output.err, &held) == 0
        else {
            throw CommandError(message: "\(text): it cannot be started: \(Errno(errno).text)", status: 126)
        }
        pid = held.pid
        descriptor = pt_pidfd(pid)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Lets it go on to its exec.
    func letGo() throws(CommandError) {
        let reason = unsafe pt_let_go(&held)
        if reason == 0 { return }
        ending = .status(126)
        let missing = reason == ENOENT
        throw CommandError(
            message: missing
                ? "\(text): no such command" : "\(text): it cannot be started: \(Errno(reason).text)",
            status: missing ? 127 : 126)
    }

    /// Looks whether it has ended; waits for that where asked to.
    @discardableResult
    func reap(waiting: Bool = false) -> Ending? {
        if let ending { return ending }
        var status: Int32 = 0
        guard unsafe pt_reap(pid, waiting ? 1 : 0, &status) == 1 else { return nil }
        var (exited, signalled): (Int32, Int32) = (-1, -1)
        unsafe pt_read_status(status, &exited, &signalled)
        ending = signalled > 0 ? .signal(signalled) : .status(exited)
        return ending
    }

    /// What Ctrl-C does: asks it to end the first time, kills it the second.
    func interrupt() {
        interrupts += 1
        signalGroup(interrupts == 1 ? SIGINT : SIGKILL)
        // One that was stopped takes it when it goes on.
        signalGroup(SIGCONT)
    }

    var isInterrupted: Bool { interrupts > 0 }

    /// Ends its whole group: SIGTERM, and SIGKILL after a second.
    func end() {
        guard reap() == nil else { return }
        signalGroup(SIGTERM)
        let deadline = Instant.now.advanced(byNanoseconds: 1_000_000_000)
        while reap() == nil {
            let rest = deadline.nanoseconds(since: .now) / 1_000_000
            if rest == 0 { break }
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&request, descriptor >= 0 ? 1 : 0, descriptor >= 0 ? Int32(rest) : min(20, Int32(rest)))
        }
        if ending == nil {
            signalGroup(SIGKILL)
            reap(waiting: true)
        }
    }

    private func signalGroup(_ signal: Int32) {
        if ending == nil { _ = Rights.raising(.signals) { kill(-pid, signal) } }
    }
}
