internal import Glibc

/// Finds processes of one user that nothing tells of: they have come since the last look, and not from a process whose
/// counters they inherit (a login, a service that starts as somebody else).
///
/// One look lists `/proc` and asks only about processes it has not seen before: about 1 µs for each process there is,
/// 10 µs for each new one.
package struct ProcessScan: ~Copyable {
    private let user: UInt32
    private let proc: ProcReader
    /// Processes that are followed, by pid, and since when.
    private var followed: [Int32: Instant] = [:]
    /// Processes of others, and how often they were asked for their user: a login is root's for a moment.
    private var strangers: [Int32: Int] = [:]
    private var looks = 0

    /// - Parameter followed: processes that had counters before the first look.
    package init(user: UInt32, followed: Set<Int32>, since: Instant, proc: ProcReader = ProcReader()) {
        self.user = user
        self.proc = proc
        for pid in followed { self.followed[pid] = since }
    }

    /// What has come since the last look; it counts as followed from now on.
    package mutating func look(now: Instant) -> [Int32] {
        let present = Set(proc.processes())
        followed = followed.filter { present.contains($0.key) }
        strangers = strangers.filter { present.contains($0.key) }
        looks += 1
        var newcomers: [Int32] = []
        for pid in present.sorted() where followed[pid] == nil && pid != getpid() {
            // One that was a stranger three times may become ours still (sudo -u from a shell of root's): now and then.
            let asked = strangers[pid] ?? 0
            if asked >= 3, looks % 16 != 0 { continue }
            guard proc.user(of: pid) == user else {
                strangers[pid] = asked + 1
                continue
            }
            strangers[pid] = nil
            if !inherits(pid) { newcomers.append(pid) }
            followed[pid] = now
        }
        return newcomers
    }

    /// Whether it was forked from a followed process after that had its counters, and so has them too.
    private func inherits(_ pid: Int32) -> Bool {
        guard let parent = proc.parent(of: pid), let since = followed[parent], let started = proc.startTime(of: pid)
        else { return false }
        // Start times are told in steps of 10 ms. Where in doubt it gets counters of its own and is counted once.
        return started >= since.nanoseconds.addingSaturating(10_000_000)
    }
}
