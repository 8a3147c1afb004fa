/// Numbers as people read them; the same in every locale, so that screens can be compared.
public enum Numbers {
    /// `1,204`
    public static func grouped(_ value: UInt64) -> String {
        let digits = Array(String(value).utf8)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.unicodeScalars.append(Unicode.Scalar(digit))
        }
        return text
    }

    static func grouped(_ value: Int) -> String { grouped(UInt64(max(value, 0))) }

    /// A number with so many digits after the point; what is not a number shows as 0.
    public static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = digits == 0 ? 1.0 : digits == 1 ? 10.0 : 100.0
        let scaled = value.isFinite ? min(max((value * scale).rounded(), 0), 1e15) : 0
        let whole = UInt64(scaled)
        guard digits > 0 else { return String(whole) }
        let unit = UInt64(scale)
        let fraction = String(whole % unit)
        return "\(whole / unit)." + String(repeating: "0", count: max(digits - fraction.count, 0)) + fraction
    }

    /// A count in at most six cells: `61344`, `1.2M`.
    static func short(_ value: Double) -> String {
        guard value.isFinite, value >= 100_000 else { return fixed(value, 0) }
        return scaled(value, base: 1000, units: ["k", "M", "G", "T", "P", "E"])
    }

    /// Bytes in at most five cells: `18M`, `1.2G`.
    static func bytes(_ value: Double) -> String {
        guard value.isFinite, value >= 1024 else { return fixed(value, 0) }
        return scaled(value, base: 1024, units: ["K", "M", "G", "T", "P", "E"])
    }

    private static func scaled(_ value: Double, base: Double, units: [String]) -> String {
        var value = value
        var unit = ""
        for next in units {
            if unit != "" && value < base { break }
            value /= base
            unit = next
        }
        return fixed(value, value < 9.95 ? 1 : 0) + unit
    }

    /// A span of time: `0.4s`, `10s`, `2m05s`.
    static func seconds(_ value: Double) -> String {
        if value < 0.95 { return fixed(value, 1) + "s" }
        if value < 119.5 { return fixed(value, 0) + "s" }
        let whole = UInt64(min(value, 1e9).rounded())
        return "\(whole / 60)m" + twoDigits(whole % 60) + "s"
    }

    /// Nanoseconds of `0.5`, `250ms`, `1s` or `2m`; nil where it is no time. It may be any length.
    public static func nanoseconds(_ text: String) -> Double? {
        let units: [(String, Double)] = [("ms", 1e6), ("s", 1e9), ("m", 6e10), ("", 1e9)]
        for (unit, scale) in units where text.hasSuffix(unit) {
            guard let value = Double(text.dropLast(unit.count)), value.isFinite else { continue }
            return value * scale
        }
        return nil
    }

    /// The spans of time that an option or a prompt takes: a millisecond to an hour.
    public static let spans = 1e6...3.6e12

    /// Milliseconds or seconds of a delay: `1.2ms`, `340ms`, `2.1s`.
    static func delay(nanoseconds: UInt64) -> String {
        let milliseconds = Double(nanoseconds) / 1e6
        if milliseconds < 9.95 { return fixed(milliseconds, 1) + "ms" }
        if milliseconds < 999.5 { return fixed(milliseconds, 0) + "ms" }
        return fixed(milliseconds / 1000, 1) + "s"
    }

    /// `14:03:27` of nanoseconds since 1970, moved by an offset from UTC.
    static func clock(nanoseconds: UInt64, utcOffset: Int) -> String {
        let day = 86_400
        let seconds = Int(nanoseconds / 1_000_000_000 % UInt64(day)) + utcOffset % day
        let local = UInt64((seconds + day) % day)
        return twoDigits(local / 3600) + ":" + twoDigits(local / 60 % 60) + ":" + twoDigits(local % 60)
    }

    private static func twoDigits(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
