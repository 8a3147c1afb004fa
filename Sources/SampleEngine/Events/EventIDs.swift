/// From the kernel's id in a record to the event's place in the session's list.
package struct EventIDs: ~Copyable {
    private var ids: [(id: UInt64, event: Int, owner: Int32?)] = []
    private var index = HashIndex()

    package init() {}

    /// Adds an id; one that is known stays what it is.
    ///
    /// - Parameter owner: the thread it was opened for; what inherits it reports the same id.
    package mutating func insert(_ id: UInt64, event: Int, owner: Int32? = nil) {
        if index.find(mixed(id), where: { ids[$0].id == id }) != nil { return }
        index.insert(mixed(id), entry: ids.count) { mixed(ids[$0].id) }
        ids.append((id, event, owner))
    }

    /// Nil for an id that is none of ours.
    @inline(__always)
    package func find(_ id: UInt64) -> (event: Int, owner: Int32?)? {
        guard let entry = index.find(mixed(id), where: { ids[$0].id == id }) else { return nil }
        return (ids[entry].event, ids[entry].owner)
    }
}
