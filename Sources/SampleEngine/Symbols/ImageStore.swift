internal import Glibc

/// The files whose symbols are asked for: each opened once, its tables read once however many names it has, failures
/// remembered. Decides what is read next and what is kept; the reading itself is an errand.
///
///     asked ─► opening ─► open, one `Table` for each file behind the paths ─► reading ─► answers
///                 │                                                             │
///                 └── refused ◄── another process that maps it may open it      └── refused, for a minute
///
/// Used by the resolver thread.
package struct ImageStore: ~Copyable {
    private var files: [MappedFile: File] = [:]
    private var tables: [TableKey: Table] = [:]
    /// Files that were given up, and until when: by whatever name, none is read again before. Nor is one that cost too much
    /// where it is another content by now.
    private var givenUp: [FileNumber: GivenUp] = [:]
    private var pauses = RereadPauses<FileNumber>()
    private var accounts: ReadingAccounts<FileNumber, FileStamp>
    private var clock: UInt64 = 0
    /// All files known wait for something, as far as was seen: no look finds room before something is answered.
    private var isFull = false
    /// Files that may have changed, on file systems that may keep who asks them waiting.
    private var doubted: [MappedFile: SpaceID] = [:]
    var closings = Closings()
    /// What was given up or has changed and should be known, one sentence each.
    private var news: [String] = []
    private let limits: Limits
    private let proc: ProcReader

    /// - Parameters:
    ///   - limits: others in tests.
    ///   - proc: another directory in tests.
    package init(limits: Limits = Limits(), proc: String = ProcFolder.root) {
        self.limits = limits
        self.proc = ProcReader(root: proc)
        accounts = ReadingAccounts(budget: limits.budget, period: limits.rest)
    }

    package struct Limits: Sendable {
        /// Descriptors held: of images, and of files with their symbols.
        package var descriptors = 96
        /// Bytes of tables; the one not used for longest goes first.
        package var bytes = 10 << 20
        /// Files and paths known.
        package var files = 1024
        /// Nanoseconds of processor time that reading a file may cost.
        package var budget = ReadingMeter.Limits().nanoseconds
        /// Nanoseconds until what was given up is tried again.
        package var rest: UInt64 = 60_000_000_000

        package init() {}

        /// Descriptors of files that wait to be read: who waits for long must not keep others' from being opened.
        var waiting: Allowance {
            Allowance(ofOneUser: max(1, descriptors / 4), ofUsers: max(1, descriptors / 2), ofOurs: descriptors)
        }
    }

    /// Nanoseconds; a file that is written to all the time is not read all the time: the pause doubles up to the rest.
    static var rereadPause: UInt64 { 1_000_000_000 }
    /// Nanoseconds until a file that could not be opened is tried by way of another process.
    private static var retryPause: UInt64 { 100_000_000 }
    /// Most places of one errand: the first answers come before all are found.
    private static var batch: Int { 512 }
    /// The same where nothing is kept of what is read: each errand is another reading.
    private static var searchBatch: Int { 4096 }

    /// A question with its answer.
    typealias Answered = (question: Question, answer: Symbolizer.Answer)

    /// Bytes of memory held.
    package var byteCount: Int {
        tables.values.reduce(0) { $0 + $1.byteCount + Question.cost * $1.asked.count }
            + files.reduce(0) { $0 + 512 + 3 * $1.key.path.count + Question.cost * $1.value.asked.count }
            + 256 * givenUp.count + accounts.byteCount
    }
    private var tableBytes: Int { tables.values.reduce(0) { $0 + $1.byteCount } }
    /// Descriptors held.
    package var descriptorCount: Int { tableDescriptors + closings.descriptorCount }
    private var tableDescriptors: Int { tables.values.reduce(0) { $0 + $1.descriptors } }
    /// What was given up, each said once.
    package mutating func takeNews() -> [String] {
        defer { news = [] }
        return news
    }

    // MARK: Asking

    /// Asks for the name of a place; the answer comes from here where it is known, else from `receive`.
    mutating func ask(
        _ question: Question, in file: MappedFile, seenBy witness: Witness, at offset: FileOffset, now: Instant
    ) -> Answered? {
        clock += 1
        if files[file] == nil {
            makeRoomForFiles()
            // All of them wait: a later look asks anew.
            if files.count >= limits.files {
                return Self.refused(question, .imageUnreadable(errno: EMFILE), Self.module(of: file), [])
            }
            files[file] = File(module: Self.module(of: file), witness: witness, lastUse: clock)
        }
        guard var known = files[file] else { return nil }
        // It is given back below: a copy of what was asked for must not be made.
        files[file]?.asked = []
        defer { files[file] = known }
        known.lastUse = clock
        if known.asked.isEmpty { known.since = clock }
        switch known.state {
        case .unopened, .opening:
            known.asked.append((question, offset))
            return nil
        case .refused(let reason, let until, let process):
            // A process that maps a file anew is a new way to it; what is in it is no better for that.
            let isNewWay = process.map { $0 != witness.pid && now >= known.nextOpening } ?? false
            guard now >= until || isNewWay else {
                return Self.refused(question, reason, known.module, known.road.steps)
            }
            known.reopen(seenBy: witness)
            known.asked.append((question, offset))
            return nil
        case .open(let key):
            guard var table = tables[key] else {
                known.reopen(seenBy: witness)
                known.asked.append((question, offset))
                return nil
            }
            if table.isLeft { return Self.refused(question, .noAnswer, known.module, known.road.steps) }
            tables[key]?.asked = []
            defer { tables[key] = table }
            table.lastUse = clock
            if table.asked.isEmpty { table.since = clock }
            var question = question
            for step in known.road.steps { question.explanation.add(step) }
            table.asked.append(Asked(question: question, offset: offset, module: known.module))
            return nil
        }
    }

    /// Its module where a file that was read has been written to since, once of each time.
    ///
    /// Asks only file systems that answer at once: of others an errand brings it.
    mutating func noteChange(of file: MappedFile, in space: SpaceID) -> Module? {
        guard let known = files[file], case .open(let key) = known.state, let table = tables[key] else { return nil }
        if table.answersAtOnce { return change(of: file, known, table, table.image.value.presentStamp) }
        doubted[file] = space
        return nil
    }

    /// The same for a file that was looked at.
    mutating func receive(_ looked: Looked) -> Module? {
        guard let known = files[looked.file] else { return nil }
        files[looked.file]?.nextLook = .beginning
        guard case .open(let key) = known.state, key == looked.key, let table = tables[key] else { return nil }
        return change(of: looked.file, known, table, looked.stamp)
    }

    private mutating func change(of file: MappedFile, _ known: File, _ table: Table, _ stamp: FileStamp?) -> Module? {
        if stamp == known.told ?? table.image.value.stamp { return nil }
        files[file]?.told = stamp
        return known.module
    }

    private static func refused(
        _ question: Question, _ reason: Unresolved, _ module: Module, _ road: [String]
    ) -> Answered {
        var question = question
        for step in road { question.explanation.add(step) }
        return (question, Symbolizer.answer(reason, in: module, &question.explanation))
    }

    private static func module(of file: MappedFile, buildID: [UInt8]? = nil) -> Module {
        Module(
            name: foreignName(file.path.split(separator: UInt8(ascii: "/")).last ?? [], limit: 255),
            path: displayText(file.path), buildID: hexadecimal(buildID ?? file.identity.buildIDBytes))
    }

    // MARK: Errands

    /// What is to be opened and read now, in the order in which it was asked for: the heaviest first.
    mutating func takeErrands(at now: Instant) -> [Errand] {
        // Openings make room, so closing comes last.
        takeOpenings() + takeReadings(at: now) + takeLooks(at: now) + closings.takeErrands()
    }

    private mutating func takeLooks(at now: Instant) -> [Errand] {
        doubted.filter { (files[$0.key]?.nextLook ?? .beginning) <= now }.compactMap { file, space in
            doubted[file] = nil
            guard case .open(let key)? = files[file]?.state, let table = tables[key] else { return nil }
            // One that does not come home is not followed by another one soon.
            files[file]?.nextLook = now.advanced(byNanoseconds: limits.rest)
            let (image, asked) = (
                table.image, Looked(file: file, space: space, key: key, stamp: table.image.value.stamp)
            )
            return Errand(.finding, of: nil, for: table.payer) { _ in
                var looked = asked
                looked.stamp = image.value.presentStamp
                return .looked(looked)
            } instead: {
                .closed(descriptors: 0)
            }
        }
    }

    private mutating func takeOpenings() -> [Errand] {
        let waiting = files.filter { $0.value.isUnopened && !$0.value.asked.isEmpty }
        if waiting.isEmpty { return [] }
        var holders = tables.values.flatMap { $0.isHeld ? Array(repeating: $0.payer, count: $0.descriptors) : [] }
        holders += files.values.compactMap { $0.isOpening ? $0.payer : nil }
        var errands: [Errand] = []
        for (file, known) in waiting.sorted(by: { $0.value.since < $1.value.since }) {
            let payer = known.payer ?? proc.payer(of: known.witness.pid)
            files[file]?.payer = payer
            if limits.waiting.isUsedUp(for: payer, by: holders) { continue }
            guard makeRoomForDescriptor() else { break }
            files[file]?.state = .opening
            holders.append(payer)
            let (witness, proc) = (known.witness, proc)
            let isExplained = known.asked.contains { $0.question.explanation.isWanted }
            errands.append(
                Errand(.opening, of: witness.pid, for: payer) { permit in
                    .opened(Opened(file, witness, proc, for: payer, isExplained: isExplained, permit))
                } instead: {
                    .opened(Opened(leaving: file, witness))
                } withoutProcess: { permit in
                    .opened(Opened(file, witness, nil, for: payer, isExplained: isExplained, permit))
                })
        }
        return errands
    }

    private mutating func takeReadings(at now: Instant) -> [Errand] {
        let due = tables.compactMap { key, table in
            !table.isUnderWay && !table.asked.isEmpty && table.nextReading <= now ? (key: key, since: table.since) : nil
        }
        return due.sorted { $0.since < $1.since }.compactMap { key, _ in
            // Taken out: a copy of all that was asked for must not be made.
            guard var table = tables.removeValue(forKey: key) else { return nil }
            let places = Array(table.asked.prefix(table.isNotKept ? Self.searchBatch : Self.batch))
            table.asked.removeFirst(places.count)
            // What is left is asked for after what others have asked for meanwhile.
            table.since = clock
            table.isUnderWay = true
            let (image, debugFiles, symbols) = (table.image, table.debugFiles, table.symbols)
            let isKept = table.isKept
            table.symbols = nil
            tables[key] = table
            let isExplained = places.contains { $0.question.explanation.isWanted }
            let budget = accounts.left(of: key.file, with: key.stamp, at: now)
            return Errand(isKept ? .finding : .reading, of: nil, for: table.payer) { permit in
                .read(
                    Reading(
                        key, image, debugFiles, symbols, places, isExplained: isExplained, permit, budget: budget))
            } instead: {
                .readingLeft(of: key, places)
            }
        }
    }

    /// Whether some table is asked for whose time has not come, or some file for which there is no room.
    var hasPostponed: Bool {
        tables.values.contains { !$0.isUnderWay && !$0.asked.isEmpty }
            || files.values.contains { $0.isUnopened && !$0.asked.isEmpty }
    }

    /// Takes in an opened file, or why it is not; gives the answers that follow from that.
    mutating func receive(_ opened: Opened, at now: Instant) -> [Answered] {
        isFull = false
        guard var file = files.removeValue(forKey: opened.file) else {
            closings.drop(opened)
            return []
        }
        defer { files[opened.file] = file }
        // One that was left behind comes late: another way has led to the file.
        if case .open = file.state {
            closings.drop(opened)
            return []
        }
        file.road = opened.road
        let asked = file.asked
        file.asked = []
        switch opened.result {
        case .failure(let reason):
            let until = now.advanced(byNanoseconds: limits.rest)
            if reason == .noAnswer { sayNoAnswer(file.module) }
            file.state = .refused(reason, until: until, process: opened.witness.pid)
            file.nextOpening = now.advanced(byNanoseconds: Self.retryPause)
            return asked.map { Self.refused($0.question, reason, file.module, file.road.steps) }
        case .success(let image):
            let key = opened.key ?? TableKey(file: FileNumber(device: 0, inode: clock), stamp: image.value.stamp)
            let module = Self.module(of: opened.file, buildID: image.value.headers.buildID)
            file = File(file, module: module)
            if let past = givenUp[key.file], now < past.until, past.stamp == key.stamp || past.reason == .tooCostly {
                closings.drop(opened)
                file.state = .refused(past.reason, until: past.until, process: nil)
                for step in past.road { file.road.add(step) }
                return asked.map { Self.refused($0.question, past.reason, module, file.road.steps) }
            }
            if tables[key] != nil {
                closings.drop(opened)
            } else {
                tables[key] = Table(
                    image: image, debugFiles: opened.debugFiles, answersAtOnce: opened.answersAtOnce,
                    payer: opened.payer, since: file.since, lastUse: clock, nextReading: pauses.end(of: key.file))
            }
            file.state = .open(key)
            for place in asked {
                var question = place.question
                for step in file.road.steps { question.explanation.add(step) }
                tables[key]?.asked.append(Asked(question: question, offset: place.offset, module: module))
            }
            return []
        }
    }

    /// Takes a table back and gives the answers that were found in it.
    mutating func receive(_ reading: Reading, at now: Instant) -> [Answered] {
        isFull = false
        guard var table = tables.removeValue(forKey: reading.key) else { return reading.answers }
        var answers = reading.answers
        table.isUnderWay = false
        table.isLeft = false
        table.road = reading.road
        // What alone passes the bound is not kept: all others would go for it.
        let isKept = reading.byteCount <= limits.bytes
        table.symbols = isKept ? reading.symbols : nil
        if !isKept, let symbols = reading.symbols {
            closings.drop(symbols, descriptors: reading.descriptors - 1, payer: table.payer)
        }
        table.byteCount = isKept ? reading.byteCount : 0
        table.descriptors = isKept ? reading.descriptors : 1
        table.isNotKept = reading.isSearched || !isKept
        let file = reading.key.file
        if reading.cost > 0 {
            pauses.add(file, cost: reading.cost, at: now)
            accounts.charge(file, with: reading.key.stamp, cost: reading.cost, at: now)
        }
        table.nextReading = table.isNotKept ? pauses.end(of: file) : .beginning
        if reading.isChanged || reading.refusal != nil { closings.drop(table) }
        if reading.isChanged {
            answers += reopen(reading, table, at: now)
            makeRoom()
            return answers
        }
        if let reason = reading.refusal {
            answers += giveUp(reading, table, reason, at: now)
            return answers
        }
        table.asked = reading.unanswered + table.asked
        tables[reading.key] = table
        makeRoom()
        return answers
    }

    /// A table's errand does not come home; gives what its places are answered meanwhile.
    mutating func leave(_ key: TableKey, _ places: [Asked]) -> [Answered] {
        isFull = false
        let waiting = places + (tables[key]?.asked ?? [])
        tables[key]?.isLeft = true
        tables[key]?.asked = []
        if let place = waiting.first {
            sayNoAnswer(place.module)
        }
        return waiting.map { Self.refused($0.question, .noAnswer, $0.module, []) }
    }

    /// What cannot be read is left alone for a while, by whatever name it is asked for.
    private mutating func giveUp(
        _ reading: Reading, _ table: Table, _ reason: Unresolved, at now: Instant
    ) -> [Answered] {
        let until = now.advanced(byNanoseconds: limits.rest)
        if givenUp.count >= limits.files { givenUp = givenUp.filter { now < $0.value.until } }
        // Files that make no sense are many, if somebody wants that, and cost nothing; what cost too much stays.
        if givenUp.count >= limits.files { givenUp = givenUp.filter { $0.value.reason == .tooCostly } }
        if givenUp.count >= limits.files { givenUp.removeAll() }
        givenUp[reading.key.file] = GivenUp(
            stamp: reading.key.stamp, reason: reason, until: until, road: table.road)
        for (name, file) in files {
            guard case .open(let key) = file.state, key == reading.key else { continue }
            files[name]?.state = .refused(reason, until: until, process: nil)
            for step in table.road { files[name]?.road.add(step) }
        }
        let places = reading.unanswered + table.asked
        if let place = places.first, reason == .tooCostly {
            say("\(place.module.name) has no names: \(reason.sentence); it is tried again after 60 s")
        }
        if let place = places.first, reason == .noAnswer { sayNoAnswer(place.module) }
        return places.map { Self.refused($0.question, reason, $0.module, table.road) }
    }

    /// Somebody has written to the file: what is mapped of it is what it holds now.
    private mutating func reopen(_ reading: Reading, _ table: Table, at now: Instant) -> [Answered] {
        var answers: [Answered] = []
        var waiting = reading.unanswered + table.asked
        for (name, file) in files {
            guard case .open(let key) = file.state, key == reading.key else { continue }
            files[name]?.state = .unopened
            files[name]?.since = clock
            let mayOpen = now >= file.nextOpening
            if mayOpen {
                let isQuiet = now.nanoseconds(since: file.nextOpening) > limits.rest
                let pause = isQuiet ? Self.rereadPause : file.pause
                files[name]?.nextOpening = now.advanced(byNanoseconds: pause)
                files[name]?.pause = min(2 * pause, limits.rest)
            } else {
                files[name]?.state = .refused(.fileChanged, until: file.nextOpening, process: nil)
            }
            for place in waiting where place.module == file.module {
                if mayOpen {
                    files[name]?.asked.append((place.question, place.offset))
                } else {
                    answers.append(Self.refused(place.question, .fileChanged, place.module, []))
                }
            }
            waiting.removeAll { $0.module == file.module }
        }
        // Their file was forgotten meanwhile: a later look asks anew.
        for place in waiting {
            answers.append(Self.refused(place.question, .imageUnreadable(errno: ENOENT), place.module, []))
        }
        return answers
    }

    private mutating func sayNoAnswer(_ module: Module) {
        let left = ReaderProcesses.shared?.leftCount ?? 0
        let count = left == 0 ? "" : " (processes left behind there: \(left))"
        say("\(module.name) has no names for now: \(Unresolved.noAnswer.sentence)\(count)")
    }

    private mutating func say(_ sentence: String) { if news.count < Symbolizer.newsLimit { news.append(sentence) } }

    // MARK: Bounded memory

    /// Tables that nobody waits for go, the one not used for longest first.
    private mutating func makeRoom() {
        while tableBytes > limits.bytes || tableDescriptors > limits.descriptors { if !dropOldestTable() { return } }
    }

    /// Whether one more file may be opened.
    private mutating func makeRoomForDescriptor() -> Bool {
        // What is to be closed is open still.
        if closings.descriptorCount >= limits.descriptors { return false }
        let opening = files.values.reduce(0) { if case .opening = $1.state { $0 + 1 } else { $0 } }
        while tableDescriptors + opening >= limits.descriptors { if !dropOldestTable() { return false } }
        return true
    }

    private mutating func dropOldestTable() -> Bool {
        let idle = tables.filter { !$0.value.isHeld }
        guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else { return false }
        if let table = tables.removeValue(forKey: oldest) { closings.drop(table) }
        for (name, file) in files {
            if case .open(let key) = file.state, key == oldest { files[name]?.state = .unopened }
        }
        return true
    }

    private mutating func makeRoomForFiles() {
        guard files.count >= limits.files, !isFull else { return }
        // An eighth at once: looking through all of them pays then.
        let idle = files.filter { $0.value.asked.isEmpty && !$0.value.isOpening }
        for (name, _) in idle.sorted(by: { $0.value.lastUse < $1.value.lastUse }).prefix(limits.files / 8) {
            files[name] = nil
        }
        isFull = files.count >= limits.files
    }
}
