/// What a stream of bytes has switched on in a terminal of xterm's kind and not switched off again.
struct TerminalModes {
    /// The other screen was taken at some point.
    private(set) var tookScreen = false
    private var modes: [Int: Bool] = [:]
    private var keypad = false
    private var attributes = ""

    /// Modes that matter, with what they are before a program starts.
    private static let usual: [(mode: Int, name: String, isOn: Bool)] = [
        (47, "alternate screen (47)", false), (1047, "alternate screen (1047)", false),
        (1049, "alternate screen (1049)", false), (25, "cursor", true), (7, "wrap at the edge", true),
        (1, "cursor keys of applications", false), (1000, "mouse", false), (1002, "mouse drag", false),
        (1003, "mouse motion", false), (1006, "mouse coordinates", false), (1004, "focus", false),
        (2004, "bracketed paste", false), (2026, "synchronized output", false),
    ]

    init(_ bytes: [UInt8]) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == 0x1b, index < bytes.count else { continue }
            switch bytes[index] {
            case UInt8(ascii: "="): keypad = true
            case UInt8(ascii: ">"): keypad = false
            case UInt8(ascii: "["):
                // Parameters end at a letter; a sequence that was cut off ends where the next one begins.
                let rest = bytes[(index + 1)...]
                let end = rest.firstIndex { (0x40...0x7e).contains($0) || $0 == 0x1b } ?? bytes.count
                guard end < bytes.count, bytes[end] != 0x1b else {
                    index = end
                    continue
                }
                apply(String(decoding: bytes[(index + 1)..<end], as: UTF8.self), bytes[end])
                index = end
            default: continue
            }
            index += 1
        }
    }

    private mutating func apply(_ parameters: String, _ letter: UInt8) {
        let on = letter == UInt8(ascii: "h")
        if letter == UInt8(ascii: "m") {
            attributes = parameters == "0" ? "" : parameters
        } else if parameters.hasPrefix("?"), on || letter == UInt8(ascii: "l") {
            for mode in parameters.dropFirst().split(separator: ";").compactMap({ Int($0) }) {
                modes[mode] = on
                if on, [47, 1047, 1049].contains(mode) { tookScreen = true }
            }
        }
    }

    /// Whether a mode has been set, or nil where the stream says nothing about it.
    subscript(mode: Int) -> Bool? { modes[mode] }

    /// What the user finds changed when the program is gone; empty is right.
    var leftovers: [String] {
        var found = Self.usual.compactMap { entry in
            modes[entry.mode].flatMap { $0 == entry.isOn ? nil : entry.name }
        }
        if keypad { found.append("keypad of applications") }
        if !attributes.isEmpty { found.append("attributes \(attributes)") }
        return found
    }
}
