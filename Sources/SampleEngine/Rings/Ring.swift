/// One ring: its reader, who writes into it, and what it did since its figures were taken last.
///
/// Unchecked: it is made on one thread and from then on used by the sampler thread alone.
package final class Ring: @unchecked Sendable {
    package var reader: RingReader
    package var figures: RingFigures
    package let origin: any RingOrigin
    /// Which event each id means in this ring; another origin's ids may be the same numbers.
    private var events = EventIDs()
    /// True once the ring crossed its watermark, until it is read.
    var isReady = false
    /// Samples per second that its events were lowered to; beside the figures, which are lent out during a pass.
    var loweredTo: UInt64?
    private var passStart: UInt64 = 0
    private var waitedBefore: UInt64 = 0
    private var mayHaveLost = false
    private var lostBefore: UInt64 = 0
    private var undecodableBefore: UInt64 = 0
    private var overrunBefore: UInt64 = 0
    /// Times of the event that owns the ring, as its page told them last.
    private var times: (enabled: UInt64, running: UInt64) = (0, 0)

    package init(_ reader: consuming RingReader, origin: any RingOrigin, figures: RingFigures) {
        self.reader = reader
        self.origin = origin
        self.figures = figures
        learnIDs()
        if let lost = origin.lost {
            self.figures.kernelLost = 0
            lostBefore = lost
        }
    }

    /// Starts a pass; the ring's figures know of it. Returns false where nothing waits.
    package func beginPass() -> Bool { begin(&reader, &figures) }

    // Reader and figures are lent once, as in `read`.
    private func begin(_ reader: inout RingReader, _ figures: inout RingFigures) -> Bool {
        passStart = reader.position
        let waiting = reader.beginPass()
        figures.peakBytes = max(figures.peakBytes, waiting)
        // A record is refused only where it does not fit, and none is longer than 64 KiB. Until the pass before
        // this one ended, the ring still held what that pass was reading.
        if waiting.addingSaturating(waitedBefore).addingSaturating(65_536) > reader.size { mayHaveLost = true }
        waitedBefore = waiting
        return waiting > 0
    }

    /// Lends reader and figures for as long as the visitor takes: what is inside a class is guarded against two users
    /// at once each time it is reached for, which costs more than a record if it is done for each.
    @inline(__always)
    package func read(_ visit: (inout RingReader, inout RingFigures, inout EventIDs) -> Void) {
        visit(&reader, &figures, &events)
    }

    /// Takes up the ids of what has begun to write here.
    package func learnIDs() {
        for entry in origin.ids { events.insert(entry.id, event: entry.event, owner: entry.owner) }
    }

    package func endPass() { end(&reader, &figures) }

    private func end(_ reader: inout RingReader, _ figures: inout RingFigures) {
        reader.endPass()
        figures.bytes &+= reader.position &- passStart &- (reader.overrunBytes &- overrunBefore)
        figures.overrunBytes &+= reader.overrunBytes &- overrunBefore
        overrunBefore = reader.overrunBytes
    }

    /// The figures since the last call; positions are left as they stand.
    package func takeFigures() -> RingFigures {
        if mayHaveLost || !origin.isDearToAsk { countLost() }
        figures.undecodable &+= reader.undecodable &- undecodableBefore
        undecodableBefore = reader.undecodable
        if let word = reader.brokenHeader {
            unsafe figures.keep(.brokenHeader, [word].span.bytes, size: Int(RecordHeader(word: word).size))
        }
        figures.loweredTo = loweredTo
        countTimes()
        figures.head = reader.loadHead()
        figures.tail = reader.position
        defer { figures = figures.emptied }
        return figures
    }

    /// How long the ring's event was wanted and how long it was counted: from its page, without a system call, where that
    /// tells all.
    private func countTimes() {
        guard figures.mayTakeTurns else { return }
        let told = origin.times ?? reader.readPage().map { ($0.timeEnabled, $0.timeRunning) }
        guard let (enabled, running) = told else { return }
        // They do not go back; a page that says so is not believed.
        if enabled >= times.enabled, running >= times.running {
            figures.enabledNanoseconds = enabled - times.enabled
            figures.runningNanoseconds = running - times.running
        }
        times = (enabled, running)
    }

    /// Asks the writers for their own count; only where a ring was so full that they may have refused something.
    private func countLost() {
        mayHaveLost = false
        guard figures.kernelLost != nil, let lost = origin.lost else { return }
        // What ended with its counters open keeps its count; a smaller sum could only come of a writer that lies.
        figures.kernelLost = (figures.kernelLost ?? 0).addingSaturating(lost > lostBefore ? lost - lostBefore : 0)
        lostBefore = lost
    }
}
