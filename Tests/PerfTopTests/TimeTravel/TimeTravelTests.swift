import SampleEngine
import Testing
import perftop

@testable import TopView

/// The past on the screen is the report of that past, to the sample.
@Suite("seconds that have gone by", .needs(Machine.has("nm") ? nil : "no nm"), .timeLimit(.minutes(5)))
struct TimeTravelTests {
    @Test("live, each picture is the last frames of the report")
    func live() throws {
        var journey = try Journey()
        for second in 1...40 {
            try journey.pass(seconds: 1)
            #expect(journey.effect == .redraw)
            journey.compare(endingAt: second)
        }
        let all = journey.report.samples(of: 0, in: 1...40)
        #expect(all > 1000 && journey.report.samples(of: 0, in: Tape.quiet) == 0)
    }

    @Test("freeze 10 s, step back 30 s, regroup, filter, come back: the totals are the report's at every step")
    func thereAndBack() throws {
        var journey = try Journey()
        try journey.pass(seconds: 70)
        journey.press(" ")
        let frozen = journey.model.rows.map(\.selfSamples)
        for _ in 0..<10 {
            try journey.pass(seconds: 1)
            #expect(journey.effect == .none)
            #expect(journey.model.rows.map(\.selfSamples) == frozen)
            journey.compare(endingAt: 70, "frozen")
        }
        for step in 1...30 {
            journey.press("[")
            journey.compare(endingAt: 70 - step, "back")
            // Names change in between, and there are seconds without a sample.
            if step % 10 == 0 { lookAround(&journey, endingAt: 70 - step) }
        }
        for step in 1...40 {
            journey.press("]")
            journey.compare(endingAt: 40 + step, "on, and further than where it was frozen")
        }
        lookAround(&journey, endingAt: 80)
        journey.press("]")
        #expect(journey.model.message == "this is the newest moment; Space goes on")
        journey.press("[", "[", " ")
        #expect(!journey.model.isFrozen)
        journey.compare(endingAt: 80, "Space is now")
        try journey.pass(seconds: 10)
        journey.compare(endingAt: 90, "live again")
    }

    @Test("what is older than two minutes is gone, and nothing else")
    func oldest() throws {
        var journey = try Journey()
        try journey.pass(seconds: Journey.history + 15)
        let now = journey.now
        for step in 1..<Journey.history {
            journey.press("[")
            journey.compare(endingAt: now - step)
        }
        journey.press("[")
        #expect(journey.model.message?.contains("nothing older than 2m00s is kept") == true)
        journey.compare(endingAt: now - Journey.history + 1, "the oldest second alone")
    }

    // MARK: One moment in every way

    private func lookAround(_ journey: inout Journey, endingAt second: Int) {
        regroup(&journey, endingAt: second)
        filter(&journey, endingAt: second)
        drill(&journey, endingAt: second)
        journey.press("e")
        #expect(journey.model.event == 1)
        journey.compare(endingAt: second, "the other event")
        journey.press("e", "1")
        journey.compare(endingAt: second, "as before")
    }

    private func regroup(_ journey: inout Journey, endingAt second: Int) {
        let keys = TopModel.groupKeys
        let usual: Set<GroupKey> = [.process, .module, .function]
        for grouping in keys.map({ [$0] }) + [[.process, .cpu], [.function, .thread], Set(keys), usual] {
            journey.group(by: grouping)
            #expect(journey.model.grouping == grouping)
            journey.compare(endingAt: second, "by \(grouping)")
        }
    }

    private func filter(_ journey: inout Journey, endingAt second: Int) {
        let pid = journey.tape.pids[1]
        func anyName(_ row: TapeFrame.Row, _ text: String) -> Bool {
            [row.symbol, row.module, row.process].contains { $0.contains(text) }
        }
        let filters: [(text: String, holds: (TapeFrame.Row) -> Bool)] = [
            ("process:sleep", { $0.process.contains("sleep") }), ("module:libc", { $0.module.contains("libc") }),
            ("function:qsort", { $0.symbol.contains("qsort") }), ("!sleep", { !anyName($0, "sleep") }),
            ("pid:\(pid) cpu:2", { $0.pid == pid && $0.cpu == 2 }),
            (
                "tid:\(pid + 1) | between | after",
                { $0.tid == pid + 1 || anyName($0, "between") || anyName($0, "after") }
            ),
            ("/^(qsort|strtol)/ !process:tail", { ["qsort", "strtol"].contains($0.symbol) && $0.process != "tail" }),
            ("nobody is called that", { _ in false }),
        ]
        for (text, holds) in filters {
            journey.filter(text)
            #expect(journey.model.filter.text == text)
            for view in ["1", "5", "7", "8"] as [Key] {
                journey.press(view)
                journey.compare(endingAt: second, "\(text)", where: holds)
            }
            journey.press("1", .escape)
        }
    }

    /// Into each row of each other view, and into a second one from there.
    private func drill(_ journey: inout Journey, endingAt second: Int) {
        for view in ["5", "6", "8"] as [Key] {
            journey.press(view, .home)
            for index in journey.model.rows.indices {
                journey.press(view, .home)
                for _ in 0..<index { journey.press(.down) }
                let (keys, place) = (journey.model.grouping, Place(journey.model.rows[index]))
                journey.press(.enter)
                #expect(journey.model.levels.count == 1)
                journey.compare(endingAt: second, "inside \(place)") { Place($0, by: keys) == place }
                journey.press("8", .end, .enter)
                let cpu = journey.model.levels.last?.scope.key.cpu
                journey.compare(endingAt: second, "inside \(place) on CPU \(cpu ?? 0)") {
                    Place($0, by: keys) == place && $0.cpu == cpu
                }
                journey.press(.escape, .escape)
                journey.press("5", view)
                #expect(journey.model.levels.isEmpty)
            }
        }
        journey.press("1")
    }
}

extension EndToEnd {
    @Suite("seconds in the real program", .needs(Machine.has("nm") ? nil : "no nm")) struct Tapes {
        @Test("a batch run of the rings writes what the engine in this process writes")
        func batch() throws {
            let (tape, seconds) = (try Tape(), 12)
            let rings = try TapeRings(tape)
            let keys = TapeFrame.grouping.map(\.rawValue).sorted().joined(separator: ",")
            let top = try Running(
                Machine.binary,
                ["--ring-fd", "3,4", "--ring-fd", "5,6", "--ring-fd", "7,8", "--batch", "--format", "json"]
                    + ["-n", "\(seconds)", "--group-by", keys],
                descriptors: rings.rings.flatMap { [$0.memoryDescriptor, $0.wakeDescriptor] })
            // It takes the time at its start for the beginning: it must have started before time passes.
            let started = waitUntil(within: 20) { rings.hasBegun }
            try #require(started, "\(top.errors)")
            for second in 1...seconds {
                rings.write(second: second)
                rings.pass(second: second)
                let written = waitUntil(within: 20) {
                    top.output.utf8.count(where: { $0 == 10 }) == second * Tape.events.count
                }
                try #require(written, "second \(second): \(top.errors)")
            }
            let outcome = top.finish()
            #expect(outcome.status == 0, "\(outcome.errors)")

            let session = try TapeSession(tape, window: nil)
            var expected = ""
            for second in 1...seconds { expected += try TapeFrame.json(session.play(second: second), number: second) }
            let (theirs, ours) = (try TapeFrame.frames(outcome.output), try TapeFrame.frames(expected))
            try #require(theirs.count == seconds * Tape.events.count)
            for (theirs, ours) in zip(theirs, ours) { #expect(theirs == ours) }
            // It was about something.
            #expect(theirs.reduce(0) { $0 + $1.samples } > 300)
            #expect(Set(theirs.flatMap(\.rows).map(\.process)) == ["sleep", "tail", "before", "between"])
            #expect(Set(theirs.flatMap(\.rows).map(\.symbol)).isSuperset(of: ["qsort", "strtol", "getenv", "abort"]))
        }
    }
}
