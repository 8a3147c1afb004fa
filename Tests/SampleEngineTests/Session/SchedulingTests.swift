import Glibc
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("Scheduling: what must be in time goes before ordinary threads, and nothing else does")
struct SchedulingTests {
    /// What the kernel says of a thread (proc_pid_stat(5): fields 40 and 41).
    private struct Sight: Equatable {
        var priority: Int32
        /// 0 ordinary, 2 SCHED_RR.
        var policy: Int32

        init(priority: Int32, policy: Int32) { (self.priority, self.policy) = (priority, policy) }

        /// - Parameter task: a folder in `/proc`. Its program's name has no blanks.
        init(of task: String = "thread-self") {
            let bytes = (try? fileBytes("/proc/\(task)/stat", limit: 4096)) ?? []
            let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
            priority = fields.count > 40 ? Int32(fields[39]) ?? -1 : -1
            policy = fields.count > 40 ? Int32(fields[40]) ?? -1 : -1
        }

        static let ordinary = Sight(priority: 0, policy: SCHED_OTHER)
    }

    /// What a thread of its own finds.
    private static func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) throws -> Result {
        let result = Guarded<Result?>(nil)
        try EngineThread(name: "scheduled", stackSize: 1 << 20) {
            let found = body()
            result.withLock { $0 = found }
        }.join()
        return try #require(result.withLock { $0 })
    }

    private static let isPermitted = (try? onThread { Scheduling.claim(1) }) == .realTime(1)
    private static let notPermitted: Comment = "real time needs CAP_SYS_NICE"

    @Test("It has the priority that was asked for, and rests behind its work", .enabled(if: isPermitted, notPermitted))
    func granted() throws {
        let (scheduling, sight, rests) = try Self.onThread {
            let scheduling = Scheduling.claim(7)
            return (scheduling, Sight(), [8_000_000, .max].map { Scheduling.rest(behind: $0) })
        }
        #expect(scheduling == .realTime(7))
        #expect(sight == Sight(priority: 7, policy: SCHED_RR))
        // As long as the work where others want the CPU, else an eighth; a second at the most.
        #expect([1_000_000, 8_000_000].contains(rests[0]))
        #expect([125_000_000, 1_000_000_000].contains(rests[1]))
    }

    @Test("A thread that is to be real time is so before it runs", .enabled(if: isPermitted, notPermitted))
    func born() throws {
        let sight = Guarded<Sight?>(nil)
        try EngineThread(name: "born", stackSize: 1 << 20, realTime: 5) { sight.withLock { $0 = Sight() } }.join()
        #expect(sight.withLock { $0 } == Sight(priority: 5, policy: SCHED_RR))
    }

    @Test("A thread begins as an ordinary one where it cannot be real time")
    func refusedAtBirth() throws {
        // More than there are: refused whoever asks.
        let ran = Guarded(false)
        try EngineThread(name: "born", stackSize: 1 << 20, realTime: 100) { ran.withLock { $0 = true } }.join()
        #expect(ran.withLock { $0 })
    }

    @Test("What was claimed is given up, and claimed for another thread", .enabled(if: isPermitted, notPermitted))
    func givenUp() throws {
        let (before, between, after) = try Self.onThread {
            let scheduling = Scheduling.claim(3)
            let before = Sight()
            scheduling.giveUp()
            let between = Sight()
            // Its first field (proc_pid_stat(5)).
            let stat = (try? fileBytes("/proc/thread-self/stat", limit: 64)) ?? []
            let own = Int32(String(decoding: stat, as: UTF8.self).prefix { $0 != " " }) ?? -1
            _ = try? Self.onThread { Scheduling.claim(4, for: own) }
            return (before, between, Sight())
        }
        #expect(before == Sight(priority: 3, policy: SCHED_RR))
        #expect(between == .ordinary)
        #expect(after == Sight(priority: 4, policy: SCHED_RR))
    }

    @Test("A permit has a real-time thread rest behind a millisecond of work", .enabled(if: isPermitted, notPermitted))
    func permit() throws {
        /// How often the thread went to sleep while it asked, behind 20 times a millisecond of its own time.
        func sleeps(_ wish: Int32) throws -> Int {
            try Self.onThread {
                Scheduling.claim(wish)
                let permit = ReadingPermit.unlimited
                func count() -> Int {
                    var usage = rusage()
                    // RUSAGE_THREAD, which the headers show to GNU programs only.
                    _ = unsafe getrusage(__rusage_who_t(1), &usage)
                    return usage.ru_nvcsw
                }
                let before = count()
                for _ in 0..<20 {
                    let begun = ownThreadNanoseconds()
                    while ownThreadNanoseconds() < begun + 1_100_000 {}
                    _ = permit.mayGoOn()
                }
                return count() - before
            }
        }
        #expect(try sleeps(1) >= 20)
        #expect(try sleeps(0) < 10)
    }

    @Test("What it starts is ordinary, a thread and a process", .enabled(if: isPermitted, notPermitted))
    func inherited() throws {
        let (claimed, thread, process) = try Self.onThread {
            let scheduling = Scheduling.claim(nil)
            let thread = try? Self.onThread { Sight() }
            let child = try? Child("/bin/sleep", ["60"], environment: [:], input: 0, output: 1, errors: 2)
            return (scheduling, thread, child.map { Sight(of: "\($0.pid)") })
        }
        #expect(claimed == .realTime(1))
        #expect(thread == .ordinary)
        #expect(process == .ordinary)
    }

    @Test("Nothing is asked for where it is not wanted; a nice value is a choice that is seen")
    func chosen() throws {
        #expect(try Self.onThread { Scheduling.claim(0) } == .ordinary(refusal: nil))
        let sees = try Self.onThread {
            _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, 3)
            return Scheduling.isChosen
        }
        #expect(sees)
        #expect(try Self.onThread { Sight() } == .ordinary)
    }

    @Test("An ordinary thread owes no rest")
    func ordinary() throws {
        #expect(try Self.onThread { Scheduling.rest(behind: .max) } == 0)
    }
}
