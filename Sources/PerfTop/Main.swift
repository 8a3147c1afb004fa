internal import ArgumentParser
internal import CLinuxShims
internal import Glibc
internal import SampleEngine
internal import TopView

@main
struct Perftop {
    static let version = "0.1.0"

    /// The only place that ends the program: 0 fine, 1 a run-time failure, 2 a usage error, a fatal signal raised again.
    static func main() {
        Self.fillStandardDescriptors()
        let origin = Rights.lower()
        _ = Environment.ours
        // Ignored, as some who start programs leave it, it takes a command's status away.
        signal(SIGCHLD, SIG_DFL)
        // A limit on the size of files is an error of write(2) then, which is said, and not the end.
        signal(SIGXFSZ, SIG_IGN)
        pt_return_large_blocks()
        do {
            try refuseForeignUser()
            let request = try request()
            try MemoryLimit.check()
            if !request.explain.addresses.isEmpty {
                ProcFolder.prepare()
                // Whoever may run this file would see through it what he cannot see himself.
                if Rights.areOfTheFile { Rights.giveUp() } else { Rights.keep() }
                ReaderProcesses.prepare(realTime: 0)
                try runExplain(request.explain)
                exit(0)
            }
            leave(try request.wantsBatch ? batch(request, origin) : live(request, origin))
        } catch let error as EngineError {
            complain(error.message)
            exit(error.kind == .usage ? 2 : 1)
        } catch let error as CommandError {
            complain(error.message)
            exit(error.status)
        } catch let error as TerminalError {
            complain(error.message)
            exit(1)
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    /// What is closed is opened as nothing that could be read or written: else the next thing that is opened would be taken
    /// for standard output.
    private static func fillStandardDescriptors() {
        for number in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(number, F_GETFD) < 0 {
            _ = unsafe open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Set-user-ID would have the caller's files opened by another user, and his environment believed.
    private static func refuseForeignUser() throws(EngineError) {
        if getuid() == geteuid(), getgid() == getegid() { return }
        throw EngineError(
            what: "perftop", why: "its file changes the user or group of whoever runs it (set-user-ID, set-group-ID)",
            remedy: "chmod ug-s; README tells which capabilities to give it instead")
    }

    /// Reads the command line; answers what asks for words and no profile.
    private static func request() throws(EngineError) -> Request {
        // Completions offer it beside the options.
        let words = Self.words()
        if words == ["help"] { leave(saying: Arguments.help) }
        var arguments: Arguments
        do {
            arguments = try Arguments.parse(words)
        } catch {
            let isHelp = Arguments.exitCode(for: error) == .success
            if isHelp { leave(saying: Arguments.help) }
            throw EngineError(
                .usage, what: "command line", why: firstLine(Arguments.message(for: error)),
                remedy: "perftop --help lists the options")
        }
        if let answer = try arguments.answer(version: version) { leave(saying: answer) }
        // A format in a file says how reports are written, not that one is wanted.
        let asksForBatch = arguments.asksForBatch
        let warnings = try Configuration.fill(&arguments)
        var request = try Request(arguments)
        request.wantsBatch = asksForBatch
        if !request.wantsBatch, isatty(STDOUT_FILENO) == 0 { request.wantsBatch = true }
        if !request.wantsBatch, let term = unsafe getenv("TERM"), unsafe String(cString: term) == "dumb" {
            complain("TERM is dumb: writing frames instead of a screen (--batch)")
            request.wantsBatch = true
        }
        // A screen would hide what is written before it.
        if request.wantsBatch { warnings.forEach(complain) } else { request.live.notes = warnings }
        return request
    }

    /// The command line without the program's name. Not the runtime's: that reads `/proc`, which may be missing.
    private static func words() -> [String] {
        var words: [String] = []
        while let word = unsafe pt_argument(Int32(words.count + 1)) { unsafe words.append(String(cString: word)) }
        return words
    }

    // MARK: Modes

    /// How the program ends.
    private enum Ending {
        case status(Int32)
        /// A signal that ended us, raised again.
        case signal(Int32)
        /// As the command did that was profiled.
        case command(Command.Ending)
    }

    private static func batch(_ request: Request, _ origin: Rights.Origin) throws -> Ending {
        var request = request
        let output = try Output(path: request.batch.outputPath)
        var command: Command?
        if !request.command.isEmpty {
            // Its output would mix with the report where both go to standard output.
            let out = request.batch.outputPath == nil ? STDERR_FILENO : STDOUT_FILENO
            let input = isatty(STDIN_FILENO) == 1 ? try nullDevice() : STDIN_FILENO
            command = try Command(request.command, as: origin, output: (out, STDERR_FILENO), input: input)
        }
        request.batch.scheduling = .claim(request.pace.realTime)
        // A command must not be left behind. Without one nothing would be lost until there is sampling: a signal ends us then
        // and there, however long the counters of thousands of threads take to open. Not so process 1 of a container, for which
        // such signals do nothing.
        let early = command == nil && getpid() != 1 ? nil : pt_signal_descriptor()
        let session = try start(command, request, request.batchPace)
        let signals = early ?? pt_signal_descriptor()
        request.batch.command = command
        let signal: Int32?
        do throws(EngineError) {
            signal = try runBatch(session, output: output, signals: signals, options: request.batch)
        } catch {
            command?.end()
            throw error
        }
        return ending(of: command, signal: signal, request)
    }

    private static func live(_ request: Request, _ origin: Rights.Origin) throws -> Ending {
        var request = request
        var command: Command?
        var captured: CapturedOutput?
        if !request.command.isEmpty {
            let output = try CapturedOutput()
            captured = output
            command = try Command(
                request.command, as: origin, output: (output.writeEnd, output.writeEnd), input: try nullDevice())
        }
        CursesScreen.boundSize()
        // Who answers keys goes first.
        Scheduling.claim(request.pace.realTime)
        let session = try start(command, request, request.pace)
        try captured?.begin()
        request.live.command = command
        defer { captured?.show() }
        do {
            switch try runLive(source: session, options: request.live) {
            case .quit: return ending(of: command, signal: nil, request)
            case .signal(let signal): return ending(of: command, signal: signal, request)
            case .hangUp: return ending(of: command, signal: SIGHUP, request)
            }
        } catch {
            command?.end()
            throw error
        }
    }

    /// Opens the counters, then lets the command go to its exec, where the kernel starts them.
    private static func start(_ command: Command?, _ request: Request, _ pace: Pace) throws -> Session {
        // Not before the command was forked, which stays where it is, and as its caller is.
        ProcFolder.prepare()
        Rights.keep(hasCommand: command != nil)
        ReaderProcesses.prepare(realTime: request.pace.realTime)
        var sampling = request.sampling
        if let command {
            sampling.target = Target(.command(pid: command.pid, text: command.text), cpus: sampling.target.cpus)
        }
        let session =
            request.handedOver.isEmpty
            ? try Session(sampling, pace: pace)
            : try Session(
                handedOver: request.handedOver, beside: request.samplesKernel ? sampling : nil, pace: pace)
        try command?.letGo()
        return session
    }

    /// The command's own status where it ended by itself or by ^C; else it is ended now, and that was our wish.
    private static func ending(of command: Command?, signal: Int32?, _ request: Request) -> Ending {
        if let ended = command?.reap() { return .command(ended) }
        if !request.leavesCommandRunning { command?.end() }
        return signal.map { .signal($0) } ?? .status(0)
    }

    private static func nullDevice() throws(EngineError) -> Int32 {
        let null = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
        if null < 0 { throw EngineError(what: "/dev/null", why: "it cannot be opened") }
        return null
    }

    private static func leave(_ ending: Ending) -> Never {
        // A signal is raised again, which exit(3) hears nothing of.
        ReaderProcesses.end()
        switch ending {
        case .status(let status), .command(.status(let status)): exit(status)
        case .signal(let signal): TerminalGuard.die(by: signal)
        case .command(.signal(let signal)):
            // Its signal is ours; its core is not.
            pt_no_core()
            TerminalGuard.die(by: signal)
        }
    }

    // MARK: Words

    private static func firstLine(_ text: String) -> String {
        displayText(String(text.prefix { $0 != "\n" }), limit: 300)
    }

    private static func leave(saying text: String) -> Never {
        print(text)
        exit(0)
    }

    private static func complain(_ text: String) {
        let line = Array("perftop: \(text)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
