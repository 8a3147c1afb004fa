/// Counts samples by cell: an open-addressing table that stops growing at a limit.
package struct CellTable: ~Copyable {
    package private(set) var cells: [Cell] = []
    private var index = HashIndex(capacity: 1024)
    private let limit: Int

    /// - Parameter limit: most different cells; `add` refuses more.
    package init(limit: Int) { self.limit = limit }

    /// Adds what was counted of a cell.
    ///
    /// - Returns: false where the cell is new and the table is full.
    @inline(__always)
    package mutating func add(_ cell: Cell) -> Bool {
        let hash = Self.hash(cell)
        if let known = index.find(hash, where: { cells[$0].hasKey(of: cell) }) {
            cells[known].add(cell)
            return true
        }
        return insert(cell, hash)
    }

    /// Adds a batch; what found the table full stays in it.
    ///
    /// In short loops, one for each step that may have to wait for memory: a table larger than the caches then makes
    /// us wait for the slowest of many loads, and not for one after the other.
    package mutating func add(_ batch: inout CellBatch) {
        for place in 0..<batch.count { batch.guesses[place] = index.guess(batch.hashes[place]) }
        for place in 0..<batch.count {
            let guess = batch.guesses[place]
            if guess >= 0, !cells[guess].hasKey(of: batch.cells[place]) { batch.guesses[place] = -1 }
        }
        var refused = 0
        for place in 0..<batch.count {
            let guess = batch.guesses[place]
            if guess >= 0 {
                cells[guess].add(batch.cells[place])
            } else if !add(batch.cells[place]) {
                batch.cells[refused] = batch.cells[place]
                refused += 1
            }
        }
        batch.count = refused
    }

    /// Kept out of the way of what is nearly always already there.
    @inline(never)
    private mutating func insert(_ cell: Cell, _ hash: UInt64) -> Bool {
        if cells.count >= limit { return false }
        index.insert(hash, entry: cells.count) { Self.hash(cells[$0]) }
        cells.append(cell)
        return true
    }

    package mutating func removeAll() {
        cells.removeAll(keepingCapacity: true)
        index.removeAll()
    }

    @inline(__always)
    fileprivate static func hash(_ cell: Cell) -> UInt64 {
        mixed(
            UInt64(cell.stack.index) << 32 | UInt64(UInt32(bitPattern: cell.thread)),
            UInt64(cell.generation.number) << 32 | UInt64(cell.event) << 16 | UInt64(cell.cpu))
    }
}

/// A few cells on their way into a table.
package struct CellBatch: ~Copyable {
    /// Enough that their loads overlap: no processor has more of them under way.
    private static var size: Int { 32 }

    fileprivate var cells: [32 of Cell]
    fileprivate var hashes = [32 of UInt64](repeating: 0)
    /// Numbers of entries that may be those of the cells.
    fileprivate var guesses = [32 of Int](repeating: -1)
    package fileprivate(set) var count = 0

    package init() {
        cells = .init(
            repeating: Cell(
                event: 0, cpu: 0, generation: .idle, thread: 0, stack: StackID(0), count: 0, period: 0))
    }

    package var isFull: Bool { count == Self.size }

    /// Takes out those that are in it, one after the other.
    mutating func takeEach(_ visit: (Cell) -> Void) {
        for place in 0..<count { visit(cells[place]) }
        count = 0
    }

    /// Adds one more; there must be room.
    @inline(__always)
    package mutating func append(_ cell: Cell) {
        cells[count] = cell
        hashes[count] = CellTable.hash(cell)
        count += 1
    }
}

extension Cell {
    @inline(__always)
    fileprivate func hasKey(of other: Cell) -> Bool {
        stack == other.stack && thread == other.thread && generation == other.generation && cpu == other.cpu
            && event == other.event
    }

    @inline(__always)
    fileprivate mutating func add(_ other: Cell) {
        count &+= other.count
        period = period.addingSaturating(other.period)
    }
}
