internal import Glibc

/// Counters that were opened while the session runs, on their way to the sampler.
package struct Followed: Sendable {
    /// They write into the rings of their CPUs and are not enabled yet.
    var counters: [CPUCounters] = []
    /// Something the user must be told; nil where all is well.
    var note: String?
}

/// The scanner thread, only there where one user's processes are followed without the right to sample whole CPUs:
/// looks once a second for processes that have come and gives them counters. It owns nothing that others wait for.
struct FollowStage: ~Copyable {
    private var follower: Follower
    private var scan: ProcessScan
    private let cpus: [CPUCounters]
    private let followed: Mailbox<Followed>
    private let samplerBell: Int32
    private let bell: Bell
    private let stop: StopFlag

    init(
        _ follower: Follower, beside counters: OpenCounters, since start: Instant, followed: Mailbox<Followed>,
        samplerBell: Int32, bell: Bell, stop: StopFlag
    ) {
        self.follower = follower
        scan = ProcessScan(user: follower.user, followed: follower.known, since: start)
        cpus = counters.cpus
        self.followed = followed
        self.samplerBell = samplerBell
        self.bell = bell
        self.stop = stop
    }

    mutating func run() {
        while true {
            bell.wait(milliseconds: 1000)
            if stop.isSet { return }
            var news = Followed()
            for pid in scan.look() {
                do throws(Follower.Failure) {
                    news.counters += try follower.open(pid, beside: cpus)
                    scan.follow(pid, since: .now)
                } catch {
                    switch error {
                    case .notOurs: scan.refuse(pid)
                    case .tooManyFiles:
                        // Asked again at the next look: others may have ended by then.
                        news.note = "some of your processes are left out: the open-files limit is reached (ulimit -n)"
                    }
                }
            }
            if news.counters.isEmpty, news.note == nil { continue }
            if let waiting = followed.take() {
                news.counters += waiting.counters
                news.note = news.note ?? waiting.note
            }
            followed.put(news)
            Bell.ring(samplerBell)
        }
    }
}
