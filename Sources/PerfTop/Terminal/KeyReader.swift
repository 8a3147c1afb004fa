internal import CNcurses
internal import Glibc
internal import TopView

/// Reads keys as curses decodes them and gives them the view's names.
struct KeyReader {
    /// A character of which not all bytes have come.
    private var begun = mbstate_t()

    /// The next key that waits, nil where none does; never blocks longer than a lone Esc takes to be told from a
    /// function key. Whatever was taken from the terminal is an input, if it is of no use to anybody.
    mutating func next() -> Input? {
        let code = pt_next_key()
        if code < 0 { return nil }
        return code == KEY_MOUSE ? Self.pointer() : input(of: code)
    }

    /// What a byte, or the number that curses has for a key, comes to.
    mutating func input(of code: Int32) -> Input {
        if code > Int32(UInt8.max) { return Self.named(code).map(Input.key) ?? .unknown }
        return typed(CChar(truncatingIfNeeded: code)).flatMap(Self.key).map(Input.key) ?? .unknown
    }

    /// The character that ends with this byte; nil where none does.
    private mutating func typed(_ byte: CChar) -> UInt32? {
        let isFirst = unsafe mbsinit(&begun) != 0
        if let character = take(byte) { return character }
        // What was begun is no text, but this byte may be.
        let isBroken = unsafe !isFirst && mbsinit(&begun) != 0
        return isBroken ? take(byte) : nil
    }

    private mutating func take(_ byte: CChar) -> UInt32? {
        var byte = byte
        var character: wchar_t = 0
        // 1: it is whole; 0: it is a NUL; -2: there is more to come; -1: it is none (mbrtowc(3)).
        let count = unsafe mbrtowc(&character, &byte, 1, &begun)
        if count == -1 { begun = mbstate_t() }
        return count == 0 || count == 1 ? UInt32(bitPattern: character) : nil
    }

    /// What came from the terminal: a key of ours, or something nobody has a use for.
    enum Input {
        case key(Key)
        case pointer(Pointer)
        case unknown
    }

    private static func pointer() -> Input {
        var line: Int32 = 0
        var column: Int32 = 0
        let event: Pointer.Event
        switch unsafe pt_mouse_event(&line, &column) {
        case 1: event = .press
        case 4: event = .wheelUp
        case 5: event = .wheelDown
        default: return .unknown
        }
        return .pointer(Pointer(event, line: Int(line), column: Int(column)))
    }

    private static func key(_ code: UInt32) -> Key? {
        switch code {
        case 27: .escape
        case 10, 13: .enter
        case 9: .tab
        case 8, 127: .backspace
        case 1...26: Unicode.Scalar(code + 0x60).map { .control($0) }
        case 32...: (0x80...0x9f).contains(code) ? nil : Unicode.Scalar(code).map { .character($0) }
        default: nil
        }
    }

    private static func named(_ code: Int32) -> Key? {
        var number: Int32 = 0
        if unsafe pt_function_key(code, &number) == 1 { return .function(Int(number)) }
        return switch code {
        case KEY_UP: .up
        case KEY_DOWN: .down
        case KEY_LEFT: .left
        case KEY_RIGHT: .right
        case KEY_PPAGE: .pageUp
        case KEY_NPAGE: .pageDown
        case KEY_HOME: .home
        case KEY_END: .end
        case KEY_IC: .insert
        case KEY_DC: .delete
        case KEY_BACKSPACE: .backspace
        case KEY_ENTER: .enter
        case KEY_BTAB: .backTab
        default: nil
        }
    }
}
