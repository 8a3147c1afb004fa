/// Keeps threads from being counted twice.
///
/// A thread that appears while counters are opened gets counters of its own, and may have inherited others from the
/// thread that made it; then both count it, and all that it makes. Each thread is counted by the counters of one
/// owner: the one its first sample came from.
package struct SampleOwners: ~Copyable {
    /// Nil where the thread is another one by now, of which no sample has come.
    private var owners: [(thread: Int32, owner: Int32?)] = []
    private var index = HashIndex()

    package init() {}

    /// A thread begins: whatever had its number before was another.
    package mutating func forget(_ thread: Int32) {
        if let known = find(thread) { owners[known].owner = nil }
    }

    private func find(_ thread: Int32) -> Int? {
        index.find(Self.hash(thread)) { owners[$0].thread == thread }
    }

    /// Whether a thread's sample by a counter that was opened for `owner` counts.
    package mutating func accepts(_ thread: Int32, from owner: Int32?) -> Bool {
        guard let owner else { return true }
        if let known = find(thread) {
            if owners[known].owner == nil { owners[known].owner = owner }
            return owners[known].owner == owner
        }
        // A thread id that is used again may have another owner; forgetting all is a few samples counted twice.
        if owners.count >= 65_536 {
            owners.removeAll(keepingCapacity: true)
            index.removeAll()
        }
        index.insert(Self.hash(thread), entry: owners.count) { Self.hash(owners[$0].thread) }
        owners.append((thread, owner))
        return true
    }

    private static func hash(_ thread: Int32) -> UInt64 { mixed(UInt64(UInt32(bitPattern: thread))) }
}
