/// Maps a ring over the counters of each CPU and purpose, smaller ones once memory runs out.
package struct RingMapper {
    private let events: String
    private let overwrites: Bool
    private let usesHardware: Bool
    private var samplePages: Int
    private var sideBandPages: Int
    package private(set) var notes: [String] = []

    package init(_ counters: OpenCounters) {
        events = counters.events.map(\.name).joined(separator: ",")
        overwrites = counters.overwrites
        usesHardware = counters.usesHardware
        samplePages = counters.samplePages
        sideBandPages = counters.sideBandPages
    }

    /// The two rings of a CPU.
    package mutating func map(_ cpu: CPUCounters) throws(EngineError) -> (samples: Ring, sideBand: Ring) {
        let sideBand = try map(cpu.sideBand, .sideBand, cpu: cpu.cpu)
        return (try map(cpu.samples, .samples, cpu: cpu.cpu), sideBand)
    }

    private mutating func map(
        _ counters: [Counter], _ purpose: RingFigures.Purpose, cpu: Int
    ) throws(EngineError) -> Ring {
        let owner = counters[0]
        var pages = purpose == .samples ? samplePages : sideBandPages
        while true {
            do throws(RingSizeError) {
                let mode: RingMode = overwrites && purpose == .samples ? .overwrite : .reliable
                let mapping = try RingMapping(fd: owner.fd, pages: pages, mode: mode)
                do throws(Errno) { try counters.redirect(to: owner) } catch { throw .refused(error) }
                if purpose == .samples { samplePages = pages } else { sideBandPages = pages }
                var figures = RingFigures(
                    purpose: purpose, cpu: cpu, event: purpose == .sideBand ? purpose.rawValue : events, pages: pages,
                    size: mapping.size)
                figures.overwrites = mode == .overwrite
                figures.mayTakeTurns = usesHardware && purpose == .samples
                figures.followsThread = owner.thread != nil
                return Ring(RingReader(mapping), origin: CounterOrigin(counters), figures: figures)
            } catch {
                pages = try smaller(pages, error, purpose)
            }
        }
    }

    private mutating func smaller(
        _ pages: Int, _ error: RingSizeError, _ purpose: RingFigures.Purpose
    ) throws(EngineError) -> Int {
        switch error {
        case .notPages(let length, let nearest), .notPowerOfTwo(let length, let nearest),
            .mappedOtherwise(let length, let nearest):
            throw EngineError(
                .usage, what: "-m \(RingSize.pages(length))", why: "a ring has a power of two of pages",
                remedy: "the nearest is \(RingSize.pages(nearest))")
        case .offset(let offset):
            throw EngineError(what: "a ring from byte \(offset) on", why: "a ring is mapped from its beginning")
        case .refused(let errno):
            guard errno == .permission || errno == .noMemory, pages > 1 else {
                throw EngineError(
                    what: "a ring of \(pages) pages", why: errno.text,
                    remedy: errno == .permission ? "raise kernel.perf_event_mlock_kb or ulimit -l" : "")
            }
            let kind = purpose == .samples ? "sample" : "side-band"
            notes.removeAll { $0.hasPrefix(kind) }
            notes.append("\(kind) rings halved to \(pages / 2) pages: kernel.perf_event_mlock_kb allows no more")
            return pages / 2
        }
    }
}
