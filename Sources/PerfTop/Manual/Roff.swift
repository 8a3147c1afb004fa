/// Text in the language of man pages (man(7)), every character that means something there escaped.
struct Roff {
    private(set) var source = ""
    /// What follows a heading is a paragraph already.
    private var isBelowHeading = false

    mutating func section(_ title: String) { add(heading: ".SH " + Self.quoted(title)) }
    mutating func subsection(_ title: String) { add(heading: ".SS " + Self.quoted(title)) }

    /// A paragraph of its own.
    mutating func paragraph(_ text: String) {
        if !isBelowHeading { source += ".PP\n" }
        fill(text)
    }

    /// A term and, indented below or beside it, what it means.
    mutating func item(_ term: String, _ text: String) {
        source += ".TP\n\\fB" + Self.escaped(term) + "\\fR\n"
        fill(text)
    }

    /// The same for an option, or a whole command line.
    mutating func option(_ term: String, _ text: String) {
        source += ".TP\n" + Self.commandLine(term) + "\n"
        fill(text)
    }

    /// Lines that stay as they are.
    mutating func example(_ lines: [String]) {
        source += ".RS 4\n.nf\n"
        for line in lines { source += Self.line(Self.escaped(line)) }
        source += ".fi\n.RE\n"
        isBelowHeading = false
    }

    /// The heading of the page: name, section, date, and what stands at its foot.
    mutating func title(_ name: String, date: String, version: String) {
        source += ".TH \(name) 1 \"\(date)\" \(Self.quoted(version)) \"User Commands\"\n"
        // Blanks of an example are not to be stretched.
        source += ".ad l\n.nh\n"
    }

    /// Command lines, one below the other: `perftop [OPTIONS] -p PID`.
    mutating func synopsis(_ lines: [String]) {
        for (index, line) in lines.enumerated() {
            if index > 0 { source += ".br\n" }
            source += Self.commandLine(line) + "\n"
        }
    }

    private mutating func add(heading: String) {
        source += heading + "\n"
        isBelowHeading = true
    }

    /// Words in lines of a length that is usual.
    private mutating func fill(_ text: String) {
        var line = ""
        for word in text.split(separator: " ").map({ Self.escaped(String($0)) }) {
            if !line.isEmpty, line.utf8.count + word.utf8.count >= 78 {
                source += Self.line(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        source += Self.line(line)
        isBelowHeading = false
    }

    /// A line of text never begins with a request.
    private static func line(_ text: String) -> String {
        (text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : "") + text + "\n"
    }

    private static func quoted(_ text: String) -> String { "\"" + escaped(text) + "\"" }

    /// A command line: `<VALUE>` and words in capitals in italics, all else bold.
    private static func commandLine(_ text: String) -> String {
        text.split(separator: " ").map { word in
            let inner = word.drop { "<[".contains($0) }
            let isValue =
                !inner.hasPrefix("-") && inner.contains { $0.isUppercase } && !inner.contains { $0.isLowercase }
            let plain = word.filter { !"<>".contains($0) }
            return (isValue ? "\\fI" : "\\fB") + escaped(plain) + "\\fR"
        }.joined(separator: " ")
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            case "'": result += "\\(aq"
            // A long list may be broken where a comma is.
            case ",": result += ",\\:"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case "\u{20}"..."\u{7e}": result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                result += "\\[u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "]"
            }
        }
        return result
    }
}
