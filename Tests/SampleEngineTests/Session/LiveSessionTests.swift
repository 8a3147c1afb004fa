import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

/// Needs perf events and a C compiler; where either is missing these are skipped, and the reason is printed.
@Suite(
    "Session on the real kernel", .serialized, .timeLimit(.minutes(1)),
    .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)),
    .enabled(if: isInstalled("gcc"), "there is no C compiler (gcc) to build the sampled program with"))
struct LiveSessionTests {
    /// Runs a session over a program until its profiles satisfy a condition, or 50 seconds are over.
    private func sample(
        _ program: RunningProgram, pace: Pace, until isEnough: ([Profile]) -> Bool
    ) throws -> [Profile] {
        var sampling = Sampling(target: Target(.processes([program.pid])))
        sampling.events = [try EventGroup.parse("cpu-clock:u")[0]]
        let session = try Session(sampling, pace: pace)
        var profiles: [Profile] = []
        let end = Instant.now.advanced(byNanoseconds: 50_000_000_000)
        while !isEnough(profiles), Instant.now < end {
            var request = pollfd(fd: session.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&request, 1, 1000)
            if let profile = session.takeLatest() { profiles.append(profile) }
        }
        if let last = session.stop() { profiles.append(last) }
        return profiles
    }

    private func samples(_ profiles: [Profile], of function: String) -> UInt64 {
        profiles.reduce(0) { sum, profile in
            sum
                + profile.table(by: [.function]).rows.filter { $0.function == function }.reduce(0) {
                    $0 + $1.selfSamples
                }
        }
    }

    private func samples(_ profiles: [Profile]) -> UInt64 { profiles.reduce(0) { $0 + $1.table(by: []).samples } }

    @Test("A spinning process: nearly every sample is in the function that spins")
    func spinning() throws {
        let program = try RunningProgram("spin.c")
        // Batch: each profile has its own samples, so the sums count every sample once.
        let profiles = try sample(program, pace: Pace(delay: 100_000_000, window: nil)) { samples($0) >= 1000 }
        let all = samples(profiles)
        #expect(all >= 1000)
        #expect(Double(samples(profiles, of: "spin_here")) >= 0.95 * Double(all))
        #expect(profiles.last?.health.lost == 0)
        let row = try #require(profiles.last { samples([$0]) > 0 }?.table(by: [.function, .process]).rows.first)
        #expect(row.process == RunningProgram.name)
        #expect(row.pid == program.pid)
        #expect(row.module == RunningProgram.name || row.modulePath.hasSuffix(row.module))
        #expect(zip(profiles, profiles.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
    }

    @Test("Children that fork, exec and exit in turn: their samples find the function, dead or alive")
    func forkAndExec() throws {
        let program = try RunningProgram("spin.c", arguments: ["forks"])
        let profiles = try sample(program, pace: Pace(delay: 200_000_000, window: nil)) {
            samples($0, of: "spin_in_child") >= 1000
        }
        #expect(samples(profiles, of: "spin_in_child") >= 1000)
        #expect(samples(profiles, of: "spin_here") == 0)
        let unknown = samples(profiles, of: "[unknown]")
        #expect(Double(unknown) <= 0.05 * Double(samples(profiles)), "the dead keep their names")
        var children: Set<Int32> = []
        for profile in profiles {
            for row in profile.table(by: [.pid, .function]).rows where row.function == "spin_in_child" {
                if let pid = row.pid { children.insert(pid) }
            }
        }
        #expect(children.count >= 2)
        #expect(!children.contains(program.pid))
    }

    @Test("A live window shows the first picture with samples, and the session ends when its target does")
    func liveWindow() throws {
        var program: RunningProgram? = try RunningProgram("spin.c")
        let pid = try #require(program?.pid)
        var sampling = Sampling(target: Target(.processes([pid])))
        sampling.events = [try EventGroup.parse("cpu-clock:u")[0]]
        let session = try Session(sampling, pace: Pace(delay: 2_000_000_000, window: 10_000_000_000))
        let begun = Instant.now
        var first: Profile?
        var last: Profile?
        while Instant.now.nanoseconds(since: begun) < 20_000_000_000, last?.state != .exited {
            var request = pollfd(fd: session.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&request, 1, 1000)
            guard let profile = session.takeLatest() else { continue }
            last = profile
            if first == nil, samples([profile]) > 0 {
                first = profile
                program = nil
            }
        }
        #expect(last?.state == .exited)
        // By the session's own clock, whenever this thread came to look.
        let slices = try #require(first).slices
        let (start, end) = (try #require(slices.first).start, try #require(slices.last).end)
        #expect(end.nanoseconds(since: start) < 2_000_000_000, "sooner than a whole delay")
        _ = session.stop()
        #expect(session.stop() == nil, "the second time there is nothing left")
    }
}
