import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

@Suite struct SteadyOrderTests {
    /// Lists of weights that wander, with rows that come and go; falling or rising, as a table may be sorted.
    private func wandering(
        seed: UInt64, falling: Bool, pictures: Int = 40, check: (_ weights: [Double], _ shown: [Int]) -> Void
    ) {
        var random = SeededRandom(seed)
        var steady = SteadyOrder<Int>()
        var weight = (0..<80).map { _ in Double(random.below(random.below(900) + 1)) }
        for _ in 0..<pictures {
            for row in weight.indices {
                weight[row] = max(weight[row] + Double(random.below(41) - 20) * (weight[row] + 1).squareRoot() / 20, 0)
            }
            let present = weight.indices.filter { _ in random.below(10) > 0 }
            let sorted = present.sorted { (weight[$0], $0) < (weight[$1], $1) }
            let rows = falling ? sorted.reversed() : sorted
            let weights = rows.map { weight[$0] }
            check(weights, steady.arrange(rows, weights: weights, runs: [0..<rows.count]))
        }
    }

    @Test(arguments: [true, false]) func neverContradictsADifference(falling: Bool) {
        for seed in UInt64(0)..<20 {
            wandering(seed: seed, falling: falling) { weights, shown in
                #expect(shown.sorted() == Array(weights.indices), "each row once")
                for (place, index) in shown.enumerated() {
                    // A row further up in the sorted list stands further down here: they must be as good as equal.
                    for other in shown[place...] where other < index {
                        let (ahead, behind) = (weights[index], weights[other])
                        #expect(!SteadyOrder<Int>.differ(ahead, behind), "\(ahead) before \(behind)")
                    }
                }
            }
        }
    }

    @Test(arguments: [true, false]) func equalWeightsChangeNothing(falling: Bool) {
        var (steady, random) = (SteadyOrder<Int>(), SeededRandom(7))
        func arrange(_ weight: [Double]) -> [Int] {
            let rows = weight.indices.sorted { falling ? weight[$0] > weight[$1] : weight[$0] < weight[$1] }
            return steady.arrange(rows, weights: rows.map { weight[$0] }, runs: [0..<rows.count]).map { rows[$0] }
        }
        for _ in 0..<200 {
            let weight = (0..<60).map { _ in Double(random.below(300)) }
            #expect(arrange(weight) == arrange(weight))
        }
    }

    /// Rows that scatter by less than their counts do anyway stand where they stood at first.
    @Test func chanceMovesNoRow() {
        var (steady, random) = (SteadyOrder<Int>(), SeededRandom(3))
        let base = [6000.0, 5990, 1800, 1795, 1790, 400, 399, 398, 120, 118, 30, 29, 28, 27, 3, 2, 2, 1]
        var first: [Int]?
        for _ in 0..<500 {
            let weight = base.map { $0 + Double(random.below(101) - 50) / 100 * ($0.squareRoot() * 0.7) }
            let rows = weight.indices.sorted { weight[$0] > weight[$1] }
            let shown = steady.arrange(rows, weights: rows.map { weight[$0] }, runs: [0..<rows.count]).map { rows[$0] }
            first = first ?? shown
            #expect(shown == first)
        }
    }

    @Test func aNewRowStandsWhereItWasSorted() {
        var builder = SyntheticProfile()
        var model = model(showing: profile(["a": 1000, "b": 500, "c": 490], from: &builder))
        _ = model.receive(profile(["a": 1000, "b": 490, "c": 500, "new": 700], from: &builder))
        #expect(model.listed == ["a", "new", "b", "c"])
    }

    @Test func aRealDifferenceIsShownAtOnce() {
        var builder = SyntheticProfile()
        var model = model(showing: profile(["a": 1000, "b": 990, "c": 10], from: &builder))
        _ = model.receive(profile(["a": 1000, "b": 1040, "c": 10], from: &builder))
        #expect(model.listed == ["a", "b", "c"], "40 of 2,040 is chance")
        _ = model.receive(profile(["a": 1000, "b": 1050, "c": 10], from: &builder))
        #expect(model.listed == ["b", "a", "c"], "50 of 2,050 is not")
    }

    /// Whoever asks for another list gets it sorted to the last digit.
    @Test(arguments: ["II", "><", "\\x\u{15}"]) func aNewListIsSortedExactly(keys: String) {
        var builder = SyntheticProfile()
        var model = model(showing: profile(["ax": 1000, "bx": 990], from: &builder))
        _ = model.receive(profile(["ax": 1000, "bx": 1010], from: &builder))
        #expect(model.listed == ["ax", "bx"])
        for scalar in keys.unicodeScalars { _ = model.press(scalar == "\u{15}" ? .control("u") : .character(scalar)) }
        #expect(model.listed == ["bx", "ax"])
    }

    @Test func equalNamesKeepTheirPlacesToo() {
        var builder = SyntheticProfile()
        func next(_ first: UInt64, _ second: UInt64) -> Profile {
            builder.add("f", module: "m", process: "p", samples: first)
            builder.add("g", module: "m", process: "p", samples: second)
            builder.add("h", module: "m", process: "q", pid: 99, samples: 2000)
            return builder.next()
        }
        var model = model(showing: next(1000, 990))
        model.press(all: ["s"] + Array(repeating: .down, count: 3) + [.enter])
        #expect(model.ordering.column == .process)
        #expect(model.listed == ["f", "g", "h"])
        _ = model.receive(next(990, 1000))
        #expect(model.listed == ["f", "g", "h"])
        _ = model.receive(next(500, 1000))
        #expect(model.listed == ["g", "f", "h"])
    }

    @Test func rowsBeyondReachStandAsSorted() {
        var steady = SteadyOrder<Int>()
        let count = SteadyOrder<Int>.reach + 500
        let rows = Array(0..<count)
        let weights = rows.map { Double(count - $0) }
        _ = steady.arrange(rows, weights: weights, runs: [0..<count])
        let turned = Array(rows.reversed())
        let shown = steady.arrange(turned, weights: weights, runs: [0..<count])
        #expect(shown.sorted() == rows)
        #expect(Array(shown.suffix(500)) == Array(rows.suffix(500)))
    }
}
