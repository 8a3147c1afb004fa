/// Names that only the process itself can tell: what its compiler wrote down, and the kernel's code page as it has it.
///
/// Both are read from the process, so an errand does it. There is one at a time: it takes all that is asked, and the
/// state with it. A process can keep it for ever, with memory that it serves itself: then a new state takes the place of
/// the one that is lost, and that process is asked nothing more until it has answered.
package struct RuntimeNames: ~Copyable {
    /// What is read; away while an errand has it.
    private var tables: Lent<Tables>?
    private var asked: [Asked] = []
    /// Processes whose names are to be looked at anew.
    private var renewed: [Generation: JITProcess] = [:]
    private var forgotten: [Generation] = []
    /// Processes whose names may be among what is read: the others need not be forgotten.
    private var known: Set<Generation> = []
    /// Which errand has the tables; what others bring home is of tables that were given up.
    private var errand: UInt64 = 0
    /// Bytes that the tables of errands hold that do not come home.
    private var lostBytes: [UInt64: Int] = [:]
    private let proc: String

    /// - Parameter proc: another directory in tests.
    init(proc: String = ProcFolder.root) {
        self.proc = proc
        tables = Lent(Tables(proc: proc, byteLimit: Tables.byteLimit))
    }

    final class Tables {
        var jit: JITNames
        var vdso: VDSOImages

        /// Bytes of names, and of what is left of them where errands do not come home with theirs.
        static var byteLimit: Int { 16 << 20 }
        static var leastByteLimit: Int { 2 << 20 }

        init(proc: String, byteLimit: Int) {
            jit = JITNames(proc: proc, byteLimit: byteLimit)
            vdso = VDSOImages(proc: proc)
        }
    }

    /// A place to be named.
    enum Asked: Sendable {
        /// Code made at run time.
        case memory(Question, Question.Memory, standIn: Symbol)
        /// The kernel's code page; of a process of another kind where a task and a range say so.
        case vdso(Question, FileOffset, of: (task: Int32, range: Range<UInt64>)?)

        /// The process that is looked into.
        var pid: Int32? {
            switch self {
            case .memory(_, let memory, _): memory.process?.pid
            case .vdso(_, _, let other): other?.task
            }
        }

        /// The answer where the process cannot be asked.
        var withoutAnswer: (question: Question, answer: Symbolizer.Answer) {
            switch self {
            case .memory(var question, _, let standIn):
                question.explanation.add("no name: \(Unresolved.noAnswer.sentence)")
                return (question, Symbolizer.Answer(standIn, isFinal: false))
            case .vdso(var question, _, _):
                let module = Module(name: "[vdso]")
                return (question, Symbolizer.answer(Unresolved.noAnswer, in: module, &question.explanation))
            }
        }
    }

    /// What came of it.
    package struct Answers: Sendable {
        let errand: UInt64
        let tables: Lent<Tables>
        let answers: [(question: Question, answer: Symbolizer.Answer)]
        /// Addresses that have other names now, by process.
        let changed: [(owner: Generation, ranges: [Range<UInt64>])]
        /// What kept names from being found, one sentence each.
        let refusals: [String]
        /// Bytes of memory that the names hold.
        let byteCount: Int
    }

    /// What an errand was to do that does not come home, and the process that it waits for.
    package struct Left: Sendable {
        let errand: UInt64
        let pid: Int32?
        let renewed: [JITProcess]
        let places: [Asked]
    }

    /// Bytes of memory held by names, as of the last errand.
    private(set) var nameBytes = 0

    /// Bytes of memory held, with what waits.
    var byteCount: Int {
        nameBytes + lostBytes.values.reduce(0, +) + 2 * Question.cost * asked.count + 16 * known.count
            + 80 * renewed.count
    }

    /// Most places of one errand: what names there are is seen before all are found.
    private static var batch: Int { 1024 }

    mutating func ask(_ place: Asked) {
        if case .memory(_, let memory, _) = place, let process = memory.process { known.insert(process.generation) }
        asked.append(place)
    }

    /// Has a look at what a process wrote since.
    mutating func renew(_ process: JITProcess) {
        known.insert(process.generation)
        renewed[process.generation] = process
    }

    /// Forgets what a process wrote, once it can be asked for no more.
    mutating func forget(_ generation: Generation) {
        if known.remove(generation) != nil { forgotten.append(generation) }
    }

    mutating func takeErrand(at now: Instant) -> Errand? {
        guard !asked.isEmpty || !renewed.isEmpty, let tables = tables.take() else { return nil }
        let places = Array(asked.prefix(Self.batch))
        asked.removeFirst(places.count)
        let (renewed, forgotten) = (Array(self.renewed.values), self.forgotten)
        self.renewed = [:]
        self.forgotten = []
        errand += 1
        let number = errand
        // Known to both ends: which process it is at.
        let progress = ErrandProgress()
        return Errand(.opening, of: nil, for: .nobody, noting: progress) { permit in
            let names = tables.value
            names.jit.permit = permit
            for generation in forgotten { names.jit.forget(generation) }
            let changed = renewed.map { process in
                progress.move(to: process.pid)
                return (owner: process.generation, ranges: names.jit.refresh(process, now: now))
            }
            let answers = places.map { place in
                progress.move(to: place.pid)
                // What a process made of its own code page is paid for, too.
                defer { _ = permit.mayGoOn() }
                return names.answer(place, at: now)
            }
            return .runtime(
                Answers(
                    errand: number, tables: tables, answers: answers,
                    changed: changed.filter { !$0.ranges.isEmpty }, refusals: names.jit.takeRefusals(),
                    byteCount: names.jit.byteCount))
        } instead: {
            .runtimeLeft(Left(errand: number, pid: progress.pid, renewed: renewed, places: places))
        }
    }

    /// Whether an errand is under way or due.
    var isBusy: Bool { tables == nil || !asked.isEmpty || !renewed.isEmpty }

    /// Takes the state back; false where it was given up, and what it found says nothing any more.
    mutating func receive(_ answers: Answers) -> Bool {
        lostBytes[answers.errand] = nil
        guard answers.errand == errand, tables == nil else { return false }
        tables = answers.tables
        nameBytes = answers.byteCount
        return true
    }

    /// Goes on without what an errand has: all but the process that it waits for is asked again.
    mutating func leave(_ lost: Left) -> [(question: Question, answer: Symbolizer.Answer)] {
        lostBytes[lost.errand] = nameBytes
        nameBytes = 0
        let held = lostBytes.values.reduce(0, +)
        tables = Lent(Tables(proc: proc, byteLimit: max(Tables.leastByteLimit, Tables.byteLimit - held)))
        for process in lost.renewed where process.pid != lost.pid { renewed[process.generation] = process }
        let again = lost.places + asked
        asked = again.filter { lost.pid == nil || $0.pid != lost.pid }
        return again.filter { lost.pid != nil && $0.pid == lost.pid }.map(\.withoutAnswer)
    }
}

extension RuntimeNames.Tables {
    fileprivate func answer(
        _ asked: RuntimeNames.Asked, at now: Instant
    ) -> (question: Question, answer: Symbolizer.Answer) {
        switch asked {
        case .memory(var question, let memory, let standIn):
            question.explanation.add("memory that is no file: code made at run time")
            guard let process = memory.process,
                let found = jit.name(at: memory.address, in: process, now: now, &question.explanation)
            else { return (question, Symbolizer.Answer(standIn)) }
            return (
                question,
                Symbolizer.Answer(
                    Symbol(name: foreignName(found.name), module: standIn.module, kind: .jit, source: found.source))
            )
        case .vdso(var question, let offset, let other):
            let image = other.map { vdso.image(of: $0.task, at: $0.range) } ?? vdso.own()
            let address = image?.imageAddress(of: offset)
            let answer = address.flatMap { image?.answer(at: $0) }
            return (
                question,
                Symbolizer.answer(
                    answer, at: address, offset, in: Module(name: "[vdso]"), &question.explanation)
            )
        }
    }
}
