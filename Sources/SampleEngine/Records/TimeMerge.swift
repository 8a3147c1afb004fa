/// Merges sources that are each in order of time: a heap of what every source has next.
///
/// Whoever comes first is handed out with the time up to which it stays first, so that a long run of one source costs
/// one step of the heap:
///
///     A  1 2 3     9          → A up to 4, B up to 9, A
///     B        4 5
package struct TimeMerge: Sendable {
    /// A source, and the time of the next one's first record: up to there its records come first.
    package struct Run: Equatable, Sendable {
        package let source: Int
        /// Time of its first record.
        package let time: UInt64
        package let limit: UInt64
    }

    private var heap: [(time: UInt64, source: Int)] = []

    package init() {}

    /// Says that a source's next record is of this time.
    package mutating func insert(time: UInt64, source: Int) {
        heap.append((time, source))
        var child = heap.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out the source whose next record is the earliest; nil where none is left.
    package mutating func next() -> Run? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return Run(source: first.source, time: first.time, limit: heap.first?.time ?? .max)
    }

    /// Forgets what every source has next; room for as many is kept.
    package mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

    private mutating func sink() {
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < heap.count else { return }
            let child = left + 1 < heap.count && precedes(left + 1, left) ? left + 1 : left
            if !precedes(child, parent) { return }
            heap.swapAt(child, parent)
            parent = child
        }
    }

    private func precedes(_ one: Int, _ other: Int) -> Bool {
        (heap[one].time, heap[one].source) < (heap[other].time, heap[other].source)
    }
}
