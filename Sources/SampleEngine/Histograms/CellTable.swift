/// Counts samples by cell: an open-addressing table that stops growing at a limit.
package struct CellTable: ~Copyable {
    package private(set) var cells: [Cell] = []
    private var index = HashIndex(capacity: 1024)
    private let limit: Int

    /// - Parameter limit: most different cells; `add` refuses more.
    package init(limit: Int) { self.limit = limit }

    /// Adds one sample to its cell.
    ///
    /// - Returns: false where the cell is new and the table is full.
    @inline(__always)
    package mutating func add(
        event: UInt16, cpu: UInt16, generation: Generation, thread: Int32, stack: StackID, period: UInt64
    ) -> Bool {
        let hash = Self.hash(event, cpu, generation, thread, stack)
        let known = index.find(hash) { entry in
            let cell = cells[entry]
            return cell.stack == stack && cell.thread == thread && cell.generation == generation && cell.cpu == cpu
                && cell.event == event
        }
        if let known {
            cells[known].count &+= 1
            cells[known].period = cells[known].period.addingSaturating(period)
            return true
        }
        if cells.count >= limit { return false }
        index.insert(hash, entry: cells.count) { Self.hash(cells[$0]) }
        cells.append(
            Cell(
                event: event, cpu: cpu, generation: generation, thread: thread, stack: stack, count: 1, period: period))
        return true
    }

    /// Adds all of a cell that was counted elsewhere; only for a table without a limit.
    package mutating func add(_ cell: Cell) {
        let hash = Self.hash(cell)
        let known = index.find(hash) { entry in
            let other = cells[entry]
            return other.stack == cell.stack && other.thread == cell.thread && other.generation == cell.generation
                && other.cpu == cell.cpu && other.event == cell.event
        }
        guard let known else {
            index.insert(hash, entry: cells.count) { Self.hash(cells[$0]) }
            cells.append(cell)
            return
        }
        cells[known].count &+= cell.count
        cells[known].period = cells[known].period.addingSaturating(cell.period)
    }

    package mutating func removeAll() {
        cells.removeAll(keepingCapacity: true)
        index.removeAll()
    }

    @inline(__always)
    private static func hash(
        _ event: UInt16, _ cpu: UInt16, _ generation: Generation, _ thread: Int32, _ stack: StackID
    ) -> UInt64 {
        mixed(
            UInt64(stack.index) << 32 | UInt64(UInt32(bitPattern: thread)),
            UInt64(generation.number) << 32 | UInt64(event) << 16 | UInt64(cpu))
    }

    private static func hash(_ cell: Cell) -> UInt64 {
        hash(cell.event, cell.cpu, cell.generation, cell.thread, cell.stack)
    }
}
