import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// `/ n N #`: the cursor goes to rows that hold a text; no row is hidden.
@Suite struct SearchTests {
    private func model() -> TopModel {
        var builder = SyntheticProfile()
        for (index, name) in ["alpha", "beta", "gamma", "alphabet", "delta", "Alpha"].enumerated() {
            builder.add(name, module: "m", process: "p", samples: UInt64(100 - index))
        }
        var model = TopModel(TopModel.Setup(capabilities: Capabilities(unicode: true, decoration: true, colors: .many)))
        _ = model.receive(builder.next())
        return model
    }

    @Test func typingMovesToTheFirstMatchAndHidesNothing() {
        var model = model()
        model.type("/gam")
        #expect(model.chosen == "gamma")
        #expect(model.rows.count == 6)
        _ = model.press(.enter)
        #expect(model.draw(columns: 100, lines: 20).text.contains("match 1 of 1"))
    }

    @Test func nextAndPreviousGoRoundTheEnds() {
        var model = model()
        model.type("/alpha")
        _ = model.press(.enter)
        #expect(model.chosen == "alpha")
        model.type("n")
        #expect(model.chosen == "alphabet")
        model.type("n")
        #expect(model.chosen == "Alpha")
        model.type("n")
        #expect(model.chosen == "alpha")
        model.type("N")
        #expect(model.chosen == "Alpha")
    }

    @Test func matchesAreMarkedWithoutColorToo() {
        var model = model()
        model.type("/alpha")
        let marked = model.draw(columns: 100, lines: 20).text.split(separator: "\n").filter {
            $0.prefix(2).contains("*")
        }
        #expect(marked.count == 3)
    }

    @Test func escapeGoesBackToWhereTheSearchBegan() {
        var model = model()
        model.type("jj/delt")
        #expect(model.chosen == "delta")
        _ = model.press(.escape)
        #expect(model.chosen == "gamma")
        #expect(model.search.isEmpty)
    }

    @Test func escapeEndsSearchBeforeFilter() {
        var model = model()
        model.type("\\alpha")
        _ = model.press(.enter)
        model.type("/bet")
        _ = model.press(.enter)
        #expect(model.chosen == "alphabet")
        _ = model.press(.escape)
        #expect(model.search.isEmpty && model.rows.count == 3)
        _ = model.press(.escape)
        #expect(model.rows.count == 6)
    }

    @Test func sameFunctionAndNoMatchAndNothingYet() {
        var model = model()
        model.type("n")
        #expect(model.draw(columns: 100, lines: 20).text.contains("nothing is searched for yet"))
        model.type("#")
        #expect(model.search.source == "alpha")
        #expect(model.chosen == "alphabet")
        model.type("/zzz")
        _ = model.press(.enter)
        #expect(model.draw(columns: 100, lines: 20).text.contains("no row has \"zzz\""))
    }
}
