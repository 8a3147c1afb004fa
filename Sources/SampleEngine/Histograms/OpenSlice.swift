/// The slice that is being counted into, with all that the resolver must hear beside the counts.
///
/// Two of these exist: the sampler fills one while the resolver reads the other, and they are exchanged at a tick.
/// Where the resolver is not done, the sampler goes on with its own: the slice grows longer, nothing is lost and
/// nothing queues up.
package struct OpenSlice: ~Copyable, Sendable {
    package var cells: CellTable
    private var batch = CellBatch()
    package var stacks: StackTable
    package var processes: [ProcessSighting] = []
    package var images: [ImageSighting] = []
    /// Code that the kernel made or gave up, in the order it did.
    package private(set) var kernelCode: [KernelCode] = []
    package var rings: [RingFigures] = []
    /// What each event has counted, by read(2) and not by samples; nil where that is not known.
    package var counted: [UInt64]?
    /// Events that are sampled more seldom than at the start, with their period at the end.
    package var raised: [Int: UInt64] = [:]
    package var start: Instant = .beginning
    package var end: Instant = .beginning
    /// When it was given to the resolver, by our own clock.
    package var handedOver: Instant = .beginning
    package var samples: UInt64 = 0
    /// Samples counted under `[other]` because a table was full.
    package var folded: UInt64 = 0
    /// What came up that the user must be told, once.
    package var notes: [String] = []
    /// No more samples can come: the target is gone, or the session was stopped.
    package var isLast = false
    /// More of the same picture follows.
    package var isPart = false
    /// The last counter died with its process.
    package var targetExited = false

    /// - Parameter limit: most cells, and most frames, of one slice. The default holds 10,000 places in eight threads by
    ///   two events; cells and their index are 10 MB then.
    package init(limit: Int = 3 << 16) {
        // Kept free: one frame that stands for all that did not fit, and one cell of it for each process.
        cells = CellTable(limit: limit)
        stacks = StackTable(limit: limit)
    }

    /// Counts one sample; it is in its cell once `settle` was called.
    @inline(__always)
    package mutating func count(
        event: UInt16, cpu: UInt16, generation: Generation, thread: Int32, location: Location, period: UInt64
    ) {
        samples &+= 1
        guard let stack = stacks.intern(location) else {
            folded &+= 1
            return overflow.add(event: event, generation: generation, period: period)
        }
        batch.append(
            Cell(
                event: event, cpu: cpu, generation: generation, thread: thread, stack: stack, count: 1, period: period))
        if batch.isFull { settle() }
    }

    /// Keeps what the kernel told of its own code; of a flood the latest.
    package mutating func note(_ code: KernelCode) {
        if kernelCode.count >= Self.kernelCodeLimit { kernelCode.removeFirst(Self.kernelCodeLimit / 2) }
        kernelCode.append(code)
    }

    private static var kernelCodeLimit: Int { 8192 }

    /// Brings what was counted into its cells; before anyone looks at them.
    @inline(never)
    package mutating func settle() {
        cells.add(&batch)
        if batch.count == 0 { return }
        folded &+= UInt64(batch.count)
        batch.takeEach { overflow.add(event: $0.event, generation: $0.generation, period: $0.period) }
    }

    /// Counts what a sibling of the sampled event has counted; there is no more of it than of samples.
    package mutating func countSibling(
        event: UInt16, cpu: UInt16, generation: Generation, thread: Int32, location: Location, period: UInt64
    ) {
        if let stack = stacks.intern(location),
            cells.add(
                Cell(
                    event: event, cpu: cpu, generation: generation, thread: thread, stack: stack, count: 1,
                    period: period))
        {
            return
        }
        overflow.add(event: event, generation: generation, period: period)
    }

    /// Counts what was counted on a CPU, nobody can tell for which task.
    package mutating func countOfOtherTasks(event: UInt16, cpu: UInt16, period: UInt64) {
        countSibling(
            event: event, cpu: cpu, generation: .otherTasks, thread: 0,
            location: Location(space: .otherTasks, value: 0), period: period)
    }

    /// What did not fit, by event and process.
    package private(set) var overflow = Overflow()

    package struct Overflow: Sendable {
        package private(set) var cells: [Cell] = []

        mutating func add(event: UInt16, generation: Generation, period: UInt64) {
            // Beyond so many processes the event's last one takes all: the counts stay right, the name does not.
            var place = cells.firstIndex { $0.event == event && $0.generation == generation } ?? cells.count
            if place == cells.count, cells.count >= 1024 {
                place = cells.lastIndex { $0.event == event } ?? cells.count
            }
            if place == cells.count {
                cells.append(
                    Cell(
                        event: event, cpu: 0, generation: generation, thread: 0, stack: StackID(0), count: 0, period: 0)
                )
            }
            cells[place].count &+= 1
            cells[place].period = cells[place].period.addingSaturating(period)
        }

        mutating func removeAll() { cells.removeAll(keepingCapacity: true) }
    }

    /// Makes it empty again, its memory kept.
    package mutating func reset() {
        cells.removeAll()
        stacks.removeAll()
        overflow.removeAll()
        processes.removeAll(keepingCapacity: true)
        images.removeAll(keepingCapacity: true)
        kernelCode.removeAll()
        rings.removeAll(keepingCapacity: true)
        counted = nil
        notes.removeAll(keepingCapacity: true)
        samples = 0
        folded = 0
        isLast = false
        isPart = false
        targetExited = false
    }
}
