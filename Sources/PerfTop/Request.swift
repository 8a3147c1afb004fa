internal import ArgumentParser
internal import Glibc
internal import SampleEngine
internal import TopView

/// A command line as it was meant: every word checked.
struct Request {
    var sampling: Sampling
    var pace: Pace
    /// Options ask for batch; a terminal that cannot show a screen may still.
    var wantsBatch: Bool
    var batch = BatchOptions()
    var live = LiveOptions()
    /// Words of the command to start; empty where there is none.
    let command: [String]
    let leavesCommandRunning: Bool
    /// Addresses to explain in the stead of sampling.
    let explain: ExplainOptions
    /// Software rings handed over by the caller, and whether the kernel samples beside them.
    let handedOver: [(memory: Int32, wake: Int32)]
    var samplesKernel: Bool { handedOver.isEmpty || hasTarget }
    private let hasTarget: Bool

    init(_ arguments: Arguments) throws(EngineError) {
        command = arguments.command
        leavesCommandRunning = arguments.leaveRunning
        handedOver = try Self.ringDescriptors(arguments.ringFDs)
        hasTarget =
            arguments.everything || !arguments.command.isEmpty || !arguments.cpus.isEmpty
            || !(arguments.pids + arguments.tids + arguments.users).isEmpty
        sampling = Sampling(target: try Self.target(arguments))
        explain = try Self.explain(arguments, sampling.target)
        sampling.events = try Self.events(arguments.events)
        sampling.rate = try Self.rate(arguments)
        sampling.ringPages = try Self.pages(arguments.pages)
        sampling.inherit = !arguments.noInherit
        sampling.overwrites = arguments.overwrite ?? false

        let delay = try Self.nanoseconds(arguments.delay ?? "1s", option: "-d")
        let realTime = try Self.priority(arguments.realTime)
        let (window, reach) = try Self.window(arguments.window ?? "10s")
        wantsBatch = arguments.asksForBatch
        pace = Pace(
            delay: delay, window: window, history: Self.history, residentLimit: Self.residentLimit, realTime: realTime)

        let view = try Self.view(arguments.view ?? "functions")
        let asked = try Self.grouping(arguments.grouping)
        let grouping = asked ?? view.grouping ?? ReportOptions().grouping
        let column = try Self.sortKey(arguments.sort ?? "self")
        let filter = try Self.filter(arguments.filter ?? "")
        batch.report = ReportOptions(
            grouping: grouping, ordering: Ordering(column), filter: filter,
            limit: try Self.positive(arguments.limit, option: "--limit"))
        batch.format = try Self.choice(arguments.format ?? "text", option: "--format", what: "format")
        batch.frames = try Self.positive(arguments.frames, option: "-n")
        batch.outputPath = arguments.output

        live.grouping = asked
        live.ordering = arguments.sort == nil ? nil : Ordering(column)
        live.filter = filter
        live.columns = try Self.columns(arguments.columns)
        live.ascii = arguments.ascii ?? false
        live.color = try Self.choice(arguments.color ?? "auto", option: "--color", what: "choice")
        live.theme = try Self.choice(arguments.theme ?? "auto", option: "--theme", what: "theme")
        live.delay = delay
        live.mouse = arguments.mouse ?? true
        live.view = view
        live.window = window
        live.reach = reach
    }

    /// Nanoseconds of the past that a live screen can go back.
    private static var history: UInt64 { 120_000_000_000 }
    /// Kilobytes: 64 MB are promised, and what is free is looked for every five seconds.
    private static var residentLimit: UInt64 { 46 << 10 }

    /// The same pace for frames that hold their own interval.
    var batchPace: Pace {
        Pace(delay: pace.delay, window: nil, reports: batch.frames, realTime: pace.realTime)
    }
}

// MARK: - One option each

extension Request {
    private static func target(_ arguments: Arguments) throws(EngineError) -> Target {
        let given = [
            arguments.pids.isEmpty ? nil : "-p", arguments.tids.isEmpty ? nil : "-t",
            arguments.users.isEmpty ? nil : "-u", arguments.everything ? "-a" : nil,
            arguments.command.isEmpty ? nil : "-- COMMAND",
        ].compactMap { $0 }
        if given.count > 1 {
            throw EngineError(
                .usage, what: given.joined(separator: " and "), why: "only one of them can be the target",
                remedy: "leave out all but one")
        }
        var target = Target(.everythingPermitted)
        if !arguments.pids.isEmpty {
            target.who = .processes(try Target.ids(arguments.pids.joined(separator: ","), option: "-p"))
        } else if !arguments.tids.isEmpty {
            target.who = .threads(try Target.ids(arguments.tids.joined(separator: ","), option: "-t"))
        } else if let user = arguments.users.first {
            if arguments.users.count > 1 {
                throw EngineError(.usage, what: "-u given twice", why: "only one user can be the target")
            }
            target = try Target.user(user)
        } else if arguments.everything {
            target.who = .everything
        }
        if !arguments.cpus.isEmpty {
            target.cpus = try Target.cpus(arguments.cpus.joined(separator: ","))
            if target.who == .everythingPermitted { target.who = .everything }
        }
        return target
    }

    private static func explain(_ arguments: Arguments, _ target: Target) throws(EngineError) -> ExplainOptions {
        var options = ExplainOptions()
        for word in arguments.addresses {
            let digits = word.hasPrefix("0x") || word.hasPrefix("0X") ? String(word.dropFirst(2)) : word
            guard let address = UInt64(digits, radix: 16) else {
                throw EngineError(
                    .usage, what: "--symbols \(displayText(word))", why: "not an address",
                    remedy: "write hexadecimal digits: 0x55d4c0de1139")
            }
            options.addresses.append(address)
        }
        if options.addresses.isEmpty { return options }
        if case .processes(let pids) = target.who, pids.count == 1 { options.pid = pids[0] }
        guard options.pid != nil || options.addresses.allSatisfy({ RuntimeAddress($0).isKernel }) else {
            throw EngineError(
                .usage, what: "--symbols", why: "these are addresses of one process",
                remedy: "name that one with -p PID")
        }
        return options
    }

    private static func events(_ words: [String]) throws(EngineError) -> [EventGroup]? {
        if words.isEmpty { return nil }
        var groups: [EventGroup] = []
        for word in words {
            for group in try EventGroup.parse(word) where !groups.contains(group) { groups.append(group) }
        }
        return groups
    }

    private static func rate(_ arguments: Arguments) throws(EngineError) -> SampleRate? {
        if arguments.frequency != nil, arguments.period != nil {
            throw EngineError(.usage, what: "-F and -c", why: "only one of them can set the rate")
        }
        if let period = arguments.period {
            // The kernel takes no period with the uppermost bit (perf_event_open(2)).
            guard period > 0, period < 1 << 63 else {
                throw EngineError(.usage, what: "-c \(period)", why: "a period is from 1 to 2^63 - 1")
            }
            return .period(period)
        }
        guard let word = arguments.frequency else { return nil }
        if word == "max" { return .maxFrequency }
        guard let frequency = UInt64(word), frequency > 0 else {
            throw EngineError(
                .usage, what: "-F \(displayText(word))", why: "not a number of samples per second",
                remedy: "give a number, or max")
        }
        return .frequency(frequency)
    }

    private static func pages(_ pages: Int?) throws(EngineError) -> Int? {
        guard let pages else { return nil }
        guard pages > 0, pages & (pages - 1) == 0, pages <= 1 << 20 else {
            let near = max(1, min(pages, 1 << 20)).nextPowerOfTwo
            throw EngineError(
                .usage, what: "-m \(pages)", why: "a ring has a power of two of pages", remedy: "the nearest is \(near)"
            )
        }
        return pages
    }

    private static func priority(_ priority: Int?) throws(EngineError) -> Int32? {
        guard let priority else { return Scheduling.isChosen ? 0 : nil }
        guard 0...99 ~= priority else {
            throw EngineError(
                .usage, what: "-r \(priority)", why: "a real-time priority is from 1 to 99",
                remedy: "0 is for none")
        }
        return Int32(priority)
    }

    private static func ringDescriptors(_ words: [String]) throws(EngineError) -> [(memory: Int32, wake: Int32)] {
        var pairs: [(memory: Int32, wake: Int32)] = []
        var seen: Set<Int32> = []
        for word in words {
            let numbers = word.split(separator: ",", omittingEmptySubsequences: false).map { Int32($0) }
            // Each becomes this program's own; its standard streams are not to be had.
            guard numbers.count == 2, let memory = numbers[0], let wake = numbers[1], memory > 2, wake > 2,
                seen.insert(memory).inserted, seen.insert(wake).inserted
            else {
                throw EngineError(
                    .usage, what: "--ring-fd \(displayText(word))", why: "not two descriptors",
                    remedy: "write the numbers of the ring's memory and of its eventfd: --ring-fd 3,4")
            }
            pairs.append((memory, wake))
        }
        return pairs
    }

    /// `0.5`, `250ms`, `1s`, `2m` as nanoseconds, from a millisecond to an hour.
    private static func nanoseconds(_ word: String, option: String) throws(EngineError) -> UInt64 {
        guard let time = Numbers.nanoseconds(word) else {
            throw EngineError(
                .usage, what: "\(option) \(displayText(word))", why: "not a time", remedy: "write 0.5, 250ms or 1s")
        }
        guard Numbers.spans.contains(time) else {
            throw EngineError(.usage, what: "\(option) \(displayText(word))", why: "must be between 1ms and 3600s")
        }
        return UInt64(time)
    }

    private static func window(_ word: String) throws(EngineError) -> (window: UInt64, reach: Reach) {
        if let reach = Reach(rawValue: word), reach != .window { return (10_000_000_000, reach) }
        return (try nanoseconds(word, option: "--window"), .window)
    }

    private static func positive(_ number: Int?, option: String) throws(EngineError) -> Int? {
        if let number, number < 1 {
            throw EngineError(.usage, what: "\(option) \(number)", why: "must be at least 1")
        }
        return number
    }

    /// Nil where nothing was asked for.
    private static func grouping(_ words: String?) throws(EngineError) -> Set<GroupKey>? {
        guard let words else { return nil }
        var keys: Set<GroupKey> = []
        for word in words.split(separator: ",", omittingEmptySubsequences: false) {
            // What JSON calls a symbol is a function everywhere else.
            let name = word == "symbol" ? "function" : word == "tid" ? "thread" : String(word)
            keys.insert(try choice(name, option: "--group-by", what: "key"))
        }
        return keys
    }

    /// Nil where nothing was asked for.
    private static func columns(_ words: String?) throws(EngineError) -> Set<Column>? {
        guard let words else { return nil }
        var columns: Set<Column> = []
        for word in words.split(separator: ",", omittingEmptySubsequences: false) {
            columns.insert(try choice(String(word), option: "--columns", what: "column"))
        }
        return columns
    }

    private static func sortKey(_ word: String) throws(EngineError) -> Column {
        guard let column = Column(rawValue: word), Column.sortKeys.contains(column) else {
            throw notOneOf(Column.sortKeys.map(\.rawValue), word, option: "-s", what: "sort key")
        }
        return column
    }

    private static func filter(_ text: String) throws(EngineError) -> Filter {
        do {
            return try Filter(text)
        } catch {
            throw EngineError(.usage, what: "--filter \(displayText(text, limit: 100))", why: error.sentence)
        }
    }

    private static func view(_ word: String) throws(EngineError) -> View {
        let names = View.allCases.map(\.name)
        guard let index = names.firstIndex(of: word) else {
            throw notOneOf(names, word, option: "--view", what: "view")
        }
        let view = View.allCases[index]
        guard view.isBuilt else {
            throw EngineError(.usage, what: "--view \(word)", why: "this view is not built yet")
        }
        return view
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ word: String, option: String, what: String
    ) throws(EngineError) -> Choice {
        guard let choice = Choice(rawValue: word) else {
            throw notOneOf(Choice.allCases.map(\.rawValue), word, option: option, what: what)
        }
        return choice
    }

    private static func notOneOf(
        _ names: [String], _ word: String, option: String, what: String
    ) -> EngineError {
        EngineError(
            .usage, what: "\(option) \(displayText(word))", why: "no such \(what)",
            remedy: "choose from \(names.joined(separator: ", "))")
    }
}
