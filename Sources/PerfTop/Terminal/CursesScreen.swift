internal import CLinuxShims
internal import CNcurses
internal import Glibc
internal import SampleEngine
internal import TopView

/// Whether colors are used: `--color`.
enum ColorChoice: String, CaseIterable, Sendable { case auto, always, never }

/// The terminal as curses shows it. One at a time, used by the main thread only.
final class CursesScreen {
    let capabilities: Capabilities
    let rescue: TerminalGuard
    /// Where keys come from; poll it for reading.
    let input: Int32
    private var keys = KeyReader()
    private let styles: Styles
    private let hasMouse: Bool
    private var takesMouse = false
    private var cursorIsVisible = false
    /// What a much larger picture took is to be given back with the next one.
    private var hasShrunk = false
    private var isOpen = true

    /// Opens the screen on stdout, with keys from stdin or from /dev/tty where stdin is no terminal.
    init(color: ColorChoice, theme: Theme, ascii: Bool) throws(TerminalError) {
        _ = unsafe setlocale(LC_ALL, "")
        let output = STDOUT_FILENO
        guard isatty(output) == 1 else { throw TerminalError(message: "stdout is no terminal; use --batch") }
        input = isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : unsafe pt_open("/dev/tty", O_RDWR)
        guard input >= 0 else { throw TerminalError(message: "no terminal to read keys from; use --batch") }
        rescue = try TerminalGuard(terminal: output, undo: try Self.undoBytes())
        set_escdelay(25)
        // Up before the first byte is written: curses switches to the other screen as soon as it opens.
        rescue.raise()
        guard unsafe pt_open_screen(output, input) != nil else { throw Self.unknownTerminal() }
        pt_prepare_screen(input)
        let colors = Self.colors(color)
        capabilities = Self.capabilities(colors, ascii: ascii)
        let told = unsafe getenv("COLORFGBG").map { unsafe String(cString: $0) }
        styles = Styles(theme.resolved(colorFGBG: told), colors)
        hasMouse = unsafe pt_terminal_string("kmous") != nil
    }

    deinit { close() }

    /// Leaves the screen; the terminal is as it was before.
    func close() {
        guard isOpen else { return }
        isOpen = false
        pt_leave_screen()
        rescue.lower()
    }

    var size: (columns: Int, lines: Int) { (Int(pt_columns()), Int(pt_lines())) }

    /// Shows a picture; only cells that changed are sent.
    ///
    /// - Parameter repaint: send every cell, because something else has written on the terminal.
    func present(_ picture: Picture, repaint: Bool = false) {
        pt_begin_picture()
        if repaint { pt_repaint() }
        for (index, line) in picture.lines.enumerated() {
            var column: Int32 = 0
            for run in line.runs {
                let style = styles[run.role]
                pt_set_style(style.attributes, style.pair)
                let text = wide(run.text)
                unsafe pt_add_text(Int32(index), column, text, Int32(text.count))
                column += Int32(run.cells)
            }
        }
        pt_set_style(0, 0)
        let visible = picture.cursor?.visible ?? false
        if visible != cursorIsVisible {
            curs_set(visible ? 1 : 0)
            cursorIsVisible = visible
        }
        if let cursor = picture.cursor { pt_place_cursor(Int32(cursor.line), Int32(cursor.column)) }
        pt_show_picture()
        if hasShrunk { pt_trim_memory() }
        hasShrunk = false
    }

    /// Takes over the size the terminal has now.
    func adoptSize() {
        var (lines, columns): (Int32, Int32) = (0, 0)
        guard unsafe pt_window_size(STDOUT_FILENO, &lines, &columns) >= 0 else { return }
        let (oldLines, oldColumns) = (pt_lines(), pt_columns())
        if lines == oldLines, columns == oldColumns { return }
        // First the smaller one of both: between 1000×1 and 1×1000 there would be a picture of 1000×1000.
        if (lines < oldLines) != (columns < oldColumns) { resizeterm(min(lines, oldLines), min(columns, oldColumns)) }
        resizeterm(lines, columns)
        hasShrunk = hasShrunk || lines < oldLines / 2 || columns < oldColumns / 2
    }

    /// The next key or click that waits; nil where none does.
    func nextInput() -> KeyReader.Input? { keys.next() }

    /// Asks the terminal for clicks and the wheel, or leaves the mouse to it.
    func takeMouse(_ wanted: Bool) {
        guard hasMouse, wanted != takesMouse else { return }
        takesMouse = wanted
        pt_take_mouse(wanted ? 1 : 0)
    }

    /// Gives the terminal back, stops the process as ^Z does, and takes the terminal again when it is continued.
    func suspend() {
        pt_leave_screen()
        rescue.lower()
        pt_stop_now()
        takeBack()
    }

    /// Takes the terminal again after somebody else had it.
    func takeBack() {
        rescue.raise()
        reset_prog_mode()
        pt_prepare_screen(input)
        adoptSize()
        cursorIsVisible = false
    }

    // MARK: What the terminal can do

    private static func colors(_ choice: ColorChoice) -> Capabilities.Colors {
        let refused = unsafe getenv("NO_COLOR").map { unsafe $0.pointee != 0 } ?? false
        if choice == .never || (choice == .auto && refused) { return .mono }
        guard has_colors(), start_color() == OK else { return .mono }
        // Without default colors a pair would paint over the user's own background.
        guard use_default_colors() == OK else { return .mono }
        return switch pt_colors() {
        case 256...: pt_color_pairs() >= 64 ? .many : .eight
        case 16...: .sixteen
        case 8...: .eight
        default: .mono
        }
    }

    private static func capabilities(_ colors: Capabilities.Colors, ascii: Bool) -> Capabilities {
        let codeset = unsafe nl_langinfo(Int32(CODESET)).map { unsafe String(cString: $0) } ?? ""
        let unicode = codeset == "UTF-8" || codeset == "utf8"
        let drawn = Capabilities.decorationScalars.allSatisfy { pt_cell_width($0.value) == 1 }
        return Capabilities(unicode: unicode, decoration: drawn && !ascii, colors: colors)
    }

    /// The text as wide characters, each as many cells as the view counted for it.
    private func wide(_ text: String) -> [wchar_t] {
        var result: [wchar_t] = []
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            let value = wchar_t(bitPattern: scalar.value)
            let cells = TextWidth.cells(of: scalar)
            // Where this C library disagrees on a width, the rest of the line would be out of place.
            if scalar.value < 0x7f || pt_cell_width(scalar.value) == Int32(cells) {
                result.append(value)
            } else {
                for _ in 0..<cells { result.append(0x3f) }
            }
        }
        return result
    }

    // MARK: Opening

    /// Curses would begin with any size that a terminal claims, and take gigabytes for it. What the environment says of that
    /// goes first with it; to change it when the screen is open is not the same: without another screen to switch to
    /// (vt100) its first picture is out of place then.
    ///
    /// Call it before there is any other thread: they may look into the environment.
    static func boundSize() {
        // Without a size of the terminal's own curses takes that of its description, which is small.
        var (lines, columns): (Int32, Int32) = (24, 80)
        var isLarger = unsafe pt_window_size(STDOUT_FILENO, &lines, &columns) > 0
        if let told = exported("LINES") { lines = told }
        if let told = exported("COLUMNS") { columns = told }
        if unsafe pt_bound_size(&lines, &columns) != 0 { isLarger = true }
        guard isLarger else { return }
        _ = unsafe setenv("LINES", "\(lines)", 1)
        _ = unsafe setenv("COLUMNS", "\(columns)", 1)
    }

    /// A size that the environment tells; what is none goes.
    private static func exported(_ name: String) -> Int32? {
        guard let text = unsafe getenv(name) else { return nil }
        let size = unsafe Int32(String(cString: text)).flatMap { $0 > 0 ? $0 : nil }
        if size == nil { unsafe unsetenv(name) }
        return size
    }

    /// What undoes the screen on this type of terminal, from terminfo and without delays.
    private static func undoBytes() throws(TerminalError) -> [UInt8] {
        var status: Int32 = 0
        guard unsafe setupterm(nil, STDOUT_FILENO, &status) == OK else { throw unknownTerminal() }
        guard unsafe pt_terminal_string("cup") != nil else {
            throw TerminalError(message: "terminal type '\(terminalType)' cannot move its cursor; use --batch")
        }
        var bytes: [UInt8] = []
        for name in ["rmkx", "sgr0", "cnorm", "rmcup"] { bytes += string(name) }
        bytes += [0x0d, 0x0a]
        // Whatever way of telling of the mouse was chosen; terminals pass over what they do not know (xterm's ctlseqs).
        if unsafe pt_terminal_string("kmous") != nil { bytes += Array("\u{1b}[?1006l\u{1b}[?1000l".utf8) }
        // Without another screen to leave, what is left of the picture must not look like part of what follows.
        if string("rmcup").isEmpty { bytes += string("ed") }
        return bytes
    }

    /// A string of terminfo without its delays; empty where the terminal has none.
    private static func string(_ name: String) -> [UInt8] {
        guard let string = unsafe pt_terminal_string(name) else { return [] }
        var bytes: [UInt8] = []
        var isDelay = false
        for byte in unsafe String(cString: string).utf8 {
            if byte == UInt8(ascii: "<"), bytes.last == UInt8(ascii: "$") {
                bytes.removeLast()
                isDelay = true
            }
            if !isDelay { bytes.append(byte) }
            if byte == UInt8(ascii: ">") { isDelay = false }
        }
        return bytes
    }

    private static var terminalType: String {
        let type = unsafe getenv("TERM").map { unsafe String(cString: $0) } ?? ""
        return type.unicodeScalars.allSatisfy { (0x20..<0x7f).contains($0.value) } ? type : "?"
    }

    private static func unknownTerminal() -> TerminalError {
        let remedy = "set TERM or use --batch"
        if terminalType.isEmpty { return TerminalError(message: "TERM is not set; \(remedy)") }
        return TerminalError(message: "terminal type '\(displayText(terminalType, limit: 64))' is unknown; \(remedy)")
    }
}
