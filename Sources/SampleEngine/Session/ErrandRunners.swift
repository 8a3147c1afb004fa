/// Runs errands on threads of their own and collects what they find; whoever gives them never waits.
///
/// Each lane has one thread, which ends when nothing is left to do. Where an errand takes long the next one gets another
/// thread: so what takes minutes, or for ever, stands in nobody's way.
///
///     queue of a lane  ─► thread ── errand ── errand ──►          more than 200 ms at one errand:
///                      ─► thread ── errand ────────────────────►  the next one gets a thread of its own
final class ErrandRunners: Sendable {
    private let state = Guarded(State())
    private let findings = Guarded<[Errand.Findings]>([])
    private let share = ReadingPermit.Share()
    private let bell: Bell

    private struct State {
        var queues: [[Errand]] = Errand.Lane.allCases.map { _ in [] }
        /// When each thread began its errand.
        var running: [[UInt64: Instant]] = Errand.Lane.allCases.map { _ in [:] }
        var nextThread: UInt64 = 0
    }

    /// Most threads of one lane: so many errands may be left behind.
    private static let threadLimit = 4
    private static let longest: UInt64 = 5_000_000_000
    /// Nanoseconds that others wait for an errand.
    private static let patience: UInt64 = 200_000_000

    /// - Parameter bell: rung when something was found.
    init(bell: Bell) { self.bell = bell }

    /// Has them run, in this order within each lane.
    func submit(_ errands: [Errand]) {
        if errands.isEmpty { return }
        state.withLock { state in for errand in errands { state.queues[errand.lane.rawValue].append(errand) } }
        relieve()
    }

    /// Starts threads for what has waited for another errand long enough.
    ///
    /// - Returns: true while something waits, so that it must be called again.
    @discardableResult
    func relieve() -> Bool {
        var isWaiting = false
        for lane in Errand.Lane.allCases {
            let thread = state.withLock { state -> UInt64? in
                if state.queues[lane.rawValue].isEmpty { return nil }
                isWaiting = true
                let running = state.running[lane.rawValue]
                let now = Instant.now
                // One at work for long does not keep others from a thread, up to a bound that nothing honest meets.
                let busy = running.values.count { now.nanoseconds(since: $0) < Self.longest }
                guard busy < Self.threadLimit, running.count < 4 * Self.threadLimit,
                    running.values.allSatisfy({ now.nanoseconds(since: $0) > Self.patience })
                else { return nil }
                state.nextThread += 1
                state.running[lane.rawValue][state.nextThread] = now
                return state.nextThread
            }
            if let thread { start(thread, in: lane) }
        }
        return isWaiting
    }

    /// What was found since the last call.
    func takeFindings() -> [Errand.Findings] {
        findings.withLock { found in
            defer { found = [] }
            return found
        }
    }

    /// Nobody wants to know any more: what can be stopped stops, what cannot is left behind.
    func stop() {
        share.stop()
        state.withLock { state in for lane in state.queues.indices { state.queues[lane] = [] } }
    }

    private func start(_ thread: UInt64, in lane: Errand.Lane) {
        do throws(EngineError) {
            // Demanglers need a deep stack.
            try EngineThread(name: lane == .reading ? "reader" : "asker", stackSize: 8 << 20) {
                self.run(thread, in: lane)
            }.detach()
        } catch {
            // Tried again with the next relief.
            state.withLock { $0.running[lane.rawValue][thread] = nil }
        }
    }

    private func run(_ thread: UInt64, in lane: Errand.Lane) {
        let permit = ReadingPermit(share)
        while let errand = next(lane, for: thread) {
            let begun = Instant.now
            let found = errand.run(permit)
            findings.withLock { $0.append(found) }
            bell.ring()
            // Another thread may have taken its place.
            if Instant.now.nanoseconds(since: begun) > Self.patience { break }
        }
        state.withLock { $0.running[lane.rawValue][thread] = nil }
        relieve()
    }

    private func next(_ lane: Errand.Lane, for thread: UInt64) -> Errand? {
        if share.isStopped { return nil }
        return state.withLock { state in
            guard !state.queues[lane.rawValue].isEmpty else {
                // In the same breath, or what is submitted now would wait for a thread that goes.
                state.running[lane.rawValue][thread] = nil
                return nil
            }
            state.running[lane.rawValue][thread] = .now
            return state.queues[lane.rawValue].removeFirst()
        }
    }
}
