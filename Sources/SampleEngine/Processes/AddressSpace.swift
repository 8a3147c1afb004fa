/// One range of addresses and what is mapped there.
package struct Mapping: Equatable, Sendable {
    package var start: UInt64
    /// First address behind it.
    package var end: UInt64
    /// File offset of `start`.
    package var offset: UInt64
    package var space: SpaceID
    /// When it came, on the session's clock; 0 for what was there from the process's beginning.
    package var birth: UInt64

    package init(start: UInt64, end: UInt64, offset: UInt64, space: SpaceID, birth: UInt64) {
        self.start = start
        self.end = end
        self.offset = offset
        self.space = space
        self.birth = birth
    }

    /// The place of an address inside this mapping.
    @inline(__always)
    package func location(of address: UInt64) -> Location {
        space.owner != nil
            ? Location(space: space, value: address)
            : Location(space: space, value: address &- start &+ offset)
    }
}

/// What is mapped where in one generation, and until lately was.
///
/// Samples may be read after the records of what came later, so what was replaced stays findable by time:
///
///     address ▲   ┌────────── a.so ─────────┐┌──── b.so ───►      a sample at t₁ belongs to a.so,
///             │   birth        t₁      death = birth             although b.so is known already
///             └─────────────────────────────────────────► time
package struct AddressSpace: Sendable {
    /// Disjoint, by rising start.
    package private(set) var mappings: [Mapping] = []
    private var retired: [(mapping: Mapping, death: UInt64)] = []

    package init() {}

    /// Most mappings kept of one process. Each new one moves those behind it, and each sample at an unknown place looks
    /// through the retired ones: no process may make us slow.
    private static var limit: Int { 16_384 }
    private static var retiredLimit: Int { 2048 }

    /// The next one may not find room: what is not kept here would be told by /proc, and that of another time.
    package var isFull: Bool { mappings.count + 2 > Self.limit }

    /// Maps over whatever was there: the kernel replaces, so older mappings are cut or go.
    package mutating func insert(_ new: Mapping) {
        guard new.start < new.end else { return }
        let first = firstIndex(endingAfter: new.start)
        var last = first
        var pieces: [Mapping] = []
        while last < mappings.count, mappings[last].start < new.end {
            let old = mappings[last]
            if old.start < new.start {
                var left = old
                left.end = new.start
                pieces.append(left)
            }
            retire(old, at: new.birth)
            if old.end > new.end {
                var right = old
                right.offset = old.offset &+ (new.end &- old.start)
                right.start = new.end
                pieces.append(right)
            }
            last += 1
        }
        if pieces.isEmpty, last == first {
            if mappings.count < Self.limit { mappings.insert(new, at: first) }
        } else {
            let behind = pieces.firstIndex { $0.start > new.start } ?? pieces.count
            pieces.insert(new, at: behind)
            mappings.replaceSubrange(first..<last, with: pieces)
            if mappings.count > Self.limit { mappings.removeLast(mappings.count - Self.limit) }
        }
    }

    /// What was mapped at an address at a time; nil where no record tells.
    @inline(__always)
    package func find(_ address: UInt64, at time: UInt64) -> Mapping? {
        let index = firstIndex(endingAfter: address)
        if index < mappings.count, mappings[index].start <= address, mappings[index].birth <= time {
            return mappings[index]
        }
        if retired.isEmpty { return nil }
        return retired.last {
            $0.mapping.birth <= time && time < $0.death && $0.mapping.start <= address && address < $0.mapping.end
        }?
        .mapping
    }

    /// What a child that is forked now has: none of its samples is of what was replaced before.
    package var forked: AddressSpace {
        var child = self
        child.retired = []
        return child
    }

    /// Mappings kept, those that were replaced included.
    package var count: Int { mappings.count + retired.count }

    /// Forgets what ended before a time that no sample still to be read can have.
    ///
    /// - Returns: how many that were.
    @discardableResult
    package mutating func forget(before time: UInt64) -> Int {
        guard let first = retired.first, first.death < time else { return 0 }
        let before = retired.count
        // A new array: the old one would keep room for as many as there ever were.
        retired = retired.filter { $0.death >= time }
        return before - retired.count
    }

    private mutating func retire(_ old: Mapping, at death: UInt64) {
        if retired.count >= Self.retiredLimit { retired.removeFirst(Self.retiredLimit / 2) }
        retired.append((old, death))
    }

    /// Index of the first mapping that ends behind an address.
    @inline(__always)
    private func firstIndex(endingAfter address: UInt64) -> Int {
        var low = 0
        var count = mappings.count
        // Without a branch on what is found: half of the guesses at it would be wrong, and each costs more than a step.
        while count > 0 {
            let half = count >> 1
            let isBehind = mappings[low &+ half].end <= address
            low &+= isBehind ? half &+ 1 : 0
            count = isBehind ? count &- half &- 1 : half
        }
        return low
    }
}
