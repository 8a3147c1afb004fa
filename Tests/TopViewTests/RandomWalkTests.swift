import Glibc
import Testing

@testable import TopView

/// Thousands of keys and sizes in no order. A seed that fails is a seed to keep: put it into the list.
@Suite("whatever is pressed, however large the screen")
struct RandomWalkTests {
    private static let isFull = unsafe getenv("PERFTOP_FULL") != nil

    /// Eight are all combinations of what depends on the seed.
    static let seeds: [UInt64] = Array(1...(isFull ? 100 : 8))

    @Test("the picture fits, nothing foreign reaches the terminal, Esc leads back", arguments: seeds)
    func walk(seed: UInt64) {
        var walk = RandomWalk(seed: seed)
        let wrong = walk.go(steps: 240)
        #expect(wrong == nil)
    }
}
