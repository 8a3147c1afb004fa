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
        pt_return_large_blocks()
        do {
            let request = try request()
            let ending = try request.wantsBatch ? batch(request) : live(request)
            if let signal = ending { TerminalGuard.die(by: signal) }
        } catch let error as EngineError {
            complain(error.message)
            exit(error.kind == .usage ? 2 : 1)
        } catch let error as TerminalError {
            complain(error.message)
            exit(1)
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    /// Reads the command line; answers `--help`, `--version` and the lists that `help` asks for.
    private static func request() throws(EngineError) -> Request {
        let arguments: Arguments
        do {
            arguments = try Arguments.parse()
        } catch {
            let isHelp = Arguments.exitCode(for: error) == .success
            if isHelp { leave(saying: help) }
            throw EngineError(
                .usage, what: "command line", why: firstLine(Arguments.message(for: error)),
                remedy: "perftop --help lists the options")
        }
        if arguments.version { leave(saying: "perftop \(version)") }
        if arguments.sort == "help" {
            leave(saying: list(Column.allCases.map { ($0.rawValue, $0.explanation) }))
        }
        if arguments.grouping == "help" {
            leave(saying: list(GroupKey.allCases.map { ($0.rawValue, $0.explanation) }))
        }
        var request = try Request(arguments)
        if !request.wantsBatch, isatty(STDOUT_FILENO) == 0 { request.wantsBatch = true }
        if !request.wantsBatch, let term = unsafe getenv("TERM"), unsafe String(cString: term) == "dumb" {
            complain("TERM is dumb: writing frames instead of a screen (--batch)")
            request.wantsBatch = true
        }
        return request
    }

    // MARK: Modes

    private static func batch(_ request: Request) throws(EngineError) -> Int32? {
        let output = try Output(path: request.batch.outputPath)
        let signals = pt_signal_descriptor()
        let session = try Session(request.sampling, pace: request.batchPace)
        return try runBatch(session, output: output, signals: signals, options: request.batch)
    }

    private static func live(_ request: Request) throws -> Int32? {
        let session = try Session(request.sampling, pace: request.pace)
        let ending = try runLive(source: session, options: request.live)
        switch ending {
        case .quit: return nil
        case .signal(let signal): return signal
        case .hangUp: return SIGHUP
        }
    }

    // MARK: Words

    private static let help = """
        perftop: a live sampling profiler for the terminal

        perftop [OPTIONS]               everything this user may see
        perftop [OPTIONS] -p PID,…      processes, their threads and their children


        """
        + Arguments.helpMessage(columns: 100).split(separator: "\n", omittingEmptySubsequences: false)
        .drop { !$0.hasPrefix("OPTIONS") }.joined(separator: "\n")

    private static func list(_ entries: [(name: String, text: String)]) -> String {
        entries.map { $0.name + String(repeating: " ", count: max(1, 10 - $0.name.count)) + $0.text }
            .joined(separator: "\n")
    }

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
