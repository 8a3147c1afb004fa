/// A frame in a table of stacks: its place and, for all but the outermost, the stack that called it.
package struct StackEntry: Hashable, Sendable {
    package let location: Location
    package let caller: StackID?

    package init(location: Location, caller: StackID? = nil) {
        self.location = location
        self.caller = caller
    }
}

/// Gives each stack a number, callers shared: a stack is its innermost frame and the number of the rest.
package struct StackTable: ~Copyable {
    package private(set) var entries: [StackEntry] = []
    private var index = HashIndex(capacity: 1024)
    private let limit: Int

    /// - Parameter limit: most different frames; `intern` refuses more.
    package init(limit: Int) { self.limit = limit }

    /// The stack's number; nil where it is new and the table is full.
    @inline(__always)
    package mutating func intern(_ location: Location, caller: StackID? = nil) -> StackID? {
        let entry = StackEntry(location: location, caller: caller)
        let hash = Self.hash(entry)
        if let known = index.find(hash, where: { entries[$0] == entry }) { return StackID(UInt32(known)) }
        if entries.count >= limit { return nil }
        index.insert(hash, entry: entries.count) { Self.hash(entries[$0]) }
        entries.append(entry)
        return StackID(UInt32(entries.count - 1))
    }

    package mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        index.removeAll()
    }

    @inline(__always)
    private static func hash(_ entry: StackEntry) -> UInt64 {
        let caller = entry.caller.map { UInt64($0.index) + 1 } ?? 0
        return mixed(entry.location.value, UInt64(entry.location.space.number) << 32 | caller)
    }
}
