extension Profile {
    /// The same profile as if only some of its slices had come: every fold over it means that span of time.
    public func narrowed(to range: Range<Int>) -> Profile {
        let range = range.clamped(to: slices.indices)
        guard range != slices.indices else { return self }
        let newest = slices.last?.end ?? .beginning
        let end = range.isEmpty ? newest : slices[range.upperBound - 1].end
        return Profile(
            sequence: sequence, session: session, state: state, slices: Array(slices[range]), stacks: stacks,
            names: names, wallClock: wallClock - min(newest.nanoseconds(since: end), wallClock),
            backlog: backlog, keptSince: keptSince,
            namesWaitedFor: namesWaitedFor, isLast: isLast)
    }

    /// The same profile with other sentences about what was given up or chosen.
    public func with(notes: [String]) -> Profile {
        Profile(
            sequence: sequence, session: session.with(notes: notes), state: state, slices: slices, stacks: stacks,
            names: names, wallClock: wallClock, backlog: backlog, keptSince: keptSince,
            namesWaitedFor: namesWaitedFor, isLast: isLast)
    }
}
