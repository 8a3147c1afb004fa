internal import CLinuxShims
internal import Glibc
internal import SampleEngine
internal import TopView

/// How the live screen starts.
struct LiveOptions {
    var color: ColorChoice = .auto
    var theme = Theme.auto
    /// Whether clicks and the wheel are taken.
    var mouse = true
    /// Signs in ASCII only, whatever the locale can show.
    var ascii = false
    /// Nil: as the view has them.
    var grouping: Set<GroupKey>?
    var ordering: Ordering<Column>?
    /// Nil: all that a table can have.
    var columns: Set<Column>?
    var filter = Filter.everything
    var view = View.functions
    /// Nanoseconds that a picture looks back.
    var window: UInt64?
    var reach = Reach.window
    /// Nanoseconds between two pictures at first.
    var delay: UInt64 = 1_000_000_000
    /// What the first picture should say beside the notes of the session.
    var notes: [String] = []
    /// The command that was started to be profiled.
    var command: Command?
}

/// Why the live screen ended.
enum LiveEnding: Sendable, Equatable {
    case quit
    /// A signal asked for it; clean up, then `TerminalGuard.die(by:)`.
    case signal(Int32)
    /// The terminal is gone.
    case hangUp
}

/// Shows profiles until the user leaves; the terminal is restored before it returns or throws.
///
/// Call it on the main thread, with every other thread blocking all signals.
func runLive(source: any ProfileSource, options: LiveOptions) throws(TerminalError) -> LiveEnding {
    let screen = try CursesScreen(color: options.color, theme: options.theme, ascii: options.ascii)
    var loop = LiveLoop(source: source, screen: screen, options: options)
    let ending = loop.run()
    screen.close()
    return ending
}

/// Waits for keys, profiles and signals; draws when something has changed, and only then.
private struct LiveLoop {
    /// Least time between two pictures that only data asked for.
    private static let dataInterval: UInt64 = 100_000_000

    let source: any ProfileSource
    let screen: CursesScreen
    var model: TopModel
    private var isStale = true
    private var needsRepaint = false
    private var lastPicture = Instant.beginning
    private var emptyReads = 0
    private var isLate = false
    private var held: Set<FunctionID> = []
    private let command: Command?
    private var processors = ProcessorTimes()

    init(source: any ProfileSource, screen: CursesScreen, options: LiveOptions) {
        self.source = source
        self.screen = screen
        command = options.command
        var setup = TopModel.Setup(capabilities: screen.capabilities)
        setup.utcOffset = pt_utc_offset(Int(wallClockNanoseconds() / 1_000_000_000))
        setup.grouping = options.grouping
        setup.ordering = options.ordering
        setup.columns = options.columns
        setup.filter = options.filter
        setup.view = options.view
        setup.window = options.window
        setup.reach = options.reach
        setup.mouse = options.mouse
        setup.delay = options.delay
        setup.notes = options.notes
        model = TopModel(setup)
    }

    mutating func run() -> LiveEnding {
        takeProfile()
        draw()
        // The empty screen is no picture that the first data should wait behind.
        lastPicture = .beginning
        while true {
            var watched = [
                pollfd(fd: screen.input, events: Int16(POLLIN), revents: 0),
                pollfd(fd: screen.rescue.signalDescriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: source.wakeDescriptor, events: Int16(POLLIN), revents: 0),
                // Ignored by poll where it is negative: no command, or it has ended.
                pollfd(fd: runningCommand, events: Int16(POLLIN), revents: 0),
            ]
            let ready = unsafe poll(&watched, UInt(watched.count), millisecondsToWait)
            if ready < 0 && errno != EINTR { return .hangUp }
            if watched[1].revents != 0, let ending = takeSignals() { return ending }
            if watched[2].revents != 0 { takeProfile() }
            noticeLateness()
            if watched[3].revents != 0, let ending = takeCommandsEnd() { return ending }
            var isUrgent = needsRepaint
            if watched[0].revents != 0 {
                switch takeKeys(isHungUp: watched[0].revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0) {
                case .some(let ending): return ending
                case .none: isUrgent = true
                }
            }
            // A key is answered at once; data waits for its turn.
            if isStale && (isUrgent || millisecondsToPicture == 0) { draw() }
        }
    }

    /// How long poll may sleep: for ever when nothing waits to be drawn.
    private var millisecondsToPicture: Int32 {
        guard isStale else { return -1 }
        let passed = Instant.now.nanoseconds(since: lastPicture)
        return passed >= Self.dataInterval ? 0 : Int32((Self.dataInterval - passed) / 1_000_000 + 1)
    }

    /// A picture is late from then on; a moment more or less is nobody's business.
    private static let lateness: UInt64 = 1_000_000_000

    /// How long poll may sleep: until something is to be drawn, or a picture is late and its age is to be shown.
    private var millisecondsToWait: Int32 {
        let due = source.pictureDue
        let look: Int32
        if isLate {
            look = 1000
        } else if due == .forever {
            look = 5000
        } else {
            let late = due.advanced(byNanoseconds: Self.lateness)
            look = Int32(clamping: late.nanoseconds(since: .now) / 1_000_000 + 1)
        }
        return millisecondsToPicture < 0 ? look : min(look, millisecondsToPicture)
    }

    /// Says how old the picture is where the next one does not come.
    private mutating func noticeLateness() {
        let (due, now) = (source.pictureDue, Instant.now)
        isLate = due != .forever && now.nanoseconds(since: due) > Self.lateness
        if model.notice(lateAt: isLate ? now : nil) != .none { isStale = true }
    }

    private mutating func draw() {
        screen.takeMouse(model.usesMouse)
        let size = screen.size
        screen.present(model.draw(columns: size.columns, lines: size.lines), repaint: needsRepaint)
        isStale = false
        needsRepaint = false
        lastPicture = Instant.now
    }

    private mutating func takeProfile() {
        guard let profile = source.takeLatest() else { return }
        if model.receive(profile, load: processors.load()) != .none { isStale = true }
    }

    /// Reads every key that waits, so that one picture answers all of them.
    private mutating func takeKeys(isHungUp: Bool) -> LiveEnding? {
        var found = false
        let waiting = pt_bytes_waiting(screen.input)
        while let input = screen.nextInput() {
            found = true
            let effect =
                switch input {
                case .key(let key): model.press(key)
                case .pointer(let pointer): answer(pointer)
                case .unknown: Effect.none
                }
            switch effect {
            case .none: break
            case .redraw: isStale = true
            case .repaint:
                isStale = true
                needsRepaint = true
            case .export(let export):
                if let table = model.shownTable { model.exported(export, write(table, for: export)) }
                isStale = true
            case .delay(let nanoseconds):
                source.setDelay(nanoseconds)
                isStale = true
            case .quit: return .quit
            case .leave:
                guard let command, command.reap() == nil else { return .quit }
                command.interrupt()
                model.say("asked the command to end (SIGINT); ^C again kills it")
                isStale = true
            }
        }
        // What a key has pinned or kept must keep its name.
        let holds = model.heldFunctions
        if holds != held {
            held = holds
            source.hold(holds)
        }
        if isHungUp, !found { return .hangUp }
        // Readable again and again, and nothing comes out: who may not read it any more (an orphan) is told an error for
        // ever. A report of the mouse that nobody asked for was taken, though it is no key.
        let isTaken = found || pt_bytes_waiting(screen.input) < waiting
        emptyReads = isTaken ? 0 : emptyReads + 1
        if emptyReads > 3 { return .hangUp }
        return nil
    }

    /// A click means what stands there now: keys that came with it are drawn first.
    private mutating func answer(_ pointer: Pointer) -> Effect {
        if isStale { draw() }
        return model.point(pointer)
    }

    private var runningCommand: Int32 { command.map { $0.ending == nil ? $0.descriptor : -1 } ?? -1 }

    /// The command has ended: after ^C that is what was waited for, else its last picture stays.
    private mutating func takeCommandsEnd() -> LiveEnding? {
        guard let command, let ending = command.reap() else { return nil }
        if command.isInterrupted { return .quit }
        switch ending {
        case .status(let status): model.say("the command has ended with status \(status); q leaves with it")
        case .signal(let signal): model.say("the command was ended by signal \(signal); q leaves with it")
        }
        isStale = true
        return nil
    }

    private mutating func takeSignals() -> LiveEnding? {
        for signal in screen.rescue.takeSignals() {
            switch signal {
            case SIGINT where command?.reap() == nil && command != nil:
                command?.interrupt()
                model.say("asked the command to end (SIGINT); again kills it")
            case SIGWINCH: screen.adoptSize()
            case SIGTSTP: screen.suspend()
            case SIGCONT: screen.takeBack()
            default: return .signal(signal)
            }
            isStale = true
            needsRepaint = needsRepaint || signal != SIGWINCH
        }
        // A new size is shown at once: the terminal has already moved what was there.
        if isStale { draw() }
        return nil
    }
}
