import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Pulse: when a picture is late")
struct PulseTests {
    private static func at(_ time: UInt64) -> Instant { Instant(nanoseconds: time) }

    @Test("A picture that is published takes nothing from the slice that came after it")
    func laterSlice() {
        let pulse = Pulse()
        #expect(pulse.due == .forever)
        pulse.handedOver(at: Self.at(10))
        // While its names are looked for, the next one comes.
        pulse.handedOver(at: Self.at(20))
        #expect(pulse.due == Self.at(10))
        pulse.published(upTo: Self.at(10))
        #expect(pulse.due == Self.at(20), "that one is in no picture yet")
        pulse.published(upTo: Self.at(10))
        #expect(pulse.due == Self.at(20), "nor in a better one of the first")
        pulse.published(upTo: Self.at(20))
        #expect(pulse.due == .forever)
    }

    @Test("What the sampler expects counts too")
    func expected() {
        let pulse = Pulse()
        pulse.expect(by: Self.at(5))
        pulse.handedOver(at: Self.at(10))
        #expect(pulse.due == Self.at(5))
        pulse.expect(by: .forever)
        #expect(pulse.due == Self.at(10))
    }

    @Test(
        "Whatever order slices and pictures come in, what is due is the oldest slice in no picture", arguments: 0..<20)
    func anyOrder(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        let pulse = Pulse()
        // The sampler has two slices: one on its way and one that is taken in, at the most.
        var (onItsWay, taken, shown): (UInt64?, UInt64, UInt64) = (nil, 0, 0)
        for time in 1..<500 as Range<UInt64> {
            switch random.below(3) {
            case 0 where onItsWay == nil:
                onItsWay = time
                pulse.handedOver(at: Self.at(time))
            case 1:
                if let slice = onItsWay, taken == shown {
                    taken = slice
                    onItsWay = nil
                }
            default:
                shown = taken
                pulse.published(upTo: Self.at(taken))
            }
            let oldest = taken > shown ? taken : onItsWay
            #expect(pulse.due == oldest.map(Self.at) ?? .forever)
        }
    }
}
