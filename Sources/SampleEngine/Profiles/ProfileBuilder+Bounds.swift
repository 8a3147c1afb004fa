// What is kept is bounded. What a kept slice, the picture or somebody else refers to is never dropped or renumbered for
// others; what nobody refers to goes first, and then the oldest of the history, which is said.
extension ProfileBuilder {
    enum Limits {
        /// Most cells kept (8 MB), and most slices.
        static let cells = 1 << 18
        static let slices = 600
        /// Most bytes of frames, of places that wait for names, and of names; and from which on those are looked for that
        /// nothing refers to any more.
        static let names = 24 << 20
        static let tidyNames = 8 << 20
        /// Resident memory from which on what is free is given back.
        static let trimKilobytes: UInt64 = 40 << 10
    }

    /// Beyond the limits the oldest slice of the history goes first. Of the window two neighbors become one where they tell
    /// of the same places: it only gets coarser; where that would save nothing the oldest slice goes too, and it is said.
    /// Without a window a report waits for its slices: they are joined whatever it saves, and none goes.
    mutating func boundSlices() {
        var cells = slices.reduce(0) { $0 + $1.cells.count }
        while slices.count > 1, cells > cellLimit || slices.count > Limits.slices {
            let isHistory = window.map { slices[slices.count - 1].end.nanoseconds(since: slices[0].end) >= $0 } ?? false
            if !isHistory, let pair = smallestPair() {
                let both = slices[pair].cells.count + slices[pair + 1].cells.count
                let joined = slices[pair].joined(with: slices[pair + 1])
                if joined.cells.count < both - both / 4 || cells <= cellLimit || window == nil {
                    cells += joined.cells.count - both
                    slices.replaceSubrange(pair...(pair + 1), with: [joined])
                    continue
                }
            }
            if window == nil { return }
            keptSince = slices[0].end
            cells -= slices.removeFirst().cells.count
        }
    }

    /// The two neighbors with the fewest cells, without the newest slice, that are short enough to be one.
    private func smallestPair() -> Int? {
        // One that is long beside the window would be on the screen long after what is in it has left.
        let longest = window.map { $0 / 8 } ?? .max
        let pairs = (0..<max(slices.count - 2, 0)).filter {
            slices[$0 + 1].end.nanoseconds(since: slices[$0].start) <= longest
        }
        return pairs.min {
            slices[$0].cells.count + slices[$0 + 1].cells.count < slices[$1].cells.count + slices[$1 + 1].cells.count
        }
    }

    /// Bytes that all that has to do with names takes.
    var nameBytes: Int { frameAndNameBytes + symbolizer.byteCount }

    private var frameAndNameBytes: Int { frames.byteCount + names.byteCount }

    /// Forgets frames, functions and modules that nobody refers to, where they have become many.
    mutating func tidy() {
        let isShorter = isOverLimit && dropSomePast()
        isOverLimit = false
        guard isShorter || frameAndNameBytes > tidyLimit else { return }
        keepWhatIsUsed()
        // What is in use alone passes the limit: the past goes, for what is on the screen needs its names.
        while frameAndNameBytes > Limits.names, window != nil, slices.count > 1 {
            let gone = max(1, slices.count / 8)
            keptSince = slices[gone - 1].end
            slices.removeFirst(gone)
            keepWhatIsUsed()
        }
        // Looking through everything pays once so much more has come.
        tidyLimit = max(Limits.tidyNames, frameAndNameBytes / 4 * 5)
    }

    /// Drops a quarter of what is kept, or eight slices, the oldest first, as far as they are older than the window.
    private mutating func dropSomePast() -> Bool {
        guard let window, let newest = slices.last?.end else { return false }
        let past = slices.prefix { newest.nanoseconds(since: $0.end) >= window }.count
        let gone = min(past, max(8, slices.count / 4))
        if gone == 0 { return false }
        keptSince = slices[gone - 1].end
        slices.removeFirst(gone)
        return true
    }

    private mutating func keepWhatIsUsed() {
        let (own, out) = (slices.count, handedOut.count)
        var all = slices + handedOut
        for report in closed { all += report.slices }
        frames.keepOnly(usedBy: &all)
        slices = Array(all[..<own])
        handedOut = Array(all[own..<(own + out)])
        var rest = all[(own + out)...]
        for index in closed.indices {
            closed[index].slices = Array(rest.prefix(closed[index].slices.count))
            rest = rest.dropFirst(closed[index].slices.count)
        }
        names.keepOnly(frames.functions.union(held))
        dropUnusedProcesses()
    }

    /// Forgets what processes are called that are in no slice.
    mutating func dropUnusedProcesses() {
        var used: Set<Generation> = []
        for slice in slices + handedOut + closed.flatMap(\.slices) {
            for cell in slice.cells { used.insert(cell.generation) }
        }
        names.keepOnly(processes: used)
        unknown.removeAll { !used.contains($0) }
    }
}
