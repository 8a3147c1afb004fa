internal import ArgumentParser
internal import SampleEngine
internal import TopView

extension Arguments {
    /// What is asked for in the stead of sampling: a version, a list, a page; nil where it is a profile.
    func answer(version: String) throws(EngineError) -> String? {
        if self.version { return "perftop \(version)" }
        if sort == "help" { return Self.list(Column.sortKeys.map { ($0.rawValue, $0.explanation) }) }
        if columns == "help" { return Self.list(Column.allCases.map { ($0.rawValue, $0.explanation) }) }
        if grouping == "help" { return Self.list(GroupKey.allCases.map { ($0.rawValue, $0.explanation) }) }
        if printConfig { return Configuration.example }
        if printMan { return ManualPage.source(version: version) }
        guard let shell = completions else { return nil }
        guard let known = CompletionShell(rawValue: shell) else {
            throw EngineError(
                .usage, what: "--print-completions \(displayText(shell))", why: "no such shell",
                remedy: "choose from \(CompletionShell.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return CompletedCommand.completionScript(for: known)
    }

    /// What `--help` prints.
    static let help =
        "perftop: a live sampling profiler for the terminal\n\n"
        + list(ManualPage.uses, width: 32) + "\n\n"
        + helpMessage(columns: 100).split(separator: "\n", omittingEmptySubsequences: false)
        .drop { !$0.hasPrefix("OPTIONS") }.joined(separator: "\n")

    private static func list(_ entries: [(name: String, text: String)], width: Int = 10) -> String {
        entries.map { $0.name + String(repeating: " ", count: max(1, width - $0.name.count)) + $0.text }
            .joined(separator: "\n")
    }
}

/// The command as shells are to know it: the parser completes for commands alone, and by their names.
private struct CompletedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "perftop")

    @OptionGroup var arguments: Arguments
}
