import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// What is under the pointer is what is meant; every click has a key that does the same.
@Suite struct PointingTests {
    /// A press on the first place of the screen that shows a text.
    private func press(_ text: String, in model: inout TopModel, columns: Int = 120, lines: Int = 30) throws -> Effect {
        let picture = model.draw(columns: columns, lines: lines)
        for (line, drawn) in picture.lines.enumerated() {
            if let place = drawn.text.range(of: text) {
                let before = TextWidth.cells(of: String(drawn.text[..<place.lowerBound]))
                return model.point(Pointer(.press, line: line, column: before + 1))
            }
        }
        try #require(Bool(false), "\(text) is not on the screen")
        return .none
    }

    @Test func aRowIsChosenByOneClickAndEnteredByAnother() throws {
        var model = model(view: .processes)
        _ = try press("postgres", in: &model)
        #expect(model.chosen == "postgres (pid 77)" && model.view == .processes)
        #expect(model.isHeld, "what was pointed at does not jump away")
        _ = try press("postgres", in: &model)
        #expect(model.view == .functions && model.listed == ["hash_search_with_hash_value"])
    }

    @Test func aTitleSortsAndTurnsRound() throws {
        var model = model()
        _ = try press("FUNCTION", in: &model)
        #expect(model.ordering == Ordering(.function))
        _ = try press("FUNCTION", in: &model)
        #expect(model.ordering == Ordering(.function, inverted: true))
        _ = try press("SAMPLES", in: &model)
        #expect(model.ordering == Ordering(.samples))
        _ = try press("TREND", in: &model)
        #expect(model.ordering == Ordering(.samples), "a trend is no order")
    }

    @Test func tabsAndWordsOfTheBarAreKeys() throws {
        var model = model()
        _ = try press("9 Rings", in: &model)
        #expect(model.view == .rings)
        _ = try press("5 Processes", in: &model)
        #expect(model.view == .processes)
        _ = try press("? Help", in: &model)
        #expect(model.context == .help)
        _ = try press("Back", in: &model)
        #expect(model.context == .table)
        _ = try press("Freeze", in: &model)
        #expect(model.isFrozen)
        #expect(try press("Quit", in: &model) == .quit)
    }

    @Test func aTabDoesNothingWhileSomethingLiesOnTop() throws {
        var model = model()
        model.type("?")
        _ = try press("5 Processes", in: &model)
        #expect(model.context == .help && model.view == .functions)
    }

    @Test func menusAreChosenFrom() throws {
        var model = model()
        model.type("s")
        let picture = model.draw(columns: 120, lines: 30)
        let line = try #require(picture.lines.firstIndex { $0.text.hasPrefix("  MODULE") })
        _ = model.point(Pointer(.press, line: line, column: 3))
        #expect(model.menu == nil && model.ordering.column == .module)
        model.type("b")
        let cpu = try #require(model.draw(columns: 120, lines: 30).lines.firstIndex { $0.text.hasPrefix("  [ ] cpu") })
        _ = model.point(Pointer(.press, line: cpu, column: 4))
        #expect(model.grouping.contains(.cpu) && model.menu != nil)
    }

    /// Several keys and a click may come before the next picture: what was clicked at is what stood there.
    @Test func aClickOnAMenuThatIsGoneIsNone() throws {
        var model = model()
        model.type("c")
        let lines = model.draw(columns: 120, lines: 40).lines
        let last = try #require(lines.lastIndex { $0.text.hasPrefix("  [x]") })
        model.type("qb")
        let before = model.grouping
        _ = model.point(Pointer(.press, line: last, column: 4))
        #expect(model.grouping == before && model.menu?.purpose == .group)
    }

    @Test func aClickMeansTheRowThatWasSeenThere() throws {
        var builder = SyntheticProfile()
        var model = model(showing: profile(["first": 900, "second": 500, "third": 100], from: &builder))
        let line = try #require(model.draw(columns: 120, lines: 30).lines.firstIndex { $0.text.contains("second") })
        _ = model.receive(profile(["first": 100, "second": 500, "third": 9000], from: &builder))
        #expect(model.listed == ["third", "second", "first"] || model.listed.first == "third")
        _ = model.point(Pointer(.press, line: line, column: 20))
        #expect(model.chosen == "second")
    }

    @Test func theWheelMovesWhatIsOnTop() {
        var model = model()
        _ = model.draw(columns: 120, lines: 30)
        _ = model.point(Pointer(.wheelDown, line: 10, column: 10))
        #expect(model.cursor.index == 3)
        _ = model.point(Pointer(.wheelUp, line: 10, column: 10))
        #expect(model.cursor.index == 0)
        model.type("?")
        _ = model.draw(columns: 80, lines: 12)
        _ = model.point(Pointer(.wheelDown, line: 3, column: 3))
        _ = model.draw(columns: 80, lines: 12)
        #expect(model.helpTop == 3)
    }

    /// Whatever is clicked at, in whatever state: the same words and the same invariants as with keys.
    @Test func clicksAnywhereAreHarmless() {
        var random = SeededRandom(5)
        for keys: [Key] in [[], ["?"], ["s"], ["b"], ["c"], ["\\"], ["/"], ["w"], ["9"], ["5"], [" "], [.enter]] {
            var model = model()
            model.press(all: keys)
            for _ in 0..<300 {
                let (columns, lines) = (1 + random.below(130), 1 + random.below(45))
                let picture = model.draw(columns: columns, lines: lines)
                #expect(picture.lines.allSatisfy { $0.cells == columns } && picture.lines.count == lines)
                let events: [Pointer.Event] = [.press, .wheelUp, .wheelDown]
                let (line, column) = (random.below(60) - 5, random.below(150) - 5)
                _ = model.point(Pointer(events[random.below(3)], line: line, column: column))
            }
        }
    }

    @Test func theMouseIsLetGoAndTakenAgain() {
        var model = model()
        #expect(model.usesMouse)
        model.type("M")
        #expect(!model.usesMouse)
        #expect(model.draw(columns: 80, lines: 24).text.contains("M takes it back"))
        model.type("M")
        #expect(model.usesMouse)
        #expect(!TopModel(.init(capabilities: Capabilities(unicode: true, colors: .mono), mouse: false)).usesMouse)
    }
}
