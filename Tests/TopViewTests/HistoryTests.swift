import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// Which span of time is on the screen: a window, all since a reset, a fading past, or a moment that has gone by.
@Suite struct HistoryTests {
    /// Second after second, one function more each time: `f1` in the first, `f2` in the second, …
    private func seconds(_ count: Int, into builder: inout SyntheticProfile, from first: Int = 1) -> Profile {
        for second in first..<(first + count) {
            builder.add("f\(second)", module: "m\(second % 2)", process: "p", samples: UInt64(100 + second))
            builder.add("always", module: "m0", process: "p", samples: 100)
            builder.endSlice()
        }
        return builder.next()
    }

    private func model(window: Double = 3, reach: Reach = .window, showing profile: Profile) -> TopModel {
        let capabilities = Capabilities(unicode: true, colors: .many)
        var model = TopModel(.init(capabilities: capabilities, window: UInt64(window * 1e9), reach: reach))
        _ = model.receive(profile)
        return model
    }

    private func functions(_ model: TopModel) -> Set<String> { Set(model.listed) }

    @Test func theWindowIsThePartThatIsShown() {
        var builder = SyntheticProfile()
        let model = model(showing: seconds(10, into: &builder))
        #expect(functions(model) == ["always", "f8", "f9", "f10"])
        #expect(model.samples == 300 + 108 + 109 + 110)
    }

    @Test func stepsGoBackSliceBySliceAndOnAgain() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(10, into: &builder))
        model.type("[[")
        #expect(functions(model) == ["always", "f6", "f7", "f8"])
        #expect(model.draw(columns: 100, lines: 20).text.contains("HISTORY"))
        model.type("]")
        #expect(functions(model) == ["always", "f7", "f8", "f9"])
        model.type("]")
        #expect(functions(model) == ["always", "f8", "f9", "f10"])
        #expect(model.draw(columns: 100, lines: 20).text.contains("PAUSED"), "the newest moment, still frozen")
        model.type(" ")
        #expect(!model.isFrozen)
    }

    @Test func theOldestStepSaysSo() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(3, into: &builder))
        model.type("[[[[")
        #expect(functions(model) == ["always", "f1"])
        #expect(
            model.draw(columns: 100, lines: 20).text.contains("sampling began here, 3s ago"))
    }

    /// Sampling goes on: what came meanwhile is a step further on, and Space goes there at once.
    @Test func newerSamplesWaitUntilTheyAreAskedFor() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(5, into: &builder))
        model.type("[")
        let still = model.draw(columns: 100, lines: 20)
        #expect(model.receive(seconds(4, into: &builder, from: 6)) == .none)
        #expect(model.draw(columns: 100, lines: 20) == still)
        model.type("]]")
        #expect(functions(model) == ["always", "f4", "f5", "f6"])
        model.type(" ")
        #expect(functions(model) == ["always", "f7", "f8", "f9"])
    }

    /// In the past everything acts as it does live: each step shows what a profile of just those slices shows.
    @Test func thePastIsFoldedAnewByEveryKey() throws {
        var builder = SyntheticProfile()
        let profile = seconds(12, into: &builder)
        var model = model(showing: profile)
        for steps in 1...8 {
            model.type("[")
            let span = profile.narrowed(to: (12 - steps - 3)..<(12 - steps))
            for (keys, grouping) in [
                ("1", View.functions.grouping), ("6", View.modules.grouping), ("5", [.process, .pid]),
            ] {
                model.type(keys)
                let expected = span.table(by: grouping ?? [])
                #expect(model.samples == expected.samples && model.listedSamples == expected.samples)
                #expect(Set(model.rows.map(\.key)) == Set(expected.rows.map(\.key)))
            }
            model.type("1\\always")
            model.press(all: [.enter])
            #expect(model.listedSamples == 300)
            model.press(all: [.escape])
        }
        #expect(model.listedSamples == model.samples)
    }

    @Test func resetCountsAnew() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(5, into: &builder))
        model.type("R")
        #expect(model.rows.isEmpty)
        #expect(model.draw(columns: 100, lines: 20).text.contains("counting anew"))
        _ = model.receive(seconds(5, into: &builder, from: 6))
        #expect(functions(model) == ["always", "f6", "f7", "f8", "f9", "f10"], "more than a window")
        model.type("zz")
        #expect(functions(model) == ["always", "f8", "f9", "f10"])
    }

    /// The older a sample the less it counts, and shares still add up.
    @Test func thePastFades() throws {
        var builder = SyntheticProfile()
        for name in ["old", "new"] {
            builder.add(name, module: "m", process: "p", samples: 1000)
            builder.endSlice(seconds: name == "old" ? 1 : 4)
        }
        var model = model(window: 4, reach: .decay, showing: builder.next())
        let shares = Dictionary(uniqueKeysWithValues: model.rows.map { ($0.function, $0.selfPercent) })
        let old = try #require(shares["old"])
        #expect(abs(old - 20) < 0.1, "two half-lives old: a quarter as much")
        #expect(abs(shares.values.reduce(0, +) - 100) < 0.01)
        #expect(model.draw(columns: 100, lines: 20).text.contains("half-life 2s"))
    }
}
