extension Profile {
    /// Folds the cells of one event into rows; pure, so it can be called again on any key press.
    ///
    /// - Parameters:
    ///   - event: index into `session.events`; nil adds up all events.
    ///   - scopes: rows of other tables that every sample has to belong to.
    ///   - filter: which of those samples, and of the rows they make, are shown.
    ///   - halfLife: nanoseconds after which a sample counts half; nil counts each as one.
    public func table(
        of event: Int? = 0, by grouping: Set<GroupKey>, inside scopes: [Scope] = [],
        matching filter: Filter = .everything, halfLife: UInt64? = nil
    ) -> Table {
        var siblings: [Int] = []
        func part(of number: Int) -> RowFold.Part {
            let leader = number < session.events.count ? session.events[number].leader : nil
            if event == number || event == nil && leader == nil { return .samples }
            guard let event, leader == event else { return .none }
            siblings.append(number)
            return .counts(sibling: siblings.count - 1)
        }
        let parts = (0..<max(session.events.count, (event ?? 0) + 1)).map(part)
        var fold = RowFold(profile: self, grouping: grouping, scopes: scopes, filter: filter, siblings: siblings)
        fold.fading = Fading(halfLife: halfLife)
        let newest = slices.last?.end ?? .beginning
        for slice in slices {
            fold.fading.age(newest.nanoseconds(since: slice.end))
            for cell in slice.cells {
                switch Int(cell.event) < parts.count ? parts[Int(cell.event)] : event == nil ? .samples : .none {
                case .samples: fold.add(cell)
                case .counts(let sibling): fold.count(cell, sibling: sibling)
                case .none: continue
                }
            }
        }
        return fold.table()
    }
}

/// One pass over cells: finds each cell's row, adds its weight.
///
/// A picture of a busy machine folds a hundred thousand cells every second, so a row is found by numbers alone: names
/// of processes are numbered first, and rows get their texts once at the end.
struct RowFold: ~Copyable {
    private let profile: Profile
    private let groups: Groups
    private let scopes: Scopes
    private let filter: Filter
    private let isFiltered: Bool
    private let siblings: [Int]
    /// What every cell asks of its function, without the texts.
    private let codes: [Code]
    /// What a sample of the slice being folded counts.
    var fading = Fading(halfLife: nil)
    private var index = HashIndex(capacity: 1024)
    private var sums: [Accumulator] = []
    /// Weights in steps of time, row after row.
    private var steps: [Float] = []
    private var all = Sum()
    private var spread = Spread()
    private var inside = Sum()
    private var naming = Naming()
    private var processes: ProcessNumbers
    /// What the filter says of each function; nil until it is asked.
    private var marks: [UInt64?]

    /// What the cells of an event are to a table.
    enum Part {
        case samples
        /// Counted beside the samples.
        case counts(sibling: Int)
        case none
    }

    private struct Code {
        let module: UInt32
        let kind: CodeKind
        let naming: Naming.Class
        let isInside: Bool
    }

    /// The grouping as plain flags, looked at for every cell.
    private struct Groups {
        let function, module, process, pid, thread, cpu, user, event: Bool

        init(_ keys: Set<GroupKey>) {
            function = keys.contains(.function)
            // A function belongs to one module: grouping by function alone still shows it.
            module = keys.contains(.module) || function
            process = keys.contains(.process)
            pid = keys.contains(.pid)
            thread = keys.contains(.thread)
            cpu = keys.contains(.cpu)
            user = keys.contains(.user)
            event = keys.contains(.event)
        }
    }

    /// What tells one row from another, in numbers; `none` stands for what is unknown or not grouped by.
    private struct Key: Equatable {
        static let none = UInt32.max
        var function = none
        var module = none
        var process = none
        var user = none
        var pid: Int32 = -1
        var thread: Int32 = -1
        var cpu: UInt16 = 0
        var event: UInt16 = 0

        var hash: UInt64 {
            let code = mixed(UInt64(function) << 32 | UInt64(module), UInt64(process) << 32 | UInt64(user))
            let ids = UInt64(UInt32(bitPattern: pid)) << 32 | UInt64(UInt32(bitPattern: thread))
            return mixed(code ^ ids, UInt64(cpu) << 16 | UInt64(event))
        }
    }

    private struct Sum {
        var samples: UInt64 = 0
        var weight: UInt64 = 0

        mutating func add(_ cell: Cell, _ scale: UInt64) {
            samples = samples.addingSaturating(product(cell.count, scale))
            weight = weight.addingSaturating(product(cell.period, scale))
        }

        @inline(__always)
        private func product(_ value: UInt64, _ scale: UInt64) -> UInt64 {
            let (product, overflow) = value.multipliedReportingOverflow(by: scale)
            return overflow ? .max : product
        }
    }

    private struct Accumulator {
        let key: Key
        /// The one process behind the row, nil where there are several.
        var pid: Int32?
        /// `mixed` where there are several kinds.
        var kind: CodeKind
        /// Alternatives of the filter that places of the row fulfill; 0 where all of them are left out.
        var held: UInt64
        var own = Sum()
        var total = Sum()
        /// By sibling; empty while none counted anything here.
        var counts: [UInt64] = []

        /// One more place of the row.
        mutating func join(pid: Int32, kind: CodeKind, held: UInt64) {
            if self.held == 0 {
                self.pid = pid >= 0 ? pid : nil
                self.kind = kind
            }
            if self.pid != pid { self.pid = nil }
            if self.kind != kind { self.kind = .mixed }
            self.held |= held
        }
    }

    init(profile: Profile, grouping: Set<GroupKey>, scopes: [Scope], filter: Filter, siblings: [Int]) {
        self.profile = profile
        self.filter = filter
        isFiltered = !filter.isEmpty
        self.siblings = siblings
        let scopes = Scopes(scopes)
        self.scopes = scopes
        groups = Groups(grouping)
        processes = ProcessNumbers(scopes, filter)
        // The last one stands for what has no function.
        marks = filter.isEmpty ? [] : Array(repeating: nil, count: profile.names.functions.count + 1)
        let functions = profile.names.functions
        codes = functions.indices.map { number in
            let function = functions[number]
            return Code(
                module: function.module.index, kind: function.kind, naming: Naming.Class(of: function),
                isInside: scopes.areEmpty
                    || scopes.hold(profile.names.functionID(at: UInt32(number)), in: function.module))
        }
    }

    mutating func add(_ cell: Cell) {
        all.add(cell, fading.scale)
        spread.add(cell, fading.scale)
        guard Int(cell.stack.index) < profile.stacks.count else { return }
        let leaf = profile.stacks[Int(cell.stack.index)]
        naming.add(cell.count, leaf.function.map { codes[Int($0.index)].naming } ?? .unread)
        var counted: [Int] = []
        if let row = row(for: cell, frame: leaf) {
            inside.add(cell, fading.scale)
            if row.isShown {
                sums[row.index].own.add(cell, fading.scale)
                sums[row.index].total.add(cell, fading.scale)
                if leaf.caller != nil { counted = [row.index] }
            }
        }
        guard var caller = leaf.caller else { return }
        // A function that calls itself is in its own total once.
        while Int(caller.index) < profile.stacks.count {
            let frame = profile.stacks[Int(caller.index)]
            if let row = self.row(for: cell, frame: frame), row.isShown, !counted.contains(row.index) {
                counted.append(row.index)
                sums[row.index].total.add(cell, fading.scale)
            }
            guard let next = frame.caller else { break }
            caller = next
        }
    }

    /// Adds what a sibling of the table's event counted to the row of its place.
    mutating func count(_ cell: Cell, sibling: Int) {
        guard Int(cell.stack.index) < profile.stacks.count else { return }
        var place = cell
        // One row for the samples and for what was counted beside them.
        if let leader = profile.session.events[Int(cell.event)].leader { place.event = UInt16(leader) }
        guard let row = row(for: place, frame: profile.stacks[Int(cell.stack.index)]), row.isShown else { return }
        if sums[row.index].counts.isEmpty { sums[row.index].counts = Array(repeating: 0, count: siblings.count) }
        sums[row.index].counts[sibling] = sums[row.index].counts[sibling].addingSaturating(cell.period)
    }

    /// Adds a cell to one of several steps of time.
    ///
    /// - Parameter share: how much of the cell belongs to the step.
    mutating func add(_ cell: Cell, to step: Int, of count: Int, share: Float) {
        guard Int(cell.stack.index) < profile.stacks.count,
            let row = row(for: cell, frame: profile.stacks[Int(cell.stack.index)]), row.isShown
        else { return }
        let missing = (sums.count * count) - steps.count
        if missing > 0 { steps.append(contentsOf: repeatElement(0, count: missing)) }
        steps[row.index * count + step] += Float(cell.period) * share
        sums[row.index].own.add(cell, 1)
    }

    /// What was added to the steps of the heaviest rows: nobody looks at thousands of graphs.
    func weights(of count: Int) -> [RowKey: [Double]] {
        let shown = sums.indices.filter { sums[$0].held != 0 && (($0 + 1) * count) <= steps.count }
        let heaviest = shown.sorted { sums[$0].own.weight > sums[$1].own.weight }.prefix(Self.trendLimit)
        var weights: [RowKey: [Double]] = [:]
        weights.reserveCapacity(heaviest.count)
        for row in heaviest {
            weights[rowKey(sums[row], process: processName(of: sums[row]))] = steps[(row * count)..<((row + 1) * count)]
                .map { Double($0) }
        }
        return weights
    }

    private static var trendLimit: Int { 1000 }

    /// The row of a frame of a cell, and whether the filter shows it there; nil where it is outside of the scopes.
    private mutating func row(for cell: Cell, frame: Frame) -> (index: Int, isShown: Bool)? {
        let process = processes.number(of: cell.generation, in: profile.names)
        let code = frame.function.map { codes[Int($0.index)] }
        if !scopes.areEmpty {
            let isInside = process.isInside && (code?.isInside ?? scopes.hold(nil, in: nil)) && scopes.hold(cell)
            guard isInside else { return nil }
        }
        var key = Key()
        if groups.function, let function = frame.function { key.function = function.index }
        if groups.module, let code { key.module = code.module }
        if groups.process { key.process = process.name }
        if process.pid < 0, groups.pid || groups.thread || groups.user {
            // No process, so no number tells it from others like it: `[other tasks]`, `[exiting]`.
            key.process = process.name
        } else {
            if groups.pid { key.pid = process.pid }
            if groups.thread { key.thread = cell.thread }
        }
        if groups.cpu { key.cpu = cell.cpu }
        if groups.user, let user = process.user { key.user = user }
        if groups.event { key.event = cell.event }
        let kind = code?.kind ?? .unknown
        let held = !isFiltered ? 1 : filter.alternatives(marks(frame.function) | process.marks | filter.marks(cell))
        let hash = key.hash
        if let known = index.find(hash, where: { sums[$0].key == key }) {
            if held != 0 { sums[known].join(pid: process.pid, kind: kind, held: held) }
            return (known, held != 0)
        }
        index.insert(hash, entry: sums.count) { sums[$0].key.hash }
        sums.append(Accumulator(key: key, pid: process.pid >= 0 ? process.pid : nil, kind: kind, held: held))
        return (sums.count - 1, held != 0)
    }

    private mutating func marks(_ id: FunctionID?) -> UInt64 {
        let place = id.map { Int($0.index) } ?? marks.count - 1
        if let known = marks[place] { return known }
        let function = id.map { profile.names.functions[Int($0.index)] }
        let module = function.map { profile.names.modules[Int($0.module.index)].name } ?? ""
        let answer = filter.marks(
            function: function?.name ?? "", module: module, kind: function?.kind ?? .unknown)
        marks[place] = answer
        return answer
    }

    // MARK: The table

    func table() -> Table {
        // Numbers are moved about, not the sums themselves.
        let weights = sums.map { (own: $0.own.weight, total: $0.total.weight) }
        let ordered = sums.indices.sorted { weights[$0] > weights[$1] }
        var rows: [Row] = []
        rows.reserveCapacity(ordered.count)
        for index in ordered where sums[index].held != 0 {
            let sum = sums[index]
            let row = row(sum)
            let isShown =
                filter.isEmpty
                || filter.shows(
                    held: sum.held, selfPercent: row.selfPercent, totalPercent: row.totalPercent,
                    samples: row.selfSamples)
            if isShown { rows.append(row) }
        }
        return Table(
            rows: rows, rowsInside: sums.count, samples: fading.samples(all.samples), weight: all.weight,
            samplesInside: fading.samples(inside.samples),
            percentInside: 100 * Double(inside.weight) / Double(max(all.weight, 1)),
            equalSamples: all.weight == all.samples ? nil : spread.equalSamples, naming: naming, siblings: siblings)
    }

    private func row(_ sum: Accumulator) -> Row {
        let weight = Double(max(all.weight, 1))
        let function = sum.key.function == Key.none ? nil : profile.names.functions[Int(sum.key.function)]
        let module = sum.key.module == Key.none ? nil : profile.names.modules[Int(sum.key.module)]
        let process = processName(of: sum)
        return Row(
            key: rowKey(sum, process: process),
            function: groups.function ? function?.name ?? "[names being read]" : "",
            shortFunction: function.map { $0.shortName ?? $0.name } ?? (groups.function ? "[names being read]" : ""),
            rawFunction: function?.rawName,
            nameSource: groups.function ? function?.source ?? .none : .none,
            module: module?.name ?? (groups.module && !groups.function ? "[names being read]" : ""),
            modulePath: module?.path ?? "", buildID: module?.buildID ?? "",
            process: process, pid: sum.pid, kind: sum.kind,
            selfPercent: 100 * Double(sum.own.weight) / weight,
            totalPercent: 100 * Double(sum.total.weight) / weight,
            selfSamples: fading.samples(sum.own.samples), totalSamples: fading.samples(sum.total.samples),
            counts: sum.counts.isEmpty ? Array(repeating: 0, count: siblings.count) : sum.counts)
    }

    private func processName(of sum: Accumulator) -> String {
        sum.key.process == Key.none ? "" : processes.names[Int(sum.key.process)]
    }

    private func rowKey(_ sum: Accumulator, process: String) -> RowKey {
        var key = RowKey()
        if groups.function {
            key.function = sum.key.function == Key.none ? nil : profile.names.functionID(at: sum.key.function)
            key.kind = sum.kind
        }
        if groups.module { key.module = sum.key.module == Key.none ? nil : profile.names.moduleID(at: sum.key.module) }
        if sum.key.process != Key.none { key.process = process }
        if groups.pid, sum.key.pid >= 0 { key.pid = sum.key.pid }
        if groups.thread, sum.key.thread >= 0 { key.thread = sum.key.thread }
        if groups.cpu { key.cpu = sum.key.cpu }
        if groups.user { key.user = sum.key.user == Key.none ? nil : sum.key.user }
        if groups.event { key.event = sum.key.event }
        return key
    }
}
