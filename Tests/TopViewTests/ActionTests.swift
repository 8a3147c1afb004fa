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

    /// However narrow the screen is, the bar holds whole words of the table, one of them the way out.
    @Test(arguments: [[], ["?"], ["s"], [" "], ["b"], ["5"], ["9"], ["\\"]] as [[Key]])
    func barHoldsWholeLabels(keys: [Key]) {
        let words = Set(Binding.all.flatMap { [$0.label, $0.otherLabel] }.compactMap { $0 })
        for columns in 20...140 {
            var model = model()
            model.press(all: keys)
            let bar = model.draw(columns: columns, lines: 24).lines.last
            #expect(bar?.cells == columns)
            guard model.prompt == nil else { continue }
            let labels = bar?.runs.filter { $0.role == .keyText }.map { String($0.text.dropFirst()) } ?? []
            #expect(labels.allSatisfy(words.contains), "\(labels) at \(columns)")
            #expect(labels.contains("Back") || labels.contains("Quit"), "\(labels) at \(columns)")
        }
    }

    /// Capitals destroy, if anything does: the same letter without Shift never leaves or resets.
    @Test func noSlipLosesData() {
        let lost: Set<Action> = [.quit, .leave]
        for binding in Binding.all where lost.contains(binding.action) {
            for case .character(let scalar) in binding.keys {
                let shifted = Character(scalar).uppercased().unicodeScalars.first.map { Key.character($0) }
                #expect(shifted == .character(scalar) || Binding.action(for: shifted ?? "?", in: .table) == nil)
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
