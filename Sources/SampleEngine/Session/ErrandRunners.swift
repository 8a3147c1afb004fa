/// Runs errands on threads of their own and collects what they find; whoever gives them never waits.
///
/// Each lane has one thread, which ends when nothing is left to do. Where an errand takes long the next one gets another
/// thread: so what takes minutes, or for ever, stands in nobody's way.
///
///     queue of a lane  ─► thread ── errand ── errand ──►          more than 200 ms at one errand:
///                      ─► thread ── errand ────────────────────►  the next one gets a thread of its own
///
/// Users take turns, and none gets more threads than `Errand.threads` says: whatever one of them has us do, the next
/// one waits for one errand of his, not for all.
final class ErrandRunners: Sendable {
    private let state = Guarded(State())
    private let findings = Guarded<[Errand.Findings]>([])
    private let share = ReadingPermit.Share()
    private let bell: Bell
    private let realTime: Int32?

    private struct State {
        var lanes = Errand.Lane.allCases.map { _ in Lane() }
        var nextThread: UInt64 = 0
    }

    private struct Lane {
        var queue: [Errand] = []
        /// What each thread is at, and since when.
        private var running: [UInt64: (begun: Instant, payer: Payer)] = [:]
        /// When each user had his last turn.
        private var turns: [Payer: UInt64] = [:]
        private var turn: UInt64 = 0

        /// The place in the queue of what may run beside all that is running: of the user who has waited for longest.
        func next(at now: Instant) -> Int? {
            let young = running.values.filter { now.nanoseconds(since: $0.begun) < Errand.longest }.map(\.payer)
            let allowed = queue.indices.filter {
                hasThread(for: queue[$0]) && !Errand.atWork.isUsedUp(for: queue[$0].payer ?? .nobody, by: young)
            }
            return allowed.min { lastTurn(of: queue[$0]) < lastTurn(of: queue[$1]) }
        }

        /// Whether something may run, now or as soon as what is running has got old.
        var isWaiting: Bool { queue.contains { hasThread(for: $0) } }

        private func hasThread(for errand: Errand) -> Bool {
            !Errand.threads.isUsedUp(for: errand.payer ?? .nobody, by: running.values.map(\.payer))
        }

        private func lastTurn(of errand: Errand) -> UInt64 { turns[errand.payer ?? .nobody] ?? 0 }

        /// Whether none is about to take the next errand.
        func isBusy(at now: Instant) -> Bool {
            running.values.allSatisfy { now.nanoseconds(since: $0.begun) > Errand.patience }
        }

        /// Has a thread begin the next errand.
        mutating func begin(on thread: UInt64, at now: Instant) -> Errand? {
            running[thread] = nil
            queue.removeAll { $0.progress.isWithdrawn }
            guard let next = next(at: now) else {
                if queue.isEmpty { turns = [:] }
                return nil
            }
            let errand = queue.remove(at: next)
            let payer = errand.payer ?? .nobody
            turn += 1
            turns[payer] = turn
            running[thread] = (now, payer)
            return errand
        }

        mutating func end(_ thread: UInt64) { running[thread] = nil }
    }

    /// - Parameters:
    ///   - bell: rung when something was found.
    ///   - realTime: the threads' priority, as `Scheduling.claim` takes it.
    init(bell: Bell, realTime: Int32? = 0) {
        self.bell = bell
        self.realTime = realTime
    }

    /// Has them run; those of one user in this order within each lane.
    func submit(_ errands: [Errand]) {
        if errands.isEmpty { return }
        state.withLock { state in for errand in errands { state.lanes[errand.lane.rawValue].queue.append(errand) } }
        relieve()
    }

    /// Starts threads for what has waited for another errand long enough.
    ///
    /// - Returns: true while something waits for a thread, so that it must be called again.
    @discardableResult
    func relieve() -> Bool {
        var isWaiting = false
        for lane in Errand.Lane.allCases {
            let begun = state.withLock { state -> (thread: UInt64, errand: Errand)? in
                guard state.lanes[lane.rawValue].isWaiting else { return nil }
                isWaiting = true
                let now = Instant.now
                guard state.lanes[lane.rawValue].isBusy(at: now) else { return nil }
                state.nextThread += 1
                let thread = state.nextThread
                return state.lanes[lane.rawValue].begin(on: thread, at: now).map { (thread, $0) }
            }
            if let begun { start(begun.thread, in: lane, with: begun.errand) }
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
        state.withLock { state in for lane in state.lanes.indices { state.lanes[lane].queue = [] } }
    }

    private func start(_ thread: UInt64, in lane: Errand.Lane, with errand: Errand) {
        do throws(EngineError) {
            // Demanglers need a deep stack.
            try EngineThread(name: lane.threadName, stackSize: 8 << 20, realTime: realTime) {
                self.run(thread, in: lane, errand)
            }.detach()
        } catch {
            // Tried again with the next relief.
            state.withLock { state in
                state.lanes[lane.rawValue].end(thread)
                state.lanes[lane.rawValue].queue.insert(errand, at: 0)
            }
        }
    }

    private func run(_ thread: UInt64, in lane: Errand.Lane, _ first: Errand) {
        Scheduling.claim(realTime)
        let permit = ReadingPermit(share)
        var errand: Errand? = first
        while let current = errand, !share.isStopped {
            let begun = Instant.now
            // Its user's others may have been left behind while it waited.
            if current.progress.begin() {
                let found = current.run(permit)
                findings.withLock { $0.append(found) }
                bell.ring()
            }
            permit.giveWay()
            // Another thread may have taken its place.
            if Instant.now.nanoseconds(since: begun) > Errand.patience { break }
            errand = state.withLock { $0.lanes[lane.rawValue].begin(on: thread, at: .now) }
        }
        state.withLock { $0.lanes[lane.rawValue].end(thread) }
        relieve()
    }
}

extension Errand.Lane {
    fileprivate var threadName: String {
        switch self {
        case .maps, .opening: "asker"
        case .finding, .reading: "reader"
        }
    }
}
