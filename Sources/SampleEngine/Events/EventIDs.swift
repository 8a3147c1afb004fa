/// From the kernel's id in a record to the event's place in the session's list.
package struct EventIDs: ~Copyable {
    private var ids: [(id: UInt64, event: Int)] = []
    private var index = HashIndex()
    private var last: (id: UInt64, event: Int) = (.max, 0)

    package init() {}

    package mutating func insert(_ id: UInt64, event: Int) {
        index.insert(mixed(id), entry: ids.count) { mixed(ids[$0].id) }
        ids.append((id, event))
    }

    /// Nil for an id that is none of ours.
    @inline(__always)
    package mutating func find(_ id: UInt64) -> Int? {
        if last.id == id { return last.event }
        guard let entry = index.find(mixed(id), where: { ids[$0].id == id }) else { return nil }
        last = ids[entry]
        return last.event
    }
}
