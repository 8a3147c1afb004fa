internal import Foundation
internal import Glibc

/// A child process. Foundation's `Process` will not do: it takes a child for alive as long as anybody, a tmux server for
/// instance, holds a descriptor that it inherited, and hands on the signal mask of the test's thread, which blocks all.
///
/// It ends with this object, and with the tests' process (`Guard`), together with all that it has started.
package final class Child {
    package let pid: Int32
    /// As a shell has it: the exit status, or 128 + the signal. Nil while it runs.
    package private(set) var status: Int32?
    /// The signal that ended it; nil where it has exited, with whatever status.
    package private(set) var signal: Int32?

    /// Starts `program` with these three streams, all signals at their defaults.
    ///
    /// - Parameters:
    ///   - controlling: a terminal that becomes the controlling one of a new session, which the program leads.
    ///   - others: more descriptors, which the program has as 3, 4, …; none together with a controlling terminal.
    ///   - outlives: it goes on where the tests' process is killed.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String], input: Int32, output: Int32,
        errors: Int32, controlling: String? = nil, others: [Int32] = [], outlives: Bool = false
    ) throws {
        let environment =
            outlives
            ? environment.filter { !$0.key.hasPrefix("PERFTOP_TESTS") }
            : environment.merging([Guard.mark.name: Guard.mark.value]) { $1 }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        // A session that has no terminal yet gets the first one it opens.
        if let controlling { unsafe posix_spawn_file_actions_addopen(&actions, 3, controlling, O_RDWR, 0) }
        for (number, stream) in [input, output, errors].enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, stream, Int32(number))
        }
        // By way of numbers that are none of the new ones: the order of the copies does not matter then.
        let copies = others.map { fcntl($0, F_DUPFD_CLOEXEC, 100) }
        defer { for copy in copies { close(copy) } }
        for (number, stream) in copies.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, stream, Int32(3 + number))
        }
        if controlling != nil { unsafe posix_spawn_file_actions_addclose(&actions, 3) }

        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        // POSIX_SPAWN_SETSID, which the headers show to GNU programs only.
        let session: Int32 = controlling == nil ? 0 : 0x80
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session))

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

    /// The environment of this process, and what makes a child end with it: for those that are started in other ways.
    package static var environment: [String: String] {
        ProcessInfo.processInfo.environment.merging([Guard.mark.name: Guard.mark.value]) { $1 }
    }

    deinit { stop() }

    /// False once it has ended, whose status is known then.
    package var isRunning: Bool {
        guard status == nil else { return false }
        reap(WNOHANG)
        return status == nil
    }

    /// Kills it, if it still runs, and waits for its end.
    package func stop() {
        guard isRunning else { return }
        kill(pid, SIGKILL)
        reap(0)
    }

    private func reap(_ options: Int32) {
        var raw: Int32 = 0
        guard unsafe waitpid(pid, &raw, options) == pid else { return }
        let number = raw & 0x7f
        if number != 0 { signal = number }
        status = number == 0 ? (raw >> 8) & 0xff : 128 + number
    }
}
