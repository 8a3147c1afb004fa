import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// The same samples seen as functions, processes, modules, threads, processors, or any combination.
@Suite struct ViewTests {
    /// Two processes of one program with two threads, one library they share.
    private func crowd() -> SyntheticProfile {
        var builder = SyntheticProfile()
        builder.add("parse", module: "web", process: "web", pid: 10, samples: 400)
        builder.add("copy", module: "libc", process: "web", pid: 10, samples: 100)
        builder.add("parse", module: "web", process: "web", pid: 20, samples: 300)
        builder.add("copy", module: "libc", process: "db", pid: 30, samples: 200)
        return builder
    }

    @Test func eachViewHasRowsOfItsOwn() {
        var builder = crowd()
        var model = model(showing: builder.next())
        model.type("5")
        #expect(model.listed == ["web (pid 10)", "web (pid 20)", "db (pid 30)"])
        model.type("6")
        #expect(model.listed == ["web", "libc"])
        model.type("7")
        #expect(model.listed == ["web (pid 10) thread 10", "web (pid 20) thread 20", "db (pid 30) thread 30"])
        model.type("8")
        #expect(model.listed == ["CPU 0"])
        model.type("1")
        #expect(model.listed == ["parse", "copy", "copy"])
    }

    /// Whatever makes a row, the rows together are all samples: nothing is lost by regrouping.
    @Test func everyGroupingHoldsAllSamples() {
        var builder = crowd()
        let profile = builder.next()
        let keys = TopModel.groupKeys
        for choice in 1..<(1 << keys.count) {
            let grouping = Set(keys.indices.filter { choice >> $0 & 1 == 1 }.map { keys[$0] })
            let table = profile.table(by: grouping)
            #expect(table.rows.reduce(0) { $0 + $1.selfSamples } == 1000, "\(grouping)")
            #expect(table.samplesInside == 1000 && table.percentInside == 100)
        }
    }

    /// Any row of any grouping can be entered, and holds inside exactly what it showed outside.
    @Test func everyRowHoldsWhatItShowed() {
        var builder = crowd()
        let profile = builder.next()
        let keys = TopModel.groupKeys
        for choice in 1..<(1 << keys.count) {
            let grouping = Set(keys.indices.filter { choice >> $0 & 1 == 1 }.map { keys[$0] })
            for row in profile.table(by: grouping).rows {
                let inside = profile.table(by: [.cpu], inside: [Scope(row.key, of: grouping)])
                #expect(inside.samplesInside == row.selfSamples, "\(grouping)")
                #expect(inside.rows.map(\.selfPercent) == [row.selfPercent], "shares stay those of all samples")
                #expect(inside.samples == 1000)
            }
        }
    }

    @Test func regroupingIsSeenAtOnceAndEscapeTakesItBack() {
        var builder = crowd()
        var model = model(showing: builder.next())
        // function, then module: what is left is the process.
        model.press(all: ["b", " ", .down, " "])
        #expect(model.listed == ["web", "db"])
        #expect(model.context == .menu)
        _ = model.receive(
            {
                builder.add("late", module: "x", process: "late", pid: 40, samples: 2000)
                return builder.next()
            }())
        #expect(model.listed == ["late"], "samples keep coming while the menu is open")
        model.press(all: [.escape])
        #expect(model.grouping == [.process, .module, .function] && model.context == .table)
        model.press(all: [.function(8), " ", .enter])
        #expect(model.grouping == [.process, .module])
        #expect(model.draw(columns: 120, lines: 20).text.contains("by module+process"))
    }

    @Test func aRowStandsForSomething() {
        var model = model(view: .modules)
        model.press(all: ["b", .down, " "])
        #expect(model.grouping == [.module])
        #expect(model.draw(columns: 80, lines: 20).text.contains("one key has to stay"))
    }

    @Test func enterGoesIntoAGroupAndEscapeComesBack() {
        var builder = crowd()
        var model = model(showing: builder.next())
        model.type("5j")
        model.press(all: [.enter])
        #expect(model.view == .functions && model.listed == ["parse"])
        #expect(model.draw(columns: 120, lines: 20).text.contains("in web (pid 20) 30.0%"))
        // Inside, the other views show the same process.
        model.type("6")
        #expect(model.listed == ["web"])
        model.press(all: [.escape])
        #expect(model.view == .processes && model.chosen == "web (pid 20)")
        model.type("1")
        #expect(model.listedSamples == 1000)
    }

    @Test func levelsAddUp() {
        var builder = crowd()
        var model = model(showing: builder.next(), view: .modules)
        model.press(all: [.down, .enter])
        #expect(model.listed == ["copy", "copy"])
        model.type("5")
        #expect(model.listed == ["db (pid 30)", "web (pid 10)"])
        model.press(all: [.enter])
        #expect(model.listed == ["copy"] && model.listedSamples == 200)
        #expect(model.draw(columns: 120, lines: 20).text.contains("in libc ▸ db (pid 30) 20.0%"))
        model.press(all: [.escape, .escape])
        #expect(model.view == .modules && model.levels.isEmpty)
        #expect(model.press(.escape) == .redraw, "and never leaves perftop")
    }

    @Test func aGroupThatIsGoneSaysSo() {
        var builder = crowd()
        var model = model(showing: builder.next(), view: .processes)
        model.press(all: [.enter])
        builder.add("other", module: "x", process: "x", pid: 99, samples: 5)
        _ = model.receive(builder.next())
        #expect(model.draw(columns: 100, lines: 20).text.contains("no samples in web (pid 10)"))
    }

    @Test func eachViewKeepsItsOrderAndItsRow() {
        var model = model(view: .processes)
        model.type("jj>")
        let (chosen, ordering) = (model.chosen, model.ordering)
        model.type("1G9")
        model.type("5")
        #expect(model.chosen == chosen && model.ordering == ordering)
    }
}
