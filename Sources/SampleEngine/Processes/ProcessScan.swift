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
    /// Ours, but not to be followed: they have more rights than we have.
    private var refused: Set<Int32> = []
    /// Processes of others, and how often they were asked for their user: a login is root's for a moment.
    private var strangers: [Int32: Int] = [:]
    private var looks = 0

    /// - Parameter followed: processes that had counters before the first look.
    package init(user: UInt32, followed: Set<Int32>, since: Instant, proc: ProcReader = ProcReader()) {
        self.user = user
        self.proc = proc
        for pid in followed { self.followed[pid] = since }
    }

    /// What has come since the last look and is in need of counters: say of each what became of it.
    package mutating func look() -> [Int32] {
        let present = Set(proc.processes())
        followed = followed.filter { present.contains($0.key) }
        strangers = strangers.filter { present.contains($0.key) }
        refused.formIntersection(present)
        looks += 1
        var newcomers: [Int32] = []
        for pid in present.sorted() where followed[pid] == nil && !refused.contains(pid) && pid != getpid() {
            // One that was a stranger three times may become ours still (sudo -u from a shell of root's): now and then.
            let asked = strangers[pid] ?? 0
            if asked >= 3, looks % 16 != 0 { continue }
            guard proc.user(of: pid) == user else {
                strangers[pid] = asked + 1
                continue
            }
            strangers[pid] = nil
            if let since = inherits(pid) { follow(pid, since: since) } else { newcomers.append(pid) }
        }
        return newcomers
    }

    /// It has counters: what it forks from now on inherits them.
    package mutating func follow(_ pid: Int32, since now: Instant) { followed[pid] = now }

    /// It cannot have counters; what it forks is looked at for itself.
    package mutating func refuse(_ pid: Int32) { refused.insert(pid) }

    /// Since when the process it was forked from has had counters, where it was forked after that, and so has them too.
    private func inherits(_ pid: Int32) -> Instant? {
        guard let parent = proc.parent(of: pid), let since = followed[parent], let started = proc.startTime(of: pid)
        else { return nil }
        // Start times are told in steps of 10 ms. Where in doubt it gets counters of its own and is counted once.
        return started >= since.nanoseconds.addingSaturating(10_000_000) ? since : nil
    }
}
