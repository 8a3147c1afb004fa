/// Display cells of text, the same on every machine: the C library's tables differ between versions and locales.
///
/// Widths are per scalar, as terminals and curses count them: combining marks 0, East Asian wide and emoji 2, the
/// rest 1. Text arrives without control characters (`displayText`), so no width is negative.
public enum TextWidth {
    /// Cells of one scalar: 0, 1 or 2.
    public static func cells(of scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x300 { return 1 }
        // Vowels and final consonants of Hangul join the syllable before them.
        if (0x1160...0x11ff).contains(value) { return 0 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return isWide(value) ? 2 : 1
        }
    }

    /// Cells of a whole text.
    public static func cells(of text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + cells(of: $1) }
    }

    /// The longest beginning that fits, with the marks that belong to its last character, and its cells.
    public static func head(of text: String, cells limit: Int) -> (text: String, cells: Int) {
        var used = 0
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let width = cells(of: scalar)
            // A mark without a character before it would join what stands to the left of this text.
            if width == 0 && used == 0 { continue }
            if used + width > limit { break }
            used += width
            kept.append(scalar)
        }
        return (String(kept), used)
    }

    /// The longest ending that fits and starts with a character of its own, and its cells.
    public static func tail(of text: String, cells limit: Int) -> (text: String, cells: Int) {
        let scalars = text.unicodeScalars
        var used = 0
        var start = scalars.endIndex
        var index = scalars.endIndex
        while index > scalars.startIndex {
            index = scalars.index(before: index)
            let width = cells(of: scalars[index])
            if used + width > limit { break }
            used += width
            if width > 0 { start = index }
        }
        return (String(scalars[start...]), used)
    }

    /// The text without its first cells; a wide character that is cut in half goes altogether.
    public static func dropping(cells count: Int, from text: String) -> String {
        guard count > 0 else { return text }
        var passed = 0
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let width = cells(of: scalars[index])
            if passed >= count && width > 0 { break }
            passed += width
            index = scalars.index(after: index)
        }
        return String(scalars[index...])
    }

    /// The text for a terminal that has only ASCII: `?` for every cell it cannot show.
    public static func ascii(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                result.unicodeScalars.append(scalar)
            } else {
                for _ in 0..<cells(of: scalar) { result += "?" }
            }
        }
        return result
    }

    private static func isWide(_ value: UInt32) -> Bool {
        guard value >= 0x1100 else { return false }
        var low = 0
        var high = wide.count
        while low < high {
            let middle = (low + high) / 2
            if wide[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < wide.count && wide[low].contains(value)
    }

    /// East Asian Width `W` and `F` (UAX #11), with the unassigned places between them.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x231a...0x231b, 0x2329...0x232a, 0x23e9...0x23ec, 0x23f0...0x23f0, 0x23f3...0x23f3,
        0x25fd...0x25fe, 0x2614...0x2615, 0x2648...0x2653, 0x267f...0x267f, 0x2693...0x2693, 0x26a1...0x26a1,
        0x26aa...0x26ab, 0x26bd...0x26be, 0x26c4...0x26c5, 0x26ce...0x26ce, 0x26d4...0x26d4, 0x26ea...0x26ea,
        0x26f2...0x26f3, 0x26f5...0x26f5, 0x26fa...0x26fa, 0x26fd...0x26fd, 0x2705...0x2705, 0x270a...0x270b,
        0x2728...0x2728, 0x274c...0x274c, 0x274e...0x274e, 0x2753...0x2755, 0x2757...0x2757, 0x2795...0x2797,
        0x27b0...0x27b0, 0x27bf...0x27bf, 0x2b1b...0x2b1c, 0x2b50...0x2b50, 0x2b55...0x2b55, 0x2e80...0x303e,
        0x3041...0x3247, 0x3250...0x4dbf, 0x4e00...0xa4c6, 0xa960...0xa97c, 0xac00...0xd7a3, 0xf900...0xfad9,
        0xfe10...0xfe19, 0xfe30...0xfe6b, 0xff01...0xff60, 0xffe0...0xffe6, 0x16fe0...0x1b2fb,
        0x1f004...0x1f004, 0x1f0cf...0x1f0cf, 0x1f18e...0x1f18e, 0x1f191...0x1f19a, 0x1f200...0x1f320,
        0x1f32d...0x1f335, 0x1f337...0x1f37c, 0x1f37e...0x1f393, 0x1f3a0...0x1f3ca, 0x1f3cf...0x1f3d3,
        0x1f3e0...0x1f3f0, 0x1f3f4...0x1f3f4, 0x1f3f8...0x1f43e, 0x1f440...0x1f440, 0x1f442...0x1f4fc,
        0x1f4ff...0x1f53d, 0x1f54b...0x1f54e, 0x1f550...0x1f567, 0x1f57a...0x1f57a, 0x1f595...0x1f596,
        0x1f5a4...0x1f5a4, 0x1f5fb...0x1f64f, 0x1f680...0x1f6c5, 0x1f6cc...0x1f6cc, 0x1f6d0...0x1f6d2,
        0x1f6d5...0x1f6df, 0x1f6eb...0x1f6ec, 0x1f6f4...0x1f6fc, 0x1f7e0...0x1f7f0, 0x1f90c...0x1f93a,
        0x1f93c...0x1f945, 0x1f947...0x1f9ff, 0x1fa70...0x1faf6, 0x20000...0x3fffd,
    ]
}
