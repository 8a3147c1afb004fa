import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// `\`: the table follows what is typed; what is not understood changes nothing and says why.
@Suite struct FilterPromptTests {
    @Test func aBadExpressionKeepsTheLastGoodOne() {
        var model = model()
        model.type("\\kern")
        #expect(model.rows.count == 2)
        model.type(" /net")
        #expect(model.rows.count == 2, "the last good one is kern")
        let bar = model.draw(columns: 100, lines: 20).lines.last?.text ?? ""
        #expect(bar.contains("character 6: this expression has no closing /"))
        model.type("if/")
        #expect(model.listed == ["__netif_receive_skb_core.constprop.0"])
        #expect(model.draw(columns: 100, lines: 20).lines.last?.text.contains("1 of 10 rows") == true)
    }

    @Test func enterOnABadExpressionSaysWhatHolds() {
        var model = model()
        model.type("\\kern |")
        model.press(all: [.enter])
        #expect(model.context == .table && model.filter.text == "kern ")
        let bar = model.draw(columns: 100, lines: 20).lines.last?.text ?? ""
        #expect(bar.contains("nothing stands after this |; still \"kern \""))
    }

    @Test func escapeInThePromptGoesBackToTheFilterBefore() {
        var model = model(filter: "kern")
        model.press(all: ["\\", .control("u")])
        model.type("postgres")
        #expect(model.listed == ["hash_search_with_hash_value"])
        model.press(all: [.escape])
        #expect(model.filter.text == "kern" && model.rows.count == 2)
        model.press(all: [.escape])
        #expect(model.filter.isEmpty)
    }

    @Test func upBringsBackWhatWasKept() {
        var model = model()
        for text in ["kern", "self>9"] {
            model.press(all: ["\\", .control("u")])
            model.type(text)
            model.press(all: [.enter])
        }
        model.press(all: ["\\", .control("u"), .up, .up])
        #expect(model.prompt?.text == "kern" && model.rows.count == 2)
        model.press(all: [.down])
        #expect(model.prompt?.text == "self>9" && model.rows.count == 3)
    }

    /// One filter for all views: what is hidden in one is hidden in every other, and shares stay those of all samples.
    @Test func theFilterHoldsInEveryView() {
        var model = model(filter: "kern")
        let samples = model.listedSamples
        for key in ["5", "6", "7", "8"] {
            model.type(key)
            #expect(model.listedSamples == samples, "view \(key)")
        }
        model.type("6")
        #expect(model.listed == ["[kernel]"])
    }
}
