import SampleEngine
import Testing

@Suite("FloodGate: what comes in floods is not sampled one by one")
struct FloodGateTests {
    private func feed(_ gate: inout FloodGate, ring: Int, event: Int, _ samples: UInt64) {
        gate.begin(ring: ring)
        for _ in 0..<samples { gate.add(event: event) }
    }

    private let limit = FloodGate.most * FloodGate.interval / 1_000_000_000
    private func time(_ interval: UInt64) -> Instant { Instant(nanoseconds: interval * FloodGate.interval) }

    @Test("Only events whose period nobody asked for are watched")
    func nothingToWatch() {
        #expect(FloodGate([false, false], rings: 2, at: time(0)) == nil)
        #expect(FloodGate([true], rings: 0, at: time(0)) == nil)
    }

    @Test("A flood is more than the limit on one ring, and is told once; the others go on")
    func floods() throws {
        var gate = try #require(FloodGate([true, false, true], rings: 2, at: time(0)))
        feed(&gate, ring: 0, event: 0, limit)
        feed(&gate, ring: 1, event: 0, limit)
        feed(&gate, ring: 1, event: 1, 2 * limit)
        #expect(!gate.isDue(at: Instant(nanoseconds: FloodGate.interval - 1)))
        #expect(gate.isDue(at: time(1)))
        #expect(gate.takeFloods(at: time(1)) == [])
        feed(&gate, ring: 1, event: 0, limit + 1)
        feed(&gate, ring: 7, event: 9, 10)
        #expect(gate.takeFloods(at: time(2)) == [0])
        feed(&gate, ring: 0, event: 0, 2 * limit)
        feed(&gate, ring: 0, event: 2, limit + 1)
        #expect(gate.takeFloods(at: time(3)) == [2])
    }

    @Test("What a longer time brings is a flood only by its rate")
    func longInterval() throws {
        var gate = try #require(FloodGate([true], rings: 1, at: time(0)))
        feed(&gate, ring: 0, event: 0, 3 * limit)
        #expect(gate.takeFloods(at: time(4)) == [])
    }
}
