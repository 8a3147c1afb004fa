/// Numbers the names of processes, so that rows are told apart without comparing text.
struct ProcessNumbers {
    struct Process {
        var name: UInt32
        var pid: Int32
        var user: UInt32?
        let isInside: Bool
        /// What the filter says of it.
        let marks: UInt64
    }

    private let scopes: Scopes
    private let filter: Filter
    private(set) var names: [String] = []
    private var numbers: [String: UInt32] = [:]
    private var known: [Generation: Process] = [:]
    private var last: (generation: Generation, process: Process)?

    init(_ scopes: Scopes, _ filter: Filter) {
        self.scopes = scopes
        self.filter = filter
    }

    mutating func number(of generation: Generation, in table: Names) -> Process {
        if let last, last.generation == generation { return last.process }
        let process = known[generation] ?? add(generation, table.processes[generation])
        last = (generation, process)
        return process
    }

    private mutating func add(_ generation: Generation, _ facts: ProcessFacts?) -> Process {
        let name = facts?.name ?? ""
        let number = numbers[name] ?? UInt32(names.count)
        if number == UInt32(names.count) {
            names.append(name)
            numbers[name] = number
        }
        let pid = facts?.pid ?? -1
        let isInside = scopes.hold(process: name, pid: pid, user: facts?.user)
        let process = Process(
            name: number, pid: pid, user: facts?.user, isInside: isInside,
            marks: filter.marks(process: name, pid: pid, user: facts?.user))
        known[generation] = process
        return process
    }
}
