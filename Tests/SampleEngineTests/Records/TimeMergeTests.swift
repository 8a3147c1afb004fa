import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("TimeMerge: sorted sources come out as one sorted stream")
struct TimeMergeTests {
    /// Merges as the sampler does: a run goes on while its source's next record is not later than the limit.
    private func merged(_ sources: [[UInt64]]) -> [(time: UInt64, source: Int)] {
        var merge = TimeMerge()
        var places = sources.map { _ in 0 }
        for (source, times) in sources.enumerated() {
            if let first = times.first { merge.insert(time: first, source: source) }
        }
        var out: [(UInt64, Int)] = []
        while let run = merge.next() {
            let times = sources[run.source]
            repeat {
                out.append((times[places[run.source]], run.source))
                places[run.source] += 1
            } while places[run.source] < times.count && times[places[run.source]] <= run.limit
            if places[run.source] < times.count { merge.insert(time: times[places[run.source]], source: run.source) }
        }
        return out
    }

    @Test("Any number of sorted sources, with equal times and gaps", arguments: 0..<200)
    func anyInterleaving(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        let spread = [3, 50, 100_000][seed % 3]
        let sources = (0..<random.below(9)).map { _ in
            (0..<random.below(60)).map { _ in UInt64(random.below(spread)) }.sorted()
        }
        let out = merged(sources)
        #expect(out.map(\.time) == sources.joined().sorted())
        for source in sources.indices {
            #expect(out.filter { $0.source == source }.map(\.time) == sources[source], "each source in its own order")
        }
    }

    @Test("The limit is the next source's first time, or none")
    func limit() {
        var merge = TimeMerge()
        merge.insert(time: 9, source: 2)
        merge.insert(time: 4, source: 1)
        merge.insert(time: 1, source: 0)
        for (source, limit) in [(0, 4), (1, 9), (2, UInt64.max)] {
            let run = merge.next()
            #expect(run?.source == source)
            #expect(run?.limit == limit)
        }
        #expect(merge.next() == nil)
    }

    @Test("Equal times go to the lower source first")
    func ties() {
        var merge = TimeMerge()
        for source in [3, 1, 2, 0] { merge.insert(time: 7, source: source) }
        #expect((0..<4).compactMap { _ in merge.next()?.source } == [0, 1, 2, 3])
    }
}
