internal import CNcurses
internal import TopView

/// Reads keys as curses decodes them and gives them the view's names.
struct KeyReader {
    /// The next key that waits, nil where none does; never blocks longer than a lone Esc takes to be told from a
    /// function key.
    func next() -> Input? {
        var code: wint_t = 0
        let kind = unsafe pt_next_key(&code)
        if kind == KEY_CODE_YES, Int32(bitPattern: code) == KEY_MOUSE { return Self.pointer() }
        if kind == KEY_CODE_YES { return Self.named(code).map(Input.key) ?? .unknown }
        guard kind == OK else { return nil }
        return Self.typed(code).map(Input.key) ?? .unknown
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

    private static func typed(_ code: wint_t) -> Key? {
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

    private static func named(_ code: wint_t) -> Key? {
        var number: Int32 = 0
        if unsafe pt_function_key(code, &number) == 1 { return .function(Int(number)) }
        return switch Int32(bitPattern: code) {
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
