internal import ArgumentParser
internal import SampleEngine

/// Defaults from a file, for what the command line leaves open.
struct Configuration {
    private static let leaveOut = "--no-config leaves the file out"
    /// A file of nonsense does not fill a screen.
    private static var mostWarnings: Int { 10 }

    /// Fills in what the file says; returns what has to be said of the file, a sentence each.
    ///
    /// Without a file nothing is parsed.
    static func fill(_ arguments: inout Arguments) throws(EngineError) -> [String] {
        if arguments.config != nil, arguments.noConfig {
            throw EngineError(
                .usage, what: "--config and --no-config", why: "they contradict each other", remedy: "leave out one")
        }
        guard let file = ConfigurationFile(arguments) else { return [] }
        let name = displayText(file.path)
        switch file.read() {
        case .absent:
            if !file.isNamed { return [] }
            throw EngineError(
                .usage, what: "--config \(name)", why: "no such file", remedy: "perftop --print-config shows one")
        case .refused(let reason):
            if !file.isNamed { return ["\(name) is left out: \(reason)"] }
            throw EngineError(.usage, what: "--config \(name)", why: reason)
        case .bytes(let document):
            return try use(Setting.all(in: document, of: name), of: name, &arguments)
        }
    }

    private static func use(
        _ settings: [Setting], of name: String, _ arguments: inout Arguments
    ) throws(EngineError) -> [String] {
        var warnings: [String] = []
        // Nothing that could be refused: no word at all. The parser takes its time, so once for all settings.
        guard let nothing = try? Arguments.parse([]) else { return [] }
        for setting in settings {
            guard let option = ConfigurableOption.all.first(where: { $0.key == setting.key }) else {
                warnings.append("\(name):\(setting.line): " + unknown(setting.key))
                continue
            }
            try check(setting, option, of: name, with: nothing)
            _ = option.put(setting.value, into: &arguments)
        }
        let more = warnings.count - mostWarnings
        return more > 1 ? warnings.prefix(mostWarnings) + ["\(name): \(more) more unknown keys"] : warnings
    }

    /// Tries a setting alone, as if it were all that the command line says: what an option rejects is rejected here, and
    /// also where the command line says otherwise.
    private static func check(
        _ setting: Setting, _ option: ConfigurableOption, of name: String, with nothing: Arguments
    ) throws(EngineError) {
        let what = "\(name):\(setting.line): \(option.key) = \(setting.value.shown)"
        var alone = nothing
        if let expected = option.put(setting.value, into: &alone) {
            throw EngineError(.usage, what: what, why: "takes \(expected)", remedy: leaveOut)
        }
        do throws(EngineError) {
            _ = try Request(alone)
        } catch {
            let remedy = error.remedy.isEmpty ? leaveOut : "\(error.remedy); \(leaveOut)"
            throw EngineError(.usage, what: what, why: error.why, remedy: remedy)
        }
    }

    private static func unknown(_ key: String) -> String {
        if OptionHelp.all.contains(where: { $0.names.contains("--" + key) }) {
            return "\(key) is given on the command line alone"
        }
        let known = closest(to: key, among: ConfigurableOption.all.map(\.key), most: 1)
        let shown = displayText(key, limit: 60)
        return "unknown key \(shown)" + (known.first.map { "; the closest is \($0)" } ?? "")
    }

    /// A file with every key at its default: taking away the first `#` of a line, or of all lines, leaves TOML.
    static let example = """
        ## Defaults for perftop's options. It is read from $XDG_CONFIG_HOME/perftop/config.toml, else from
        ## ~/.config/perftop/config.toml, and never written. What the command line says always wins.
        ## Take away the # before a key to set it.

        """
        + ConfigurableOption.all.map { "\n## \($0.explanation)\n#\($0.key) = \($0.example)" }.joined(separator: "\n")
}
