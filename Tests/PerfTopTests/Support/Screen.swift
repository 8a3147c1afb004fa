import Foundation

/// Reads what perftop shows.
enum Screen {
    /// A line of the table: a percentage and, as a word of its own, the function.
    static func isRow(_ screen: String, _ function: String) -> Bool {
        let pattern = #"(?m)^.*\d\.\d.*\s"# + function + #"(\s.*)?$"#
        return screen.range(of: pattern, options: .regularExpression) != nil
    }

    /// The percentage in the first column of a function's row.
    static func percent(_ screen: String, _ function: String) -> Double? {
        let row = screen.split(separator: "\n").first { isRow(String($0), function) }
        return row?.split(separator: " ").lazy.compactMap { Double($0) }.first
    }

    /// All numbers of the column SAMPLES, the second one of a row, added up; nil where no row has one.
    static func samples(_ screen: String) -> Int? {
        let numbers = screen.split(separator: "\n").compactMap { line -> Int? in
            let words = line.split(separator: " ").drop { !$0.contains { $0.isNumber } }.prefix(2)
            guard words.count == 2, let share = words.first, share.contains("."), Double(share) != nil else {
                return nil
            }
            return words.last.flatMap { Int($0) }
        }
        return numbers.isEmpty ? nil : numbers.reduce(0, +)
    }

    /// Whether any sequence sets a color, of the text or behind it.
    static func hasColors(_ screen: String) -> Bool {
        screen.range(of: "\u{1b}\\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]", options: .regularExpression) != nil
    }
}
