/// Names that only the process itself can tell: what its compiler wrote down, and the kernel's code page as it has it.
///
/// Both are read from the process, so an errand does it. There is one at a time: it takes all that is asked, and the
/// state with it.
package struct RuntimeNames: ~Copyable {
    /// What is read; away while an errand has it.
    private var tables: Lent<Tables>? = Lent(Tables())
    private var asked: [Asked] = []
    /// Processes whose names are to be looked at anew.
    private var renewed: [Generation: JITProcess] = [:]
    private var forgotten: [Generation] = []
    /// Processes whose names may be among what is read: the others need not be forgotten.
    private var known: Set<Generation> = []

    final class Tables {
        var jit = JITNames()
        var vdso = VDSOImages()
    }

    /// A place to be named.
    enum Asked: Sendable {
        /// Code made at run time.
        case memory(Question, Question.Memory, standIn: Symbol)
        /// The kernel's code page; of a process of another kind where a task and a range say so.
        case vdso(Question, FileOffset, of: (task: Int32, range: Range<UInt64>)?)
    }

    /// What came of it.
    package struct Answers: Sendable {
        let tables: Lent<Tables>
        let answers: [(question: Question, answer: Symbolizer.Answer)]
        /// Addresses that have other names now, by process.
        let changed: [(owner: Generation, ranges: [Range<UInt64>])]
        /// What kept names from being found, one sentence each.
        let refusals: [String]
        /// Bytes of memory that the names hold.
        let byteCount: Int
    }

    /// Bytes of memory held, as of the last errand.
    private(set) var byteCount = 0

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
        return Errand(.living) { _ in
            let names = tables.value
            for generation in forgotten { names.jit.forget(generation) }
            let changed = renewed.map { (owner: $0.generation, ranges: names.jit.refresh($0, now: now)) }
            return .runtime(
                Answers(
                    tables: tables, answers: places.map { names.answer($0, at: now) },
                    changed: changed.filter { !$0.ranges.isEmpty }, refusals: names.jit.takeRefusals(),
                    byteCount: names.jit.byteCount))
        }
    }

    /// Whether an errand is under way or due.
    var isBusy: Bool { tables == nil || !asked.isEmpty || !renewed.isEmpty }

    /// Takes the state back.
    mutating func receive(_ answers: Answers) {
        tables = answers.tables
        byteCount = answers.byteCount
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
                    Symbol(name: displayText(found.name), module: standIn.module, kind: .jit, source: found.source))
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
