internal import SampleEngine

/// How far back the screen looks from the moment at which it ends.
public enum Reach: String, Sendable, CaseIterable {
    /// A fixed span.
    case window
    /// All that is kept since the last reset, or since the start.
    case all
    /// Everything, and the older it is the less it counts.
    case decay
}

/// Which part of the time that was sampled is on the screen.
///
/// A profile holds the last minutes in slices. The screen shows some of them: those of the window, those since the
/// last reset, or all with older ones counting less; and it may end at an earlier moment than now. Samples keep coming
/// meanwhile and wait in `held`.
struct Timeline: Sendable {
    var reach: Reach
    /// Nanoseconds; nil is all that a profile holds.
    let window: UInt64?
    /// The profile that is looked at, all of it.
    private(set) var profile: Profile?
    private var held: Profile?
    private(set) var isFrozen = false
    /// Slices behind the moment at which the screen ends; 0 is the newest of `profile`.
    private(set) var stepsBack = 0
    /// What came before is not in the reach `all`.
    private(set) var reset: Instant?

    init(window: UInt64?, reach: Reach) {
        self.window = window
        self.reach = reach
    }

    /// Whether the screen ends at an earlier moment than the one it was frozen at.
    var isPast: Bool { stepsBack > 0 }

    /// After how many nanoseconds a sample counts half, in the reach `decay`: half a window.
    var halfLife: UInt64 { max((window ?? 10_000_000_000) / 2, 1) }

    /// Takes a newer profile; says whether the screen follows it.
    mutating func receive(_ profile: Profile) -> Bool {
        guard isFrozen else {
            self.profile = profile
            return true
        }
        held = profile
        return false
    }

    mutating func freeze() { isFrozen = true }

    /// Back to the newest moment, and on with the time.
    mutating func resume() {
        isFrozen = false
        stepsBack = 0
        profile = held ?? profile
        held = nil
    }

    /// The newest profile, shown or not.
    var newest: Profile? { held ?? profile }

    /// One slice back; false where nothing older is kept.
    mutating func stepBack() -> Bool {
        guard let profile, stepsBack + 1 < profile.slices.count else { return false }
        isFrozen = true
        stepsBack += 1
        return true
    }

    /// One slice on; false at the newest moment.
    mutating func stepForward() -> Bool {
        if stepsBack == 0 {
            // What came meanwhile is further on.
            guard let held, let profile, let shown = profile.slices.last else { return false }
            self.profile = held
            self.held = nil
            stepsBack = held.slices.count { $0.start >= shown.end }
        }
        guard stepsBack > 0 else { return false }
        stepsBack -= 1
        return true
    }

    /// Starts to count anew from the moment on the screen.
    mutating func resetNow() {
        reset = shown?.slices.last?.end
        reach = .all
        resume()
    }

    /// Everything that is kept of the time before the moment at which the screen ends.
    var past: Profile? { profile.map { $0.narrowed(to: 0..<max($0.slices.count - stepsBack, 0)) } }

    /// The profile of the span on the screen.
    var shown: Profile? {
        guard let profile else { return nil }
        let slices = profile.slices
        let end = max(slices.count - stepsBack, 0)
        guard end > 0 else { return profile }
        let last = slices[end - 1].end
        var start = 0
        switch reach {
        case .window:
            if let window { start = slices.firstIndex { last.nanoseconds(since: $0.end) < window } ?? 0 }
        case .all:
            if let reset { start = slices[..<end].firstIndex { $0.start >= reset } ?? end }
        case .decay:
            // After sixteen half-lives nothing is left of a sample.
            start = slices.firstIndex { last.nanoseconds(since: $0.end) < 16 * halfLife } ?? 0
        }
        return profile.narrowed(to: min(start, end)..<end)
    }
}
