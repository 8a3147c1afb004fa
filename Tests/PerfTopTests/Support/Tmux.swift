import Foundation
import Testing

/// perftop on the screen of a terminal emulator: a tmux server of its own, with one pane.
///
/// The pane's shell shows `status=N` after perftop, and whether the terminal's settings are as before. Where the job
/// is stopped it says so and takes Enter for `fg`.
final class Tmux {
    private let socket = "perftop-test-\(UUID().uuidString.prefix(8))"
    private let folder: URL
    private let tmux = Machine.path(of: "tmux") ?? "tmux"

    init(
        _ arguments: [String], columns: Int = 120, lines: Int = 40, locale: String = "C.UTF-8",
        term: String = "screen-256color", environment: [String: String] = [:]
    ) throws {
        folder = try Scratch.folder()
        let pidFile = folder.appendingPathComponent("pid").path
        let words = ([Machine.binary] + arguments).map { "'\($0)'" }.joined(separator: " ")
        let script = """
            set -m
            before=$(stty -g)
            settings() { [ "$before" = "$(stty -g)" ] && echo settings=same || echo settings=changed; }
            # Not a loop: the shell leaves one in which a job is stopped.
            ended() {
                [ $1 = \(128 + SIGTSTP) ] || return $1
                echo stopped
                settings
                read line
                fg >/dev/null
                ended $?
            }
            sh -c 'echo $$ >"$0"; exec "$@"' '\(pidFile)' \(words)
            ended $?
            echo "status=$?"
            settings
            exec sleep 60
            """
        let file = folder.appendingPathComponent("pane.sh").path
        try script.write(toFile: file, atomically: true, encoding: .utf8)
        let variables = ["TERM": term, "LC_ALL": locale, "SWIFT_BACKTRACE": "enable=no"]
            .merging(environment) { $1 }.map { "\($0)=\($1)" }.joined(separator: " ")
        let made = try run(
            tmux,
            [
                "-L", socket, "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(lines)",
                "env -u NO_COLOR \(variables) bash '\(file)'",
            ],
            environment: ["TMUX": nil as String?, "LC_ALL": "C.UTF-8"])
        try #require(made.status == 0, "tmux: \(made.errors)")
    }

    deinit {
        _ = try? run(tmux, ["-L", socket, "kill-server"])
        try? FileManager.default.removeItem(at: folder)
    }

    /// perftop itself.
    var pid: Int32? {
        let text = try? String(contentsOf: folder.appendingPathComponent("pid"), encoding: .utf8)
        return text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    func screen() throws -> String { try ask("capture-pane", "-p") }

    /// The screen with the sequences that color it.
    func coloredScreen() throws -> String { try ask("capture-pane", "-p", "-e") }

    /// True while a full-screen program has the terminal.
    func isAlternate() throws -> Bool { try ask("display-message", "-p", "#{alternate_on}").hasPrefix("1") }

    /// Keys by tmux's names (`Enter`, `C-c`).
    func press(_ keys: String...) throws { try press(keys) }

    /// The same, all of them at once: the program may find them together.
    func press(_ keys: [String]) throws { _ = try ask(["send-keys"] + keys) }

    /// Exactly these characters.
    func type(_ text: String) throws { _ = try ask("send-keys", "-l", text) }

    func resize(columns: Int, lines: Int) throws {
        _ = try ask("resize-window", "-x", "\(columns)", "-y", "\(lines)")
    }

    /// Looks at the screen until `condition` holds; the last screen is in the failure.
    func expect(
        _ what: Comment, within seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: (String) throws -> Bool
    ) throws {
        var last = ""
        let held = try waitUntil(within: seconds) {
            last = try screen()
            return try condition(last)
        }
        #expect(held, "\(what). The screen:\n\(last)", sourceLocation: sourceLocation)
    }

    private func ask(_ arguments: String...) throws -> String { try ask(arguments) }

    private func ask(_ arguments: [String]) throws -> String {
        try run(tmux, ["-L", socket] + arguments, environment: ["LC_ALL": "C.UTF-8"], within: 30).output
    }
}
