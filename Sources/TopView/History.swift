internal import SampleEngine

/// Standing still, going back, and counting anew; sampling goes on all the while.
extension TopModel {
    mutating func freeze() {
        if isFrozen { timeline.resume() } else { timeline.freeze() }
        look()
    }

    mutating func stepBack() {
        guard timeline.stepBack() else {
            let kept = timeline.profile.map { Numbers.seconds($0.seconds) } ?? "0s"
            let isFull = timeline.profile?.keptSince != nil || timeline.profile?.seconds ?? 0 > 110
            return say(
                isFull
                    ? "nothing older than \(kept) is kept: the oldest goes first" : "sampling began here, \(kept) ago")
        }
        hold = nil
        look()
    }

    mutating func stepForward() {
        guard timeline.stepForward() else {
            return say(isFrozen ? "this is the newest moment; Space goes on" : "this is now; [ steps back")
        }
        look()
    }

    /// A window, then all since the last reset, then everything with the past fading.
    mutating func changeReach() {
        let all = Reach.allCases
        let next = ((all.firstIndex(of: timeline.reach) ?? 0) + 1) % all.count
        timeline.reach = all[next]
        forgetOrder()
        look()
        switch timeline.reach {
        case .window: say("the last \(windowText)")
        case .all: say("everything since \(timeline.reset == nil ? "the start" : "the reset"), as far as it is kept")
        case .decay: say("a sample counts half after \(Numbers.seconds(Double(timeline.halfLife) / 1e9))")
        }
    }

    /// Counts from this moment on; what was shown stays to be compared with.
    mutating func reset() {
        guard let profile, !profile.slices.isEmpty else { return say("nothing has been counted yet") }
        baseline = profile
        baselineFunctions = profile.functions
        timeline.resetNow()
        forgetOrder()
        look()
        say("counting anew; z goes back to the window")
    }

    /// `10s`
    private var windowText: String {
        let seconds = timeline.window.map { Double($0) / 1e9 } ?? profile?.seconds ?? 0
        return Numbers.seconds(seconds)
    }

    /// How much of the window is there, where the rest found no room; nil where all of it does.
    private var windowKept: String? {
        guard let since = profile?.keptSince, let newest = profile?.slices.last?.end, let window = timeline.window,
            newest.nanoseconds(since: since) < window
        else { return nil }
        return Numbers.seconds(Double(newest.nanoseconds(since: since)) / 1e9)
    }

    /// What the status line says of the span on the screen: `window 10s`, `since 14:03:27`, `half-life 5s`.
    var reachText: String {
        switch timeline.reach {
        case .window:
            guard let kept = windowKept else { return "window \(windowText)" }
            return "window \(kept) of \(windowText)"
        case .all:
            guard let profile else { return "" }
            let spanned = UInt64(min(max(profile.seconds * 1e9, 0), 1e19))
            return "since "
                + Numbers.clock(nanoseconds: profile.wallClock - min(spanned, profile.wallClock), utcOffset: utcOffset)
        case .decay: return "half-life \(Numbers.seconds(Double(timeline.halfLife) / 1e9))"
        }
    }

    /// Samples a second in the span on the screen.
    var sampleRate: Double {
        guard let profile, profile.seconds > 0 else { return 0 }
        // What has faded is put back: at a steady rate this is exact.
        if timeline.reach == .decay { return Double(samples) * 0.693_147 / (Double(timeline.halfLife) / 1e9) }
        return Double(samples) / profile.seconds
    }

    // MARK: Pictures

    mutating func beginDelay() {
        prompt = Prompt(.delay, text: Numbers.delay(nanoseconds: delay), history: [])
    }

    mutating func performInDelayPrompt(_ action: Action) -> Effect {
        switch action {
        case .accept:
            let text = prompt?.text ?? ""
            prompt = nil
            guard let asked = Numbers.nanoseconds(text), Numbers.spans.contains(asked) else {
                say("\"\(text)\" is no time from 1ms to 1h: write 0.5, 250ms or 2m")
                return .redraw
            }
            delay = UInt64(asked)
            say("a picture every \(Numbers.delay(nanoseconds: delay))")
            return .delay(delay)
        case .back: prompt = nil
        default: prompt?.edit(action)
        }
        return .redraw
    }
}
