internal import TopView

/// An option that a configuration file can give a default for.
///
/// The table below is all there is to know about them: reading, `--print-config`, the warnings and the manual use it.
struct ConfigurableOption: Sendable {
    /// What a file may hold for the option, and where it goes in the command line.
    enum Place: Sendable {
        case text(any WritableKeyPath<Arguments, String?> & Sendable)
        /// A text that is usually a number.
        case quantity(any WritableKeyPath<Arguments, String?> & Sendable)
        /// Words with commas between them, or an array of them.
        case words(any WritableKeyPath<Arguments, String?> & Sendable)
        case repeated(any WritableKeyPath<Arguments, [String]> & Sendable)
        case integer(any WritableKeyPath<Arguments, Int?> & Sendable)
        case flag(any WritableKeyPath<Arguments, Bool?> & Sendable)
    }

    /// The option's long name.
    let key: String
    let place: Place
    /// A value as TOML: the default where there is one that can be written down.
    let example: String
    /// One or two sentences.
    let explanation: String
    /// The command line says otherwise by another option.
    var isOverruled: @Sendable (Arguments) -> Bool = { _ in false }

    static let all: [ConfigurableOption] = [
        ConfigurableOption(
            key: "event", place: .repeated(\.events), example: "[\"cpu-clock\"]",
            explanation: "Events to sample, as for -e. Default: cycles, else cpu-clock, else task-clock."),
        ConfigurableOption(
            key: "freq", place: .quantity(\.frequency), example: "999",
            explanation: "Samples per second and CPU, or \"max\".", isOverruled: { $0.period != nil }),
        ConfigurableOption(
            key: "mmap-pages", place: .integer(\.pages), example: "128",
            explanation: "Pages of each sample ring, a power of two. Default: as the rate and the limits have it."),
        ConfigurableOption(
            key: "overwrite", place: .flag(\.overwrite), example: "false",
            explanation: "Where a ring is full, whether the newest samples replace the oldest."),
        ConfigurableOption(
            key: "delay", place: .quantity(\.delay), example: "\"1s\"",
            explanation: "Time between pictures: 0.5, \"250ms\", \"1s\"."),
        ConfigurableOption(
            key: "window", place: .quantity(\.window), example: "\"10s\"",
            explanation: "How far back a picture looks: a time, \"all\" or \"decay\"."),
        ConfigurableOption(
            key: "realtime", place: .integer(\.realTime), example: "1",
            explanation: "Real-time priority (SCHED_RR) of perftop itself; 0: as it was started."),
        ConfigurableOption(
            key: "view", place: .text(\.view), example: "\"functions\"",
            explanation: "View to begin with: " + View.allCases.filter(\.isBuilt).map(\.name).joined(separator: ", ")
                + "."),
        ConfigurableOption(
            key: "group-by", place: .words(\.grouping), example: "\"process,module,function\"",
            explanation: "What makes a row of the first view; --group-by help lists all. Default: as the view has it."),
        ConfigurableOption(
            key: "sort", place: .text(\.sort), example: "\"self\"",
            explanation: "Column to sort by; -s help lists them."),
        ConfigurableOption(
            key: "columns", place: .words(\.columns),
            example: "\"" + Column.allCases.map(\.rawValue).joined(separator: ",") + "\"",
            explanation: "The columns that tables on the screen begin with; --columns help lists them."),
        ConfigurableOption(
            key: "filter", place: .text(\.filter), example: "\"\"", explanation: "Show only what this describes."),
        ConfigurableOption(
            key: "color", place: .text(\.color), example: "\"auto\"",
            explanation: "\"auto\", \"always\" or \"never\"."),
        ConfigurableOption(
            key: "theme", place: .text(\.theme), example: "\"auto\"",
            explanation: "Colors: " + Theme.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                + "; auto goes by what the terminal says of its background."),
        ConfigurableOption(
            key: "mouse", place: .flag(\.mouse), example: "true",
            explanation: "Whether clicks and the wheel are taken; else the mouse is the terminal's."),
        ConfigurableOption(
            key: "ascii", place: .flag(\.ascii), example: "false", explanation: "Whether to draw with ASCII alone."),
        ConfigurableOption(
            key: "format", place: .text(\.format), example: "\"text\"",
            explanation: "How reports are written: \"text\", \"json\" or \"csv\". Here it does not imply --batch."),
        ConfigurableOption(
            key: "limit", place: .integer(\.limit), example: "40",
            explanation: "At most so many rows per frame of a report. Default: all."),
    ]

    /// Where the command line has given nothing, puts a value there. Nil: done or not needed; else what it takes.
    func put(_ value: Setting.Value, into arguments: inout Arguments) -> String? {
        let isOverruled = isOverruled(arguments)
        func fill<Stored>(_ path: WritableKeyPath<Arguments, Stored?>, _ new: Stored) {
            if arguments[keyPath: path] == nil, !isOverruled { arguments[keyPath: path] = new }
        }
        switch (place, value) {
        case (.text(let path), .text(let text)), (.quantity(let path), .text(let text)),
            (.words(let path), .text(let text)):
            fill(path, text)
        case (.quantity(let path), .integer(let number)): fill(path, "\(number)")
        case (.quantity(let path), .number(let number)): fill(path, "\(number)")
        case (.words(let path), .list(let values)):
            guard let words = Self.words(values) else { return expected }
            fill(path, words.joined(separator: ","))
        case (.repeated(let path), .text(let text)):
            if arguments[keyPath: path].isEmpty { arguments[keyPath: path] = [text] }
        case (.repeated(let path), .list(let values)):
            guard let words = Self.words(values) else { return expected }
            if arguments[keyPath: path].isEmpty { arguments[keyPath: path] = words }
        case (.integer(let path), .integer(let number)): fill(path, Int(number))
        case (.flag(let path), .flag(let flag)): fill(path, flag)
        default: return expected
        }
        return nil
    }

    /// What the option takes, in words.
    private var expected: String {
        switch place {
        case .text: "a string"
        case .quantity: "a string or a number"
        case .words, .repeated: "a string or an array of strings"
        case .integer: "an integer"
        case .flag: "true or false"
        }
    }

    /// Nil where one of them is no text.
    private static func words(_ values: [Setting.Value]) -> [String]? {
        var words: [String] = []
        for value in values {
            guard case .text(let word) = value else { return nil }
            words.append(word)
        }
        return words
    }
}
