/// One at a time: for what takes so much memory that not all readers may do it together.
///
/// Whoever stands still with it, since what it reads does not answer, loses its turn: the others do not wait for ever.
final class Turn: Sendable {
    private let state = Guarded<(holder: UInt64?, moved: Instant, count: UInt64)>((nil, .beginning, 0))

    private static var patience: UInt64 { 1_000_000_000 }

    /// A number to hold it by; nil: another has it, and has moved lately.
    func take(at now: Instant = .now) -> UInt64? {
        state.withLock { state in
            if state.holder != nil, now.nanoseconds(since: state.moved) < Self.patience { return nil }
            state.count += 1
            state.holder = state.count
            state.moved = now
            return state.count
        }
    }

    /// The holder is getting on.
    func move(_ number: UInt64, at now: Instant = .now) {
        state.withLock { state in if state.holder == number { state.moved = now } }
    }

    func giveBack(_ number: UInt64) {
        state.withLock { state in if state.holder == number { state.holder = nil } }
    }
}
