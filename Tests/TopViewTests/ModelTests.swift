import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

@Suite struct ModelTests {
    @Test func cursorFollowsItsRow() {
        var builder = SyntheticProfile()
        var model = model(showing: profile(["a": 300, "b": 200, "c": 100], from: &builder))
        model.type("jj")
        #expect(model.chosen == "c")
        // The order is held for a while after a move.
        for _ in 0..<5 { _ = model.receive(profile(["a": 300, "b": 200, "c": 100], from: &builder)) }
        _ = model.receive(profile(["a": 100, "b": 200, "c": 300, "d": 150], from: &builder))
        #expect(model.listed == ["c", "b", "d", "a"])
        #expect(model.chosen == "c")
        _ = model.receive(profile(["a": 900, "b": 200, "c": 300], from: &builder))
        #expect(model.chosen == "c")
        // A row that is gone leaves the cursor where it was.
        _ = model.receive(profile(["a": 900, "b": 200], from: &builder))
        #expect(model.chosen == "b")
    }

    @Test func cursorOnTheFirstRowStaysOnTop() {
        var builder = SyntheticProfile()
        var model = model(showing: profile(["a": 300, "b": 200], from: &builder))
        _ = model.receive(profile(["a": 100, "b": 200], from: &builder))
        #expect(model.chosen == "b")
        model.type("jk")
        _ = model.receive(profile(["a": 300, "b": 200], from: &builder))
        #expect(model.chosen == "a")
    }

    @Test func rowsScrollWithTheCursor() {
        var builder = SyntheticProfile()
        for index in 0..<100 { builder.add("f\(index)", module: "m", process: "p", samples: UInt64(1000 - index)) }
        var model = model(showing: builder.next())
        _ = model.draw(columns: 80, lines: 24)
        model.type("G")
        #expect(model.draw(columns: 80, lines: 24).text.contains("f99"))
        model.type("g")
        #expect(model.draw(columns: 80, lines: 24).text.contains("f0\n"))
        _ = model.press(.pageDown)
        #expect(model.chosen == "f\(model.pageRows)")
        let picture = model.draw(columns: 80, lines: 24)
        let cursor = picture.cursor.map { picture.lines[$0.line].text } ?? ""
        #expect(cursor.hasPrefix("▶") && cursor.contains("f\(model.pageRows)"))
    }

    @Test func filterLooksAtAllNamesAndKeepsPercentages() {
        var model = model()
        let before = model.rows.first { $0.module == "[kernel]" }?.selfPercent
        model.type("\\KERN")
        #expect(model.rows.isEmpty, "a capital letter makes case matter")
        model.press(all: [.control("u")])
        model.type("kern")
        #expect(model.rows.count == 2)
        #expect(model.rows.first?.selfPercent == before)
        model.press(all: [.control("u")])
        model.type("ksoft")
        #expect(model.listed == ["__netif_receive_skb_core.constprop.0"])
        model.press(all: [.enter])
        #expect(model.context == .table && model.rows.count == 1)
        model.press(all: [.escape])
        #expect(model.rows.count == 10)
        #expect(model.press(.escape) != .quit)
    }

    @Test func filterThatHidesEverythingSaysSo() {
        var model = model(filter: "zzz")
        #expect(model.draw(columns: 80, lines: 24).text.contains("filter \"zzz\" hides all 10 rows"))
    }

    @Test func promptHasReadlineKeys() {
        var model = model()
        model.type("\\one two")
        model.press(all: [.control("w")])
        #expect(model.prompt?.text == "one ")
        model.press(all: [.control("a")])
        model.type("x")
        model.press(all: [.right, .delete, .control("e"), .backspace])
        #expect(model.prompt?.text == "xoe")
        model.press(all: [.left, .control("k")])
        #expect(model.prompt?.text == "xo")
        model.press(all: [.enter, "\\", .control("u")])
        model.type("new")
        model.press(all: [.up])
        #expect(model.prompt?.text == "xo")
        model.press(all: [.down])
        #expect(model.prompt?.text == "new")
    }

    @Test func sortsByEveryColumnBothWays() {
        var model = model()
        for (index, column) in model.sortable.enumerated() {
            model.press(all: ["s", .home] + Array(repeating: .down, count: index) + [.enter])
            if model.ordering.column != column || model.ordering.inverted { model.type("I") }
            #expect(model.ordering == Ordering(column))
            let forward = model.listed
            model.type("I")
            #expect(model.ordering == Ordering(column, inverted: true))
            if column == .selfPercent { #expect(model.listed == forward.reversed()) }
            if column == .function { #expect(model.listed == forward.sorted().reversed()) }
            model.type("I")
        }
        model.press(all: Array(repeating: "<", count: 20))
        #expect(model.ordering.column == .selfPercent)
        model.type(">")
        #expect(model.ordering.column == .samples)
    }

    @Test func choosingTheSortedColumnAgainTurnsItRound() {
        var model = model()
        model.press(all: ["s", .enter])
        #expect(model.ordering == Ordering(.selfPercent, inverted: true))
        #expect(model.draw(columns: 80, lines: 24).text.contains("SELF%△"))
    }

    @Test func frozenPictureStandsStillAndCatchesUp() {
        var builder = SyntheticProfile()
        var model = model(showing: profile(["a": 1], from: &builder))
        model.type(" ")
        let frozen = model.draw(columns: 80, lines: 24)
        #expect(model.receive(profile(["b": 1], from: &builder)) == .none)
        #expect(model.draw(columns: 80, lines: 24) == frozen)
        model.type("Z")
        #expect(model.listed == ["b"])
    }

    @Test func eventsAreShownOneAtATime() {
        let events = ["cycles", "faults"].map { EventInUse(name: $0, frequency: 999, period: nil) }
        var builder = SyntheticProfile(events: events)
        builder.add("spin", module: "m", process: "p", samples: 3, event: 0)
        builder.add("touch", module: "m", process: "p", samples: 5, event: 1)
        var model = model(showing: builder.next())
        #expect(model.listed == ["spin"])
        model.type("e")
        #expect(model.listed == ["touch"])
        #expect(model.draw(columns: 80, lines: 24).text.contains("faults @ 999 Hz [2/2]"))
        model.type("e")
        #expect(model.listed == ["spin"])
    }

    @Test func healthNamesWhatIsWrong() {
        var builder = SyntheticProfile()
        builder.rings[1].kernelLost = 640
        #expect(RingVerdict(builder.next()).sentence == "LOST 3.1% of samples: ring of CPU 1 full; try -m 512")
        builder.rings = [SyntheticProfile.ring(cpu: 0), SyntheticProfile.ring(cpu: 0, purpose: .sideBand)]
        #expect(RingVerdict(builder.next()).isFine)
        builder.rings[1].lost = 12
        builder.rings[1].kernelLost = nil
        let sideBand = "LOST 12 side-band records on CPU 0: names may be wrong or missing for a while"
        #expect(RingVerdict(builder.next()).sentence == sideBand, "-m does not size these rings")
        builder.rings[0].kernelLost = 10
        #expect(
            RingVerdict(builder.next()).sentence
                == "LOST 0.1% of samples: ring of CPU 0 full; try -m 512; \(sideBand)")
        builder.rings[0].throttled = 7
        #expect(RingVerdict(builder.next()).sentence.contains("throttled 7 times"))
    }

    @Test func exitedIsAWord() {
        var builder = SyntheticProfile()
        builder.state = .exited
        var model = model(showing: builder.next())
        let text = model.draw(columns: 80, lines: 24).text
        #expect(text.contains("exited ") && text.contains("pid 1234 has exited"))
    }

    @Test func numbersAreReadable() {
        #expect(Numbers.grouped(UInt64(1_234_567)) == "1,234,567")
        #expect(Numbers.fixed(99.996, 2) == "100.00" && Numbers.fixed(.nan, 2) == "0.00")
        #expect(Numbers.bytes(18_432_000) == "18M" && Numbers.bytes(1e30).count < 20)
        #expect(Numbers.short(61_344) == "61344" && Numbers.short(1_240_000) == "1.2M")
        #expect(Numbers.clock(nanoseconds: 1_767_276_207_000_000_000, utcOffset: -3600) == "13:03:27")
        #expect(Numbers.delay(nanoseconds: 1_234_567) == "1.2ms" && Numbers.seconds(125) == "2m05s")
    }

    /// A hand that knows another program is told where the keys are.
    @Test func aKeyThatDoesNothingSaysSo() {
        var model = model()
        #expect(model.press("h") == .redraw)
        #expect(model.draw(columns: 80, lines: 24).text.contains("h does nothing here: ? lists all keys"))
        #expect(model.press(.function(12)) == .redraw, "the sentence goes")
        #expect(model.press(.function(12)) == .none)
        model.type("?h")
        #expect(model.context == .help)
    }

    @Test(arguments: [("250ms", UInt64(250_000_000)), ("0.5", 500_000_000), ("2m", 120_000_000_000)])
    func theTimeBetweenPicturesIsAskedFor(text: String, delay: UInt64) {
        var model = model()
        model.type("d")
        #expect(model.draw(columns: 80, lines: 24).text.contains("A picture every: 1.0s"))
        _ = model.press(.control("u"))
        model.type(text)
        #expect(model.press(.enter) == .delay(delay))
        model.type("d")
        for wrong in ["", "soon", "0", "-1", "2h", "1e99", "nan"] {
            _ = model.press(.control("u"))
            model.type(wrong)
            #expect(model.press(.enter) == .redraw)
            #expect(model.draw(columns: 80, lines: 24).text.contains("is no time from 1ms to 1h"), "\(wrong)")
            model.type("d")
        }
        _ = model.press(.escape)
        #expect(model.delay == delay && model.context == .table)
    }
}
