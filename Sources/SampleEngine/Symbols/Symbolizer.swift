/// From a location to the symbol that is shown for it: the whole road, for every kind of space.
///
///     kernel ──────────────► kernel's list, records of code made since
///     image ───────┐
///     own address ─┼─ file ► open and verify ► its tables ► name, or range of a function
///       (ask /proc)├─ memory ► map of the just-in-time compiler ► name, or [jit …]
///                  └─ vdso, vsyscall
///
/// Nothing here waits. What must be read becomes an errand (`takeErrands`); a place whose name needs one is answered once
/// its findings are in (`receive`). Used by the resolver thread.
package struct Symbolizer: ~Copyable {
    package var processes: ProcessCatalog
    private var images: ImageStore
    private var sightings = SightingTable()
    private var rooted = RootedSpaces()
    private var kernel = KernelNames()
    private var runtime: RuntimeNames
    private var errands: ErrandBook
    /// Places in the kernel that wait for its list.
    private var inKernel: [Question] = []
    /// Places in processes whose mappings are being read.
    private var inProcesses: [Generation: [Question]] = [:]
    private var answered: [Named] = []
    private var changed: [(owner: Generation, ranges: [Range<UInt64>])] = []
    private var rewritten: [SpaceID: Symbol] = [:]
    private var news: [String] = []

    /// - Parameter proc: another directory in tests.
    package init(limits: ImageStore.Limits = ImageStore.Limits(), proc: String = ProcFolder.root) {
        images = ImageStore(limits: limits, proc: proc)
        processes = ProcessCatalog(proc: ProcReader(root: proc))
        runtime = RuntimeNames(proc: proc)
        errands = ErrandBook(proc: proc)
    }

    /// What to show for a location.
    package struct Answer: Sendable {
        package let symbol: Symbol
        /// False: a later look may tell more.
        package let isFinal: Bool

        init(_ symbol: Symbol, isFinal: Bool = true) {
            self.symbol = symbol
            self.isFinal = isFinal
        }
    }

    /// A location with its answer.
    package struct Named: Sendable {
        package let location: Location
        /// The number that the question had.
        package let question: UInt64
        package let answer: Answer
        /// Each step of the answer, where it was asked for.
        package let explanation: Explanation
    }

    // MARK: What is known of images and processes

    /// Takes up where an image can be opened.
    ///
    /// - Returns: where somebody wrote to the file since it was read, and only once of each time: what stands for the
    ///   names that were in it before and have not come.
    package mutating func note(_ sighting: ImageSighting) -> Symbol? {
        sightings.note(sighting)
        for (space, root) in rooted.spaces(of: sighting.space) {
            let file = MappedFile(path: sighting.path, identity: sighting.identity, root: root)
            if let module = images.noteChange(of: file, in: space) { rewritten[space] = Self.changedFile(module) }
        }
        let file = MappedFile(path: sighting.path, identity: sighting.identity)
        return images.noteChange(of: file, in: sighting.space).map(Self.changedFile)
    }

    /// Where a process that was sampled has the places of an image: in a space of its root's, unless that is ours.
    package mutating func space(of image: SpaceID, seenBy generation: Generation) -> SpaceID {
        guard image.isImage, let root = processes.foreignRoot(of: generation),
            let pid = processes.sighting(of: generation)?.pid
        else { return image }
        return rooted.space(of: image, in: root, seenBy: pid)
    }

    /// The root of a process, unless it is ours.
    package func root(of generation: Generation) -> ProcessRoot? {
        generation.isFixed ? nil : processes.foreignRoot(of: generation)
    }

    /// The same for files on file systems that may keep us waiting, since the last call.
    package mutating func takeRewritten() -> [SpaceID: Symbol] {
        defer { rewritten = [:] }
        return rewritten
    }

    /// Takes in what the kernel made at run time; gives the addresses that may have another name from now on.
    package mutating func note(_ code: KernelCode) -> Range<UInt64>? { kernel.note(code) }

    /// True once kernel code was sampled whose names the kernel hides (`kernel.kptr_restrict`).
    package var kernelIsHidden: Bool { kernel.isHidden }

    /// What a space is called before anything of it has been read.
    func name(of space: SpaceID) -> String {
        if let sighting = sightings.find(rooted.origin(of: space)?.image ?? space) {
            return displayText(sighting.path.split(separator: UInt8(ascii: "/")).last ?? [], limit: 64)
        }
        return space == .kernel ? "the kernel's list" : "code made at run time"
    }

    /// Bytes of memory that tables of names hold.
    var byteCount: Int {
        let waiting = inKernel.count + answered.count + inProcesses.values.reduce(0) { $0 + $1.count }
        return images.byteCount + kernel.byteCount + runtime.byteCount + sightings.byteCount + rooted.byteCount
            + processes.byteCount
            + waiting * Question.cost
    }
    /// Descriptors that are held.
    var descriptorCount: Int { images.descriptorCount }

    /// What kept names from being found and should be known, one sentence each.
    package mutating func takeNews() -> [String] {
        defer { news = [] }
        return news + images.takeNews()
    }

    /// Whether something is due later that nobody rings for: an errand that waits for its time, one that may stand still.
    var hasPostponed: Bool { images.hasPostponed || errands.isWatching }

    /// Looks for what the makers of a process's code have written since; `takeChanged` tells what came of it.
    package mutating func renewNames(of owner: Generation) {
        guard let sighting = processes.sighting(of: owner), !errands.isRefused(sighting.pid) else { return }
        runtime.renew(JITProcess(sighting))
    }

    /// Whether what processes wrote is being looked at.
    package var isRenewing: Bool { runtime.isBusy }

    /// Addresses that have other names than before, by the process whose they are.
    package mutating func takeChanged() -> [(owner: Generation, ranges: [Range<UInt64>])] {
        defer { changed = [] }
        return changed
    }

    /// Forgets processes that ended before a time, once there are many: their names are given by then.
    package mutating func forget(before time: Instant) {
        for generation in processes.forget(before: time) {
            runtime.forget(generation)
            // They wait for what nobody can tell any more.
            for question in inProcesses.removeValue(forKey: generation) ?? [] {
                give(question, Answer(.unknown(in: Self.noModule)))
            }
        }
    }

    // MARK: Questions

    /// Asks what to show for a location: the answer where it is known at once; nil: `receive` will bring it.
    ///
    /// - Parameter question: a number that the answer will have.
    package mutating func ask(_ location: Location, _ question: UInt64 = 0, at now: Instant) -> Answer? {
        let before = answered.count
        resolve(Question(location: location, number: question, explanation: Explanation(isWanted: false)), now)
        guard answered.count > before else { return nil }
        return answered.removeLast().answer
    }

    /// The slow work that is due.
    package mutating func takeErrands(at now: Instant) -> [Errand] {
        var due: [Errand] = []
        for news in errands.leave(at: now, detours: &due) { take(news, at: now) }
        due += processes.takeScans(at: now).map { scan in
            Errand(.maps, of: scan.pid) { _ in
                .maps(scan.run(at: .now))
            } instead: {
                .mapsLeft(of: scan.generation)
            }
        }
        if let reading = kernel.takeErrand() { due.append(reading) }
        due += images.takeErrands(at: now)
        if let asking = runtime.takeErrand(at: now) { due.append(asking) }
        var refused: [Errand.News] = []
        let taken = errands.take(due, refused: &refused)
        for news in refused { take(news, at: now) }
        return taken
    }

    /// Takes in what an errand has found.
    package mutating func receive(_ findings: Errand.Findings, at now: Instant) {
        errands.comeHome(findings.serial)
        take(findings.news, at: now)
    }

    private mutating func take(_ news: Errand.News, at now: Instant) {
        switch news {
        case .maps(let scanned):
            processes.take(scanned)
            for question in inProcesses.removeValue(forKey: scanned.generation) ?? [] { resolve(question, now) }
        case .mapsLeft(let generation):
            processes.leave(generation, at: now)
            for question in inProcesses.removeValue(forKey: generation) ?? [] { resolve(question, now) }
        case .kernelList(let list):
            let waiting = inKernel
            inKernel = []
            kernel.take(list, wanted: waiting.map { RuntimeAddress($0.location.value) }, at: now)
            for question in waiting { resolve(question, now) }
        case .opened(let opened):
            for answer in images.receive(opened, at: now) { takeFileAnswer(answer) }
        case .read(let reading):
            for answer in images.receive(reading, at: now) { takeFileAnswer(answer) }
        case .looked(let looked):
            if let module = images.receive(looked) { rewritten[looked.space] = Self.changedFile(module) }
        case .closed(let descriptors): images.closings.noteClosed(descriptors)
        case .notClosed(let files): images.closings.takeBack(files)
        case .readingLeft(let key, let places):
            for answer in images.leave(key, places) { takeFileAnswer(answer) }
        case .runtime(let answers):
            guard runtime.receive(answers) else { return }
            changed += answers.changed
            for refusal in answers.refusals { say(refusal) }
            for (question, answer) in answers.answers { give(question, answer) }
        case .runtimeLeft(let lost):
            if let pid = lost.pid { say("code of pid \(pid) has no names for now: the process does not answer") }
            for (question, answer) in runtime.leave(lost) { give(question, answer) }
        }
    }

    /// What was answered since the last call.
    package mutating func takeAnswers() -> [Named] {
        defer { answered = [] }
        return answered
    }

    /// Most sentences between two pictures; of what is said, a few are shown and the others counted (`SessionNews`).
    static var newsLimit: Int { 256 }

    private mutating func say(_ sentence: String) { if news.count < Self.newsLimit { news.append(sentence) } }

    /// Asks the process itself, unless that would wait for ever.
    private mutating func askProcess(_ place: RuntimeNames.Asked) {
        if let pid = place.pid, errands.isRefused(pid) {
            let (question, answer) = place.withoutAnswer
            return give(question, answer)
        }
        runtime.ask(place)
    }

    private mutating func give(_ question: Question, _ answer: Answer) {
        answered.append(
            Named(
                location: question.location, question: question.number, answer: answer,
                explanation: question.explanation))
    }

    static var noModule: Module { Module(name: "[unknown]") }

    mutating func resolve(_ asked: Question, _ now: Instant) {
        var question = asked
        let (space, value) = (question.location.space, question.location.value)
        switch space {
        case .kernel:
            guard let answer = kernel.answer(at: RuntimeAddress(value), now: now, &question.explanation) else {
                return inKernel.append(question)
            }
            give(question, answer)
        case .guest: give(question, Answer(Symbol(name: "[guest]", module: Module(name: "[guest]"), kind: .guest)))
        case .other: give(question, Answer(Symbol(name: "[other]", module: Module(name: "[other]"), kind: .unknown)))
        case .otherTasks:
            let name = "[other tasks]"
            give(question, Answer(Symbol(name: name, module: Module(name: name), kind: .mixed)))
        case .vdso: askProcess(.vdso(question, FileOffset(value), of: nil))
        default:
            if space.isImage {
                ask(question, in: space, FileOffset(value), now)
            } else if let owner = space.owner, owner != .idle, owner != .exiting {
                resolve(question, value, in: owner, now)
            } else {
                give(question, Answer(.unknown(in: Self.noModule)))
            }
        }
    }

    /// An address that only its process can explain.
    private mutating func resolve(_ asked: Question, _ address: UInt64, in owner: Generation, _ now: Instant) {
        var question = asked
        // What was found out on the way is told once: where its mappings must be read first, it is asked again then.
        let isMemory = question.location.space == .anonymous(owner)
        guard
            let place = processes.place(address, in: owner, isMemory: isMemory, at: now, &question.explanation)
        else {
            inProcesses[owner, default: []].append(asked)
            return
        }
        func memory(from start: UInt64?) -> Question.Memory {
            Question.Memory(
                address: address, process: processes.sighting(of: owner).map { JITProcess($0) }, start: start)
        }
        switch place {
        case .image(let space, let offset, let start):
            question.memory = memory(from: start)
            ask(question, in: self.space(of: space, seenBy: owner), offset, now)
        case .file(let line, let task):
            question.memory = memory(from: line.isMoved ? line.start : nil)
            let file = MappedFile(
                path: line.path, identity: .inode(device: line.device, inode: line.inode, generation: 0),
                root: processes.foreignRoot(of: owner))
            let witness = ImageStore.Witness(
                pid: task, start: line.witness.lowerBound, end: line.witness.upperBound)
            ask(question, in: file, witness, FileOffset(address &- line.start &+ line.offset), now)
        case .memory(let start):
            askProcess(.memory(question, memory(from: start), standIn: .jit(hex(start))))
        case .vdso(let offset): askProcess(.vdso(question, FileOffset(offset), of: nil))
        case .foreignVDSO(let line, let task):
            askProcess(.vdso(question, FileOffset(address - line.start), of: (task, line.start..<line.end)))
        case .vsyscall(let offset): give(question, Self.vsyscall(offset))
        case .kernelPage(let name):
            let shown = displayText(name, limit: 64)
            give(
                question,
                Answer(Symbol(name: shown, module: Module(name: shown), kind: .user, source: .kernelList)))
        case .unknown(let mayCome): give(question, Answer(.unknown(in: Self.noModule), isFinal: !mayCome))
        }
    }

    /// Three entries for ever (arch/x86/entry/vsyscall, "fixed addresses").
    private static func vsyscall(_ offset: UInt64) -> Answer {
        let names: [UInt64: String] = [0: "gettimeofday", 0x400: "time", 0x800: "getcpu"]
        let module = Module(name: "[vsyscall]")
        return Answer(
            names[offset & 0xc00].map { Symbol(name: $0, module: module, kind: .user, source: .kernelList) }
                ?? .unknown(in: module))
    }

    // MARK: Files

    private mutating func ask(_ question: Question, in space: SpaceID, _ offset: FileOffset, _ now: Instant) {
        let origin = rooted.origin(of: space)
        guard let sighting = sightings.use(origin?.image ?? space) else {
            return give(question, Answer(.unknown(in: Self.noModule), isFinal: false))
        }
        var witness = ImageStore.Witness(pid: sighting.pid, start: sighting.start, end: sighting.end)
        // Whoever was seen to map it last may be in another root.
        if let origin, origin.pid != sighting.pid { witness = ImageStore.Witness(pid: origin.pid, start: 0, end: 0) }
        ask(
            question, in: MappedFile(path: sighting.path, identity: sighting.identity, root: origin?.root), witness,
            offset, now)
    }

    private mutating func ask(
        _ question: Question, in file: MappedFile, _ witness: ImageStore.Witness, _ offset: FileOffset, _ now: Instant
    ) {
        if let answer = images.ask(question, in: file, seenBy: witness, at: offset, now: now) { takeFileAnswer(answer) }
    }

    /// A file's answer, unless there is still the memory to be asked.
    private mutating func takeFileAnswer(_ answered: ImageStore.Answered) {
        let (question, answer) = answered
        guard let memory = question.memory, memory.isAsked(after: answer.symbol) else { return give(question, answer) }
        askProcess(.memory(question, memory, standIn: memory.standIn(answer.symbol)))
    }
}

/// Where each image can be opened, as it was seen last; those not heard of for longest go where there are too many.
struct SightingTable {
    private var sightings: [SpaceID: (sighting: ImageSighting, lastUse: UInt64)] = [:]
    private var clock: UInt64 = 0
    private(set) var byteCount = 0

    /// Bytes of paths and what stands beside them.
    private static let byteLimit = 4 << 20
    private static func cost(_ sighting: ImageSighting) -> Int { 160 + sighting.path.count }

    mutating func note(_ sighting: ImageSighting) {
        clock += 1
        byteCount += Self.cost(sighting)
        if let old = sightings.updateValue((sighting, clock), forKey: sighting.space) {
            byteCount -= Self.cost(old.sighting)
        }
        if byteCount > Self.byteLimit { dropOldest() }
    }

    func find(_ space: SpaceID) -> ImageSighting? { sightings[space]?.sighting }

    mutating func use(_ space: SpaceID) -> ImageSighting? {
        clock += 1
        sightings[space]?.lastUse = clock
        return sightings[space]?.sighting
    }

    /// A quarter at once: looking through all of them pays then.
    private mutating func dropOldest() {
        for (space, entry) in sightings.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
            if byteCount < Self.byteLimit / 4 * 3 { return }
            sightings[space] = nil
            byteCount -= Self.cost(entry.sighting)
        }
    }
}
