internal import ArgumentParser

/// What the command line's definition says of one option.
struct OptionHelp: Equatable {
    /// `-p, --pid <PID,…>`
    let term: String
    let text: String

    /// The names alone: `-p`, `--pid`.
    var names: [String] {
        term.split { " ,/".contains($0) }.filter { $0.hasPrefix("-") }.map(String.init)
    }

    /// Every public option, in the order of the help.
    ///
    /// The parser tells of its options in its help alone; on a screen this wide no text is broken into lines there.
    static let all: [OptionHelp] = {
        let lines = Arguments.helpMessage(columns: 10_000).split(separator: "\n")
        var options: [OptionHelp] = []
        for line in lines.drop(while: { $0 != "OPTIONS:" }).dropFirst() {
            let body = line.drop { $0 == " " }
            if line.count - body.count > 2 {
                // The name left no room for the text beside it.
                if let last = options.popLast() { options.append(OptionHelp(term: last.term, text: String(body))) }
                continue
            }
            let gap = body.firstRange(of: "  ")
            let term = gap.map { body[..<$0.lowerBound] } ?? body
            let text = gap.map { body[$0.upperBound...].drop { $0 == " " } } ?? ""
            options.append(OptionHelp(term: String(term), text: String(text)))
        }
        return options
    }()
}
