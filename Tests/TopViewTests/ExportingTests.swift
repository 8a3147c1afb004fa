import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// Asking where to write what is shown, and never over anything unasked.
@Suite struct ExportingTests {
    private func typed(_ name: String, into model: inout TopModel) -> Effect {
        model.type("w")
        _ = model.press(.control("u"))
        model.type(name)
        return model.press(.enter)
    }

    @Test func theNameTellsTheFormat() {
        for (name, format) in [("a.csv", Export.Format.csv), ("b.JSON", .json), ("c.txt", .text), ("d", .text)] {
            var model = model()
            guard case .export(let export) = typed(name, into: &model) else {
                Issue.record("\(name) is not written")
                continue
            }
            #expect(export.path == name && export.format == format && !export.overwrites)
        }
    }

    @Test func aFileThatIsThereIsAskedFor() {
        var model = model()
        guard case .export(let export) = typed("there.txt", into: &model) else { return #expect(Bool(false)) }
        model.exported(export, .exists)
        #expect(model.context == .question)
        #expect(model.draw(columns: 100, lines: 20).text.contains("Write over it? y yes, n no:  there.txt"))
        _ = model.press("5")
        _ = model.press(.enter)
        #expect(model.context == .question, "only an answer is one")
        _ = model.press("n")
        #expect(model.context == .table)
        model.exported(export, .exists)
        guard case .export(let again) = model.press("y") else { return #expect(Bool(false)) }
        #expect(again.overwrites && again.path == "there.txt")
        model.exported(again, .written(rows: 10))
        #expect(model.draw(columns: 100, lines: 20).text.contains("10 rows written to there.txt"))
        model.type("w")
        #expect(model.prompt?.text == "there.txt", "the name is offered again")
    }

    /// However small the screen and however long the name: nobody answers a question that is not there.
    @Test(arguments: [(20, 4), (40, 4), (20, 6), (80, 24)]) func theQuestionIsSeen(columns: Int, lines: Int) {
        var model = model()
        let path = "/srv/" + String(repeating: "d", count: 200) + "/old.txt"
        model.exported(Export(path: path), .exists)
        let last = model.draw(columns: columns, lines: lines).lines.last?.text ?? ""
        #expect(last.contains(columns < 40 ? "y/n: write over" : "Write over it? y yes, n no:"), "\(last)")
    }

    @Test func whatGoesWrongIsSaid() {
        var model = model()
        guard case .export(let export) = typed("x", into: &model) else { return #expect(Bool(false)) }
        model.exported(export, .failed("no space left on device"))
        #expect(model.draw(columns: 100, lines: 20).text.contains("x was not written: no space left on device"))
        #expect(typed("", into: &model) == .redraw)
        #expect(model.draw(columns: 100, lines: 20).text.contains("nothing was written: no name"))
        _ = model.press("w")
        #expect(model.press(.escape) == .redraw && model.context == .table)
    }

    /// All rows, as they are grouped, filtered and sorted, and a word about what was left out.
    @Test func whatIsShownIsWhatIsWritten() throws {
        var model = model(view: .processes)
        model.press(all: ["G", .enter])
        model.type("\\!nothing")
        model.press(all: [.enter])
        let table = try #require(model.shownTable)
        #expect(table.rows.map(\.key) == model.rows.map(\.key) && table.grouping == model.grouping)
        #expect(
            table.profile.session.notes == [
                "only samples in legacyd (pid 11)", "filter: !nothing", "written from the screen at 14:03:28",
            ])
        #expect(table.table.samples == model.samples)
    }

    @Test func withoutAProfileThereIsNothingToWrite() {
        var model = model(showing: nil)
        #expect(model.press("w") == .redraw)
        #expect(model.context == .table && model.shownTable == nil)
    }
}
