import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// Rows that are read do not jump away: held after a move, pinned, followed; and columns are the user's choice.
@Suite struct HoldingTests {
    private func seconds(_ rows: KeyValuePairs<String, UInt64>, _ builder: inout SyntheticProfile) -> Profile {
        for (name, samples) in rows { builder.add(name, module: "m", process: "p", samples: samples) }
        builder.endSlice()
        return builder.next()
    }

    private func model(showing profile: Profile) -> TopModel {
        let capabilities = Capabilities(unicode: true, colors: .many)
        var model = TopModel(.init(capabilities: capabilities, window: 1_000_000_000))
        _ = model.receive(profile)
        return model
    }

    @Test func theOrderIsHeldForFiveSecondsAfterAMoveAndThatIsSaid() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(["a": 900, "b": 500, "c": 100], &builder))
        model.type("j")
        for second in 1...4 {
            _ = model.receive(seconds(["c": 900, "b": 500, "a": 100, "new": 700], &builder))
            #expect(model.listed == ["a", "b", "c", "new"], "second \(second)")
            #expect(model.draw(columns: 100, lines: 20).text.contains("order held"))
        }
        _ = model.receive(seconds(["c": 900, "b": 500, "a": 100], &builder))
        #expect(model.listed == ["c", "b", "a"] && model.chosen == "b")
        #expect(!model.draw(columns: 100, lines: 20).text.contains("order held"))
    }

    @Test(arguments: ["g", "s\n", ">", "I"]) func anOrderThatIsAskedForIsGivenAtOnce(keys: String) {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(["a": 900, "b": 500], &builder))
        model.type("j")
        for scalar in keys.unicodeScalars { _ = model.press(scalar == "\n" ? .enter : .character(scalar)) }
        #expect(!model.isHeld)
    }

    @Test func aStepInTimeIsSortedAsItWasThen() {
        var builder = SyntheticProfile()
        _ = seconds(["a": 100, "b": 500], &builder)
        var model = model(showing: seconds(["a": 900, "b": 500], &builder))
        model.type("j[")
        #expect(model.listed == ["b", "a"] && !model.isHeld)
        model.type("k]")
        #expect(model.listed == ["a", "b"])
    }

    @Test func pinnedRowsStandOnTopAndMayBeEmpty() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(["a": 900, "b": 500, "c": 100], &builder))
        model.type("Gp")
        #expect(model.listed == ["c", "a", "b"] && model.chosen == "c")
        #expect(model.draw(columns: 100, lines: 20).text.contains("◆ 1 pinned"))
        model.type("I")
        #expect(model.listed == ["c", "b", "a"], "whatever the order")
        _ = model.receive(seconds(["a": 5], &builder))
        #expect(model.listed == ["c", "a"] && model.rows[0].selfSamples == 0)
        model.type("\\a")
        #expect(model.listed == ["a"], "a filter may hide it: no zeros that are not true")
        model.press(all: [.control("u"), .enter, "U"])
        #expect(model.listed == ["a"])
    }

    @Test func followingStaysWithTheRowOnTheFirstLineToo() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(["a": 900, "b": 500], &builder))
        model.type("F")
        _ = model.receive(seconds(["a": 100, "b": 500], &builder))
        #expect(model.chosen == "a")
        _ = model.receive(seconds(["b": 500], &builder))
        _ = model.receive(seconds(["a": 100, "b": 500], &builder))
        #expect(model.chosen == "a", "it comes back")
        model.type("k")
        _ = model.receive(seconds(["a": 900, "b": 500], &builder))
        _ = model.receive(seconds(["a": 100, "b": 500], &builder))
        #expect(model.chosen == "b", "on the first line: the top")
    }

    @Test func columnsAreTakenAwayAndPutBack() {
        var model = TopViewTests.model()
        func header(_ model: inout TopModel) -> String { model.draw(columns: 120, lines: 20).lines[3].text }
        #expect(header(&model).contains("SAMPLES") && header(&model).contains("MODULE"))
        model.press(all: ["c", .down, " ", .enter])
        #expect(!header(&model).contains("SAMPLES") && header(&model).contains("MODULE"))
        model.press(all: ["c", " ", .escape])
        #expect(header(&model).contains("SELF%"), "Esc takes it back")
        model.press(all: ["c"] + Array(repeating: [" ", .down], count: 10).joined())
        #expect(model.listing.hidden.count < model.columns.count, "one column stays")
    }

    /// `--columns`: what is not asked for is hidden in every table, until the menu brings it back.
    @Test func tablesBeginWithTheColumnsThatWereAskedFor() {
        let capabilities = Capabilities(unicode: true, colors: .many)
        var model = TopModel(.init(capabilities: capabilities, columns: [.selfPercent, .function]))
        _ = model.receive(usualProfile())
        #expect(model.visibleColumns == [.selfPercent, .function])
        model.type("5")
        #expect(model.visibleColumns == [.selfPercent])
        model.press(all: [.enter])
        #expect(model.visibleColumns == [.selfPercent, .function], "inside a process too")
        model.press(all: ["c", .down, " ", .enter])
        #expect(model.visibleColumns == [.selfPercent, .samples, .function])
    }

    @Test func oneColumnStaysWhereAnotherGroupingHasNoneOfThoseKept() {
        let capabilities = Capabilities(unicode: true, colors: .many)
        var model = TopModel(.init(capabilities: capabilities, columns: [.function], view: .modules))
        _ = model.receive(usualProfile())
        #expect(model.visibleColumns == [.selfPercent])
        #expect(model.draw(columns: 100, lines: 20).text.contains("SELF%"))
        model.press(all: ["c", .down, " "])
        #expect(model.visibleColumns == [.selfPercent, .samples])
    }

    @Test func changesAreAgainstTheReset() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(["a": 600, "b": 400], &builder))
        model.type("R")
        _ = model.receive(seconds(["a": 100, "b": 800, "c": 100], &builder))
        let text = model.draw(columns: 120, lines: 20).text
        #expect(text.contains("CHANGE") && text.contains("+40.00") && text.contains("-50.00") && text.contains("new"))
        model.press(all: [">"])
        #expect(model.ordering.column == .change && model.listed == ["b", "c", "a"])
        model.type("b ")
        model.press(all: [.enter])
        #expect(model.draw(columns: 120, lines: 20).text.contains("0.00"), "regrouped, compared anew")
    }

    /// Bars move once in five seconds, not with every picture.
    @Test func trendsMoveEveryFiveSeconds() {
        var builder = SyntheticProfile()
        var model = model(showing: seconds(["a": 1, "b": 1], &builder))
        var bars: Set<String> = []
        for second in 2...30 {
            _ = model.receive(seconds(["a": UInt64(second), "b": 40], &builder))
            let row = model.draw(columns: 120, lines: 20).lines.first { $0.text.contains(" b ") }?.text ?? ""
            bars.insert(String(row.unicodeScalars.filter { (0x2581...0x2588).contains($0.value) }.map(Character.init)))
        }
        #expect((5...7).contains(bars.count), "\(bars)")
    }
}
