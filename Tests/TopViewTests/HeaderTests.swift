import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// The lines above the table: what the machine does, how samples came, what is wrong.
@Suite struct HeaderTests {
    @Test(arguments: [
        (0.0, 0.0, 0.0, "[            0.0%]"), (100, 0, 0, "[||||||||||100.0%]"), (30, 20, 10, "[|||##*     60.0%]"),
        (4, 4, 4, "[#          12.0%]"), (0, 0, 100, "[**********100.0%]"), (80, 80, 80, "[||||||||##100.0%]"),
        (.nan, -5, .infinity, "[            0.0%]"),
    ])
    func theBarHasASignForEachKind(user: Double, kernel: Double, interrupts: Double, bar: String) {
        #expect(MachineLoad(user: user, kernel: kernel, interrupts: interrupts).bar(cells: 10) == bar)
    }

    @Test func whatIsWrongGoesBeforeTheMachine() {
        var builder = SyntheticProfile()
        builder.addUsualRows()
        builder.rings[1].kernelLost = 640
        var model = model(showing: nil)
        _ = model.receive(builder.next(), load: MachineLoad(user: 50, kernel: 0, interrupts: 0))
        for columns in [60, 80, 100] {
            let line = model.draw(columns: columns, lines: 24).lines[1].text
            #expect(line.contains("LOST 3.1% of samples") && !line.contains("CPU ["), "\(columns): \(line)")
        }
        #expect(model.draw(columns: 160, lines: 24).lines[1].text.contains("CPU [") == true)
    }

    /// Shares of few samples, or of a few that stand for nearly all, may be chance; those of events that were all sampled are not.
    @Test(arguments: [
        // Samples and weights of two rows; what is said.
        ([20, 10], [20, 10], nil), ([20, 10], [20_000, 10_000], "few samples: shares ±18 points"),
        ([2, 2], [2_000, 2_000], "few samples: shares ±50 points"),
        ([1, 0], [1_000, 0], "few samples: shares ±100 points"),
        ([80, 40], [80_000, 40_000], nil), ([500, 1], [500, 90_000], "very unequal periods: shares ±99 points"),
        ([9_000, 9], [9_000, 9_000], "very unequal periods: shares ±17 points"),
        ([90_000, 900], [90_000, 900_000], nil),
    ])
    func sharesThatMayBeChanceSaySo(samples: [UInt64], weights: [UInt64], words: String?) {
        var builder = SyntheticProfile()
        builder.add("f", module: "m", process: "p", samples: samples[0], weight: weights[0])
        if samples[1] > 0 { builder.add("g", module: "m", process: "p", samples: samples[1], weight: weights[1]) }
        var model = model(showing: builder.next())
        #expect(model.table(of: model.profile!).uncertainty == words)
        for columns in [80, 120] {
            let line = model.draw(columns: columns, lines: 24).lines[1].text
            #expect(line.contains("shares ±") == (words != nil) && line.contains(words ?? "lost 0"), "\(line)")
        }
    }

    /// Stepping back shows the machine as it was.
    @Test func theLoadIsThatOfTheMoment() {
        var builder = SyntheticProfile()
        let capabilities = Capabilities(unicode: true, colors: .many)
        var model = TopModel(.init(capabilities: capabilities, window: 1_000_000_000))
        for second in 1...5 {
            builder.add("f", module: "m", process: "p", samples: 10)
            builder.endSlice()
            _ = model.receive(builder.next(), load: MachineLoad(user: Double(second * 10), kernel: 0, interrupts: 0))
        }
        #expect(model.draw(columns: 120, lines: 24).text.contains("50.0%] user 50"))
        model.type("[[")
        #expect(model.draw(columns: 120, lines: 24).text.contains("30.0%] user 30"))
    }

    /// Names that take long are told of in a place that is there anyway: no row moves for it.
    @Test func slowNamesAreToldOf() {
        var builder = SyntheticProfile()
        builder.addUsualRows()
        var usual = model(showing: builder.next())
        let before = usual.draw(columns: 140, lines: 24).lines
        builder.addUsualRows()
        builder.backlog = NamingBacklog(places: 4711, spaces: 12, next: "libLLVM.so.17")
        var slow = model(showing: builder.next())
        let after = slow.draw(columns: 140, lines: 24).lines
        #expect(after.contains { $0.text.contains("names being read: 12 to go, libLLVM.so.17…") })
        #expect(before.firstIndex { $0.text.contains("SELF%") } == after.firstIndex { $0.text.contains("SELF%") })
        #expect(slow.draw(columns: 80, lines: 24).text.contains("names being read: 12 to go"))
        slow.type(" ")
        #expect(
            !slow.draw(columns: 140, lines: 24).text.contains("names being read: 12"), "a frozen screen reads nothing")
    }
}
