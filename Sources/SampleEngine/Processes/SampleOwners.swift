/// Keeps threads from being counted twice.
///
/// A thread that appears while counters are opened gets counters of its own, and may have inherited others from the
/// thread that made it; then both count it, and all that it makes. Each thread is counted by the counters of one
/// owner: the one its first sample came from.
package struct SampleOwners: ~Copyable {
    private var owners: [Int32: Int32] = [:]

    package init() {}

    /// A thread begins: whatever had its number before was another.
    package mutating func forget(_ thread: Int32) { owners[thread] = nil }

    /// Whether a thread's sample by a counter that was opened for `owner` counts.
    package mutating func accepts(_ thread: Int32, from owner: Int32?) -> Bool {
        guard let owner else { return true }
        if let known = owners[thread] { return known == owner }
        // A thread id that is used again may have another owner; forgetting all is a few samples counted twice.
        if owners.count >= 65_536 { owners.removeAll(keepingCapacity: true) }
        owners[thread] = owner
        return true
    }
}
