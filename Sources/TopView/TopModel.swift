public import SampleEngine

/// What the caller has to do after a key.
public enum Effect: Sendable, Equatable {
    case none
    /// Draw and show the difference.
    case redraw
    /// Draw and send every cell: something else has written on the terminal.
    case repaint
    case quit
    /// Leave at once, as ^C asks; a command that is profiled is told first.
    case leave
    /// Write what is shown to a file and tell the model what came of it (`exported`).
    case export(Export)
    /// So many nanoseconds between two pictures from now on.
    case delay(UInt64)
}

/// The screen as a value: profiles and keys go in, pictures come out; it knows no terminal and no clock.
public struct TopModel: Sendable {
    /// What a session starts with.
    public struct Setup: Sendable {
        /// What the terminal can show.
        public var capabilities: Capabilities
        /// Seconds that local time is ahead of UTC.
        public var utcOffset: Int
        /// What one row of the first view stands for; nil is the view's own.
        public var grouping: Set<GroupKey>?
        /// The first order of its rows; nil is the view's own.
        public var ordering: Ordering<Column>?
        /// The columns that every table begins with, of those it can have; nil is all.
        public var columns: Set<Column>?
        /// The first filter.
        public var filter: Filter
        /// The first view.
        public var view: View
        /// Nanoseconds of a profile that are shown at a time; nil is all of it.
        public var window: UInt64?
        /// How far back the screen looks at first.
        public var reach: Reach
        /// Whether the mouse is used.
        public var mouse: Bool
        /// Nanoseconds between two pictures.
        public var delay: UInt64 = 1_000_000_000
        /// What has to be said beside the notes of the session.
        public var notes: [String] = []

        /// Everything but the terminal has its usual value.
        public init(
            capabilities: Capabilities, utcOffset: Int = 0, grouping: Set<GroupKey>? = nil,
            ordering: Ordering<Column>? = nil, columns: Set<Column>? = nil, filter: Filter = .everything,
            view: View = .functions, window: UInt64? = nil, reach: Reach = .window, mouse: Bool = true
        ) {
            self.capabilities = capabilities
            self.utcOffset = utcOffset
            self.grouping = grouping
            self.ordering = ordering
            self.columns = columns
            self.filter = filter
            self.view = view
            self.window = window
            self.reach = reach
            self.mouse = mouse
        }
    }

    let glyphs: Glyphs
    let fitter: Fitter
    let utcOffset: Int
    /// Columns that a table begins without.
    let hiddenAtFirst: Set<Column>
    private let ownNotes: [String]

    /// Which of the time that was sampled is on the screen, and the profile of just that.
    var timeline: Timeline
    var profile: Profile?
    var isFrozen: Bool { timeline.isFrozen }
    /// What was on the screen when the counts were last reset, and each row's share of it.
    var baseline: Profile?
    var baselineShares: Remembered<[RowKey: Double]>?
    var trends: Remembered<Trends>?
    /// A key is being answered: bars that take long come with the next profile.
    var trendsMayWait = true
    var loads = LoadHistory()
    /// Place of the event on the screen in `session.events`.
    var event = 0

    var view: View
    /// The tables, each as it was left.
    var listings: [View: Listing] = [:]
    /// The rows that were entered, the outermost first.
    var levels: [Level] = []
    var ringOrdering = Ordering<RingColumn>(.cpu)
    /// The last filter that was understood.
    var filter: Filter
    /// What is wrong with the one being typed.
    var filterError: FilterError?
    var filterBefore = Filter.everything
    var filterHistory: [String] = []
    /// What is searched for; matching rows are marked.
    var search = NamePattern(text: "")
    var searchBefore = NamePattern(text: "")
    var searchHistory: [String] = []
    /// Row at which the search began.
    var searchStart = 0

    /// Rows keep their places until then.
    var hold: Hold?
    /// The rows that pass the filter, in order.
    var rows: [Row] = []
    /// How many there are without it, and the samples of the event.
    var rowsInside = 0
    var samples: UInt64 = 0
    /// How far chance may have moved the shares; nil where that is not far.
    var uncertainty: String?
    var rings: [RingFigures] = []
    /// Percent of the event's weight inside the rows that were entered.
    var percentInside = 100.0
    var ringCursor = ListCursor<RingID>()
    /// Cells by which long names are moved to the left.
    var nameOffset = 0
    var showsDetail = false
    var showsMeters = true
    /// Whether the terminal is asked to report the mouse.
    public internal(set) var usesMouse: Bool
    /// The picture as it was drawn last: what a click hits.
    var drawnLines: [Line] = []

    var prompt: Prompt?
    var menu: Menu?
    /// A file that is there already, while it is asked whether to write over it.
    var question: Export?
    /// Nanoseconds between two pictures.
    var delay: UInt64
    var exportName = "perftop.txt"
    /// First line of the help on the screen; nil while help is closed.
    var helpTop: Int?
    var message: String?
    /// Seconds since the end of the newest picture, where the next one is late.
    var pictureAge: UInt64?
    /// Functions of the profile that shares are compared with.
    var baselineFunctions: Set<FunctionID> = []

    /// Lines of the help at the width of the last picture.
    var helpLineCount = 0
    /// Rows and columns of the last picture: a page is what the user sees.
    var pageRows = 1
    var shownColumns: [String] = []

    /// A screen without a profile: it says that it is starting.
    public init(_ setup: Setup) {
        glyphs = Glyphs(setup.capabilities)
        fitter = Fitter(setup.capabilities)
        utcOffset = setup.utcOffset
        hiddenAtFirst = Set(Column.allCases).subtracting(setup.columns ?? Set(Column.allCases))
        ownNotes = setup.notes
        filter = setup.filter
        usesMouse = setup.mouse
        delay = setup.delay
        timeline = Timeline(window: setup.window, reach: setup.reach)
        view = setup.view.isBuilt ? setup.view : .functions
        // What was asked for holds where it was asked for.
        let asked = view == .rings ? .functions : view
        listings[asked] = Listing(setup.grouping ?? asked.grouping ?? [], hidden: hiddenAtFirst)
        if let ordering = setup.ordering { listings[asked]?.ordering = ordering }
    }

    /// Takes a newer profile; says whether the picture changes.
    ///
    /// - Parameter load: what the machine did meanwhile; nil where nobody knows.
    public mutating func receive(_ profile: Profile, load: MachineLoad? = nil) -> Effect {
        if let load { loads.add(load, at: profile.wallClock) }
        guard timeline.receive(profile) else { return .none }
        trendsMayWait = false
        look()
        trendsMayWait = true
        return .redraw
    }

    /// Takes up that the next picture does not come though it should, or that all is well.
    ///
    /// - Parameter lateAt: the present moment; nil: pictures come.
    public mutating func notice(lateAt: Instant?) -> Effect {
        let end = timeline.newest?.slices.last?.end
        let age = lateAt.flatMap { now in end.map { now.nanoseconds(since: $0) / 1_000_000_000 } }
        guard age != pictureAge else { return .none }
        pictureAge = age
        return .redraw
    }

    /// Where the next key will go.
    public var context: KeyContext {
        if question != nil { return .question }
        if prompt != nil { return .prompt }
        if menu != nil { return .menu }
        return helpTop != nil ? .help : .table
    }

    /// Does what a key means at this moment.
    public mutating func press(_ key: Key) -> Effect {
        let hadMessage = message != nil
        message = nil
        if let action = Binding.action(for: key, in: context) { return perform(action) }
        if case .character(let scalar) = key, prompt != nil {
            prompt?.insert(scalar)
            applyPrompt()
            return .redraw
        }
        // Somebody tries a key of another program.
        if case .character = key, context == .table {
            say("\(displayText(key.name)) does nothing here: ? lists all keys")
        }
        return hadMessage || message != nil ? .redraw : .none
    }

    /// Does one action in the present context.
    public mutating func perform(_ action: Action) -> Effect {
        if action == .redraw { return .repaint }
        if action == .leave { return .leave }
        switch context {
        case .question: return answer(action)
        case .prompt: return performInPrompt(action)
        case .menu: performInMenu(action)
        case .help: performInHelp(action)
        case .table:
            if action == .quit { return .quit }
            performInTable(action)
        }
        return .redraw
    }

    /// What was left out or chosen: before the session, then by the session.
    var notes: [String] { ownNotes + (profile?.notes ?? []) }

    /// Shows a sentence in the bottom line until the next key.
    public mutating func say(_ sentence: String) { message = sentence }

    // MARK: Actions

    private mutating func performInTable(_ action: Action) {
        if let chosen = View(action) { return show(chosen) }
        switch action {
        case .help: helpTop = 0
        case .back: goBack()
        case .filter: beginFilter()
        case .search: beginSearch()
        case .searchNext: findNext(1)
        case .searchPrevious: findNext(-1)
        case .searchSame: searchSame()
        case .freeze: freeze()
        case .earlier: stepBack()
        case .later: stepForward()
        case .reach: changeReach()
        case .reset: reset()
        case .nextEvent: showNextEvent()
        case .codeSide: showNextSide()
        case .threadRows: splitThreads()
        case .meters: showsMeters.toggle()
        case .mouse: switchMouse()
        case .export: beginExport()
        case .delay: beginDelay()
        case .sortMenu: openSortMenu()
        case .sortLeft: moveSort(by: -1)
        case .sortRight: moveSort(by: 1)
        case .invert: invert()
        case .drill: drill()
        case .group: openGroupMenu()
        case .columns: openColumnMenu()
        case .pin: pin()
        case .unpin: unpin()
        case .follow: follow()
        case .nameLeft: nameOffset = max(nameOffset - 10, 0)
        case .nameRight: nameOffset = min(nameOffset + 10, longestName)
        case .nameStart: nameOffset = 0
        case .nameEnd: nameOffset = longestName
        case .nextView: show(neighbor(1))
        case .previousView: show(neighbor(-1))
        default: move(action)
        }
    }

    private mutating func goBack() {
        if showsDetail {
            showsDetail = false
        } else if nameOffset > 0 {
            nameOffset = 0
        } else if !search.isEmpty {
            search = NamePattern(text: "")
        } else if !filter.isEmpty {
            use(.everything)
        } else if !leaveLevel() {
            say("nothing is open; q leaves perftop")
        }
    }

    private mutating func move(_ action: Action) {
        let count = view == .rings ? rings.count : rows.count
        let index = view == .rings ? ringCursor.index : cursor.index
        guard let wanted = Self.place(after: action, from: index, page: pageRows, count: count) else { return }
        if view == .rings {
            ringCursor.move(to: wanted, in: rings.lazy.map(RingID.init))
        } else {
            cursor.move(to: wanted, in: rows.lazy.map(\.key))
            holdOrder()
        }
    }

    static func place(after action: Action, from index: Int, page: Int, count: Int) -> Int? {
        switch action {
        case .up: index - 1
        case .down: index + 1
        case .pageUp: index - page
        case .pageDown: index + page
        case .halfPageUp: index - max(page / 2, 1)
        case .halfPageDown: index + max(page / 2, 1)
        case .first: 0
        case .last: count - 1
        default: nil
        }
    }

    private mutating func showNextEvent() {
        let count = profile?.session.events.count ?? 0
        guard count > 1 else { return say("only one event is sampled: -e adds more") }
        event = (event + 1) % count
        forgetOrder()
        fold()
    }

    private var longestName: Int { rows.reduce(0) { max($0, TextWidth.cells(of: $1.shortFunction)) } }

    // MARK: Prompt, menu, help

    private mutating func performInPrompt(_ action: Action) -> Effect {
        switch prompt?.purpose {
        case .search: performInSearchPrompt(action)
        case .filter: performInFilterPrompt(action)
        case .export: return performInExportPrompt(action)
        case .delay: return performInDelayPrompt(action)
        case nil: break
        }
        return .redraw
    }

    private mutating func applyPrompt() {
        switch prompt?.purpose {
        case .search: applySearch()
        case .filter: applyFilter()
        case .export, .delay, nil: break
        }
    }

    private mutating func performInHelp(_ action: Action) {
        switch action {
        case .back, .quit, .help: helpTop = nil
        default:
            let count = helpLineCount
            if let place = Self.place(after: action, from: helpTop ?? 0, page: pageRows, count: count) {
                helpTop = max(min(place, count - pageRows), 0)
            }
        }
    }
}
