import Foundation
import Glibc

/// A child process. Foundation's `Process` will not do: it takes a child for alive as long as anybody, a tmux server for
/// instance, holds a descriptor that it inherited, and hands on the signal mask of the test's thread, which blocks all.
final class Child {
    let pid: pid_t
    /// As a shell has it: the exit status, or 128 + the signal. Nil while it runs.
    private(set) var status: Int32?

    /// Starts `program` with these three streams, all signals at their defaults.
    init(
        _ program: String, _ arguments: [String], environment: [String: String], input: Int32, output: Int32,
        errors: Int32
    ) throws {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in [input, output, errors].enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, stream, Int32(number))
        }

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var words = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for index in unsafe words.indices { unsafe free(words[index]) }
            for index in unsafe variables.indices { unsafe free(variables[index]) }
        }
        var started: pid_t = 0
        let code = unsafe posix_spawn(&started, program, &actions, &attributes, &words, &variables)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
        pid = started
    }

    var isRunning: Bool {
        guard status == nil else { return false }
        reap(WNOHANG)
        return status == nil
    }

    /// Kills it, if it still runs, and waits for its end.
    func stop() {
        guard isRunning else { return }
        kill(pid, SIGKILL)
        reap(0)
    }

    private func reap(_ options: Int32) {
        var raw: Int32 = 0
        guard unsafe waitpid(pid, &raw, options) == pid else { return }
        let signal = raw & 0x7f
        status = signal == 0 ? (raw >> 8) & 0xff : 128 + signal
    }
}
