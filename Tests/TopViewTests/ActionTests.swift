import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

@Suite struct ActionTests {
    @Test func everyActionIsBoundAndExplained() {
        for action in Action.allCases {
            let bindings = Binding.all.filter { $0.action == action }
            #expect(bindings.count == 1, "\(action)")
            #expect(bindings.allSatisfy { !$0.keys.isEmpty && !$0.help.isEmpty && !$0.contexts.isEmpty }, "\(action)")
        }
    }

    @Test func noKeyMeansTwoThings() {
        for context in KeyContext.allCases {
            var seen: [Key: Action] = [:]
            for binding in Binding.all where binding.contexts.contains(context) {
                for key in binding.keys {
                    #expect(seen[key] == nil, "\(key.name) in \(context)")
                    seen[key] = binding.action
                }
            }
        }
    }

    @Test func functionKeysHaveATwin() {
        for binding in Binding.all
        where binding.keys.contains(where: { if case .function = $0 { true } else { false } }) {
            #expect(binding.keys.contains { if case .character = $0 { true } else { false } }, "\(binding.action)")
        }
    }

    @Test func helpShowsEveryKey() {
        var model = model()
        model.type("?")
        let help = model.draw(columns: 120, lines: 200).text
        for binding in Binding.all {
            #expect(help.contains(binding.help), "\(binding.action)")
            for key in binding.keys { #expect(help.contains(key.name), "\(binding.action)") }
        }
    }

    @Test func helpScrollsToItsEndAndCloses() {
        var model = model()
        model.type("?")
        _ = model.draw(columns: 80, lines: 12)
        model.type("G")
        #expect(model.draw(columns: 80, lines: 12).text.contains("LOST"))
        model.type("q")
        #expect(model.context == .table)
    }

    /// The keys in the bar are never cut in the middle, however narrow the screen is.
    @Test func barHoldsWholeLabels() {
        for keys: [Key] in [[], ["?"], ["s"], [" "]] {
            for columns in 20...140 {
                var model = model()
                model.press(all: keys)
                let bar = model.draw(columns: columns, lines: 24).lines.last
                let labels = bar?.runs.filter { $0.role == .keyText }.map { $0.text.dropFirst() } ?? []
                #expect(!labels.isEmpty)
                for label in labels {
                    let isKnown = label == "Resume" || Binding.all.contains { $0.label.map { $0 == label } ?? false }
                    #expect(isKnown, "\(label) at \(columns)")
                }
            }
        }
    }

    @Test func viewsThatAreNotBuiltSaySo() {
        for view in View.allCases where !view.isBuilt {
            var model = model()
            model.type("\(view.rawValue)")
            #expect(model.view == .functions)
            #expect(model.draw(columns: 80, lines: 24).text.contains("\(view.title): this view is not built yet"))
        }
    }

    @Test func quitClosesWhatIsOpenFirst() {
        var model = model()
        model.type("?")
        #expect(model.press("q") == .redraw)
        #expect(model.press("q") == .quit)
        #expect(model.press(.escape) == .redraw)
        model.type("\\q")
        #expect(model.prompt?.text == "q")
        #expect(model.press(.control("l")) == .repaint)
    }
}
