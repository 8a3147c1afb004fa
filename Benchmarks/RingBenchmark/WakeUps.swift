import Glibc
import SampleEngine

/// What one wake-up costs with so many rings, of which so many are ready.
struct WakeUps {
    let total: Int
    let ready: Int
    /// Of one pass with ten records in each ready ring.
    let pass: Double
    /// Of learning which rings are ready: epoll_wait(2) and, for each, silencing its bell.
    let wait: Double
    let allocations: UInt64
    let isComplete: Bool

    static let records = 10
    static let readyCounts = [1, 8, 64]

    /// Measures one wake-up for each number of ready rings.
    static func run(total: Int, _ extent: Extent) throws -> [WakeUps] {
        let rig = try Rig(rings: total, pages: 4, watermark: records * Sample.size)
        var random = Randomness(seed: 2)
        // Each of the two slices has met every ring, whose events are its own, and so has a cell for each place.
        let warm = 4 * total
        var time: UInt64 = 1_000_000_000
        return readyCounts.filter { $0 <= total }.map { ready in
            var passes: [UInt64] = []
            var waits: [UInt64] = []
            var (allocations, tally) = (0 as UInt64, Tally())
            for turn in 0..<warm + extent.wakeups {
                // Twice, for there are two slices.
                if turn == warm / 2 || turn == warm {
                    rig.passAll()
                    rig.handOver()
                    rig.takeSlice(&tally)
                    tally = Tally()
                }
                for index in 0..<ready {
                    // Not the same ones each time.
                    let writer = rig.sampleWriters[(turn + index * total / ready) % total]
                    for _ in 0..<records {
                        time += 300
                        // Few places: it is the wake-up that counts here.
                        let sample = Sample(address: 64 * UInt64(random.below(4)), pid: 1000, thread: 1000)
                        guard sample.write(writer, time: time) else {
                            fatalError("a ring is full")
                        }
                    }
                }
                var (wait, pass) = (Cost(), Cost())
                wait.measure { rig.wait() }
                pass.measure { rig.pass() }
                if turn < warm { continue }
                waits.append(wait.nanoseconds)
                passes.append(pass.nanoseconds)
                allocations &+= wait.allocations &+ pass.allocations
            }
            rig.passAll()
            rig.handOver()
            rig.takeSlice(&tally)
            return WakeUps(
                total: total, ready: ready, pass: median(passes), wait: median(waits), allocations: allocations,
                isComplete: tally.samples == UInt64(extent.wakeups * ready * records))
        }
    }

    private static func median(_ values: [UInt64]) -> Double { Double(values.sorted()[values.count / 2]) }

    /// Descriptors that so many rings of each kind need, or a reason why there cannot be so many.
    static func refusal(total: Int) -> String? {
        var limits = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        let needed = rlim_t(total * 8 + 64)
        if limits.rlim_cur >= needed { return nil }
        let hard = limits.rlim_max
        limits.rlim_cur = min(needed, hard)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        return hard >= needed ? nil : "\(total) rings need \(needed) descriptors, allowed are \(hard)"
    }
}
