/// From the kernel's id in a record to the event's place in the session's list.
package struct EventIDs: ~Copyable {
    private var ids: [(id: UInt64, event: Int, owner: Int32?)] = []
    private var index = HashIndex()

    package init() {}

    /// Adds an id; one that is known stays what it is.
    ///
    /// - Parameter owner: the thread it was opened for; what inherits it reports the same id.
    package mutating func insert(_ id: UInt64, event: Int, owner: Int32? = nil) {
        if index.find(Self.hash(id), where: { ids[$0].id == id }) != nil { return }
        index.insert(Self.hash(id), entry: ids.count) { Self.hash(ids[$0].id) }
        ids.append((id, event, owner))
    }

    /// Nil for an id that is none of ours.
    @inline(__always)
    package func find(_ id: UInt64) -> (event: Int, owner: Int32?)? {
        guard let entry = index.find(Self.hash(id), where: { ids[$0].id == id }) else { return nil }
        return (ids[entry].event, ids[entry].owner)
    }

    /// The kernel counts its ids up, and nobody chooses those of ours: one multiplication keeps them apart. Its upper half
    /// comes down, for the ids of one ring are as far apart as counters were opened between them: often a power of two.
    @inline(__always)
    package static func hash(_ id: UInt64) -> UInt64 {
        let spread = id &* 0x9e37_79b9_7f4a_7c15
        return spread ^ spread >> 32
    }
}
