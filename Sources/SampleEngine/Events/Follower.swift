internal import CLinuxShims
internal import Glibc

/// How processes of a user that start later get the same counters as those there were at the start.
package struct Follower: Sendable {
    package let user: UInt32
    private var set: CounterSet
    /// Threads that have counters already.
    package let known: Set<Int32>

    init(user: UInt32, set: CounterSet, known: Set<Int32>) {
        self.user = user
        self.set = set
        self.known = known
    }

    /// Why a process is not followed.
    package enum Failure: Error, Sendable {
        /// It has ended, or has more rights than we have.
        case notOurs
        /// This process may not open more files.
        case tooManyFiles
    }

    /// Opens counters for all of a process's threads, not enabled yet.
    ///
    /// - Parameter first: what was opened for the session: the new ones write into the same rings.
    package mutating func open(_ pid: Int32, beside first: [CPUCounters]) throws(Failure) -> [CPUCounters] {
        // Names need files too, in the future of a long session as at its start.
        let reserve = EventOpener.reservedDescriptors()
        defer { for fd in reserve { close(fd) } }
        var opened = first.map { CPUCounters(cpu: $0.cpu) }
        var seen: Set<Int32> = []
        // Threads made meanwhile by one that had no counter yet have none either: until none is new, as at the start.
        for _ in 0..<20 {
            let threads = EventOpener.threads(of: pid).filter { !seen.contains($0) }
            if threads.isEmpty { break }
            seen.formUnion(threads)
            for thread in threads {
                do throws(OpenFailure) {
                    try set.open(for: thread, into: &opened)
                } catch {
                    if error.errno == .tooManyFiles || error.errno == .tooManyFilesInSystem { throw .tooManyFiles }
                }
            }
        }
        if opened.allSatisfy(\.samples.isEmpty) { throw .notOurs }
        for (new, old) in zip(opened, first) {
            do throws(Errno) {
                if let owner = old.samples.first { try new.samples.redirect(to: owner) }
                if let owner = old.sideBand.first { try new.sideBand.redirect(to: owner) }
            } catch {
                throw .notOurs
            }
        }
        return opened
    }
}
