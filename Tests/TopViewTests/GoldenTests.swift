import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

/// Whole screens as text. `PERFTOP_RECORD=1 swift test` writes them anew; read the difference before you commit it.
@Suite struct GoldenTests {
    @Test func wide() throws {
        var model = model()
        try check(model.draw(columns: 120, lines: 40), "wide", "All columns, all tabs, a detail strip, ten rows.")
    }

    @Test func ordinary() throws {
        var model = model()
        try check(
            model.draw(columns: 80, lines: 24), "80x24",
            "Samples have left, trends have eight bars, tab names are short, names cut in the middle.")
    }

    @Test func narrow() throws {
        var model = model()
        try check(model.draw(columns: 60, lines: 15), "60x15", "Samples and modules have left; trend and process stay.")
        try check(
            model.draw(columns: 40, lines: 10), "40x10",
            "Only SELF%, K and FUNCTION; the table has five rows and a bar.")
        try check(model.draw(columns: 20, lines: 4), "20x4", "A header and three rows, nothing else.")
        try check(model.draw(columns: 10, lines: 3), "10x3", "One sentence that says how large it has to be.")
    }

    @Test func ascii() throws {
        var model = model(unicode: false)
        model.press(all: [.down, .down])
        try check(
            model.draw(columns: 80, lines: 20), "ascii", "No sign outside ASCII; each cell of a foreign name is a ?.")
    }

    @Test func losses() throws {
        var builder = SyntheticProfile(notes: ["no hardware counters: using cpu-clock"])
        builder.addUsualRows()
        builder.rings[1].kernelLost = 640
        var model = model(showing: builder.next())
        try check(
            model.draw(columns: 80, lines: 15), "losses",
            "Line 2 says what is lost, where, and what helps; line 3 a note.")
    }

    @Test func rings() throws {
        var builder = SyntheticProfile(target: "all CPUs (2)")
        builder.addUsualRows()
        builder.rings.append(SyntheticProfile.ring(cpu: 0, purpose: .sideBand))
        builder.rings[1].kernelLost = 640
        builder.rings[1].peakBytes = builder.rings[1].size
        var model = model(showing: builder.next())
        model.type("9")
        try check(
            model.draw(columns: 120, lines: 14), "rings", "Head, tail, fill with a bar, rates and losses per ring.")
    }

    @Test func group() throws {
        var builder = SyntheticProfile(
            events: [
                EventInUse(name: "cpu-clock", frequency: 999, period: nil),
                EventInUse(name: "page-faults", frequency: nil, period: nil, leader: 0),
                EventInUse(name: "sched:sched_switch", frequency: nil, period: nil, leader: 0),
            ])
        builder.add("touch", module: "burn", process: "burn", samples: 700)
        builder.add("touch", module: "burn", process: "burn", samples: 1_234_567, event: 1)
        builder.add("spin", module: "burn", process: "burn", samples: 300)
        builder.add("spin", module: "burn", process: "burn", samples: 12, event: 2)
        var model = model(showing: builder.next())
        try check(
            model.draw(columns: 100, lines: 12), "group", "What the siblings counted stands in columns of their names.")
        model.type(">>")
        #expect(model.listed == ["touch", "spin"], "sorted by page-faults")
        model.type(">")
        #expect(model.listed == ["spin", "touch"], "sorted by sched_switch")
        model.type("e")
        #expect(model.listed == ["touch"], "the siblings have tables of their own")
    }

    @Test func overwrite() throws {
        var builder = SyntheticProfile(target: "all CPUs (2)")
        builder.addUsualRows()
        builder.rings[0].overwrites = true
        builder.rings[0].overrunBytes = 4_800_000
        builder.rings[1].enabledNanoseconds = 10_000_000_000
        builder.rings[1].runningNanoseconds = 6_200_000_000
        var model = model(showing: builder.next())
        model.type("9")
        model.press(all: [.enter])
        try check(
            model.draw(columns: 100, lines: 24), "overwrite",
            "Line 2 says what was overwritten and that events take turns; the detail says how the ring is read.")
    }

    @Test func help() throws {
        var model = model()
        model.type("?")
        try check(model.draw(columns: 80, lines: 122), "help", "Every key, in sections, with one line each.")
    }

    @Test func detail() throws {
        var model = model(filter: "emplace")
        model.press(all: [.enter])
        try check(
            model.draw(columns: 80, lines: 24), "detail", "The name in full over lines, then symbol, file and build-id."
        )
    }

    @Test func overlays() throws {
        var model = model()
        model.press(all: ["s", .down])
        try check(model.draw(columns: 80, lines: 14), "sort-menu", "A menu on the left, the table beside it.")
        model.press(all: [.escape, "\\"])
        model.type("kern")
        try check(
            model.draw(columns: 80, lines: 14), "prompt", "Two rows match; the last line is the prompt and counts.")
    }

    @Test func drilled() throws {
        var model = model(view: .processes)
        model.press(all: [.enter])
        try check(
            model.draw(columns: 100, lines: 12), "drilled",
            "The tab line says whose functions these are and their share; shares stay those of all samples.")
        model.press(all: [.escape, "b", .down])
        try check(
            model.draw(columns: 80, lines: 14), "group-menu",
            "A cross for what makes a row; the table beside it is grouped so already.")
    }

    @Test func past() throws {
        var builder = SyntheticProfile(target: "all CPUs (2)")
        for second in 0..<80 {
            builder.add("rising", module: "burn", process: "burn", samples: UInt64(second * 12))
            builder.add("steady", module: "burn", process: "burn", samples: 300)
            builder.add("burst", module: "libc.so.6", process: "burn", samples: second % 20 < 5 ? 400 : 4)
            if second > 60 {
                builder.add("late", module: "[kernel]", process: "cron", pid: 7, kind: .kernel, samples: 90)
            }
            builder.endSlice()
        }
        let capabilities = Capabilities(unicode: true, colors: .many)
        var model = TopModel(.init(capabilities: capabilities, window: 10_000_000_000))
        _ = model.receive(builder.next(), load: MachineLoad(user: 31, kernel: 8.1, interrupts: 2.1))
        model.press(all: [.enter])
        try check(
            model.draw(columns: 120, lines: 32), "trend",
            "Line 2 the machine, line 3 samples over two minutes with their scale. A bar for five seconds: what rises, what comes in bursts, what is new; the detail says it in numbers."
        )
        model.press(all: [.enter, "G", "p", "R"])
        for _ in 0..<10 {
            builder.add("steady", module: "burn", process: "burn", samples: 300)
            builder.add("fresh", module: "burn", process: "burn", samples: 100)
            builder.endSlice()
        }
        _ = model.receive(builder.next())
        try check(
            model.draw(columns: 120, lines: 12), "change",
            "Counted anew: CHANGE against what was shown before; the pinned row stays on top though it has no sample.")
        model.press(all: ["U", "z", "z", "[", "["])
        try check(
            model.draw(columns: 100, lines: 12), "history", "The first line says HISTORY and which moment it is.")
    }

    @Test func nothingToShow() throws {
        var builder = SyntheticProfile()
        var model = model(showing: builder.next())
        try check(model.draw(columns: 60, lines: 10), "asleep", "No rows, and a sentence that says why.")
    }

    /// What a terminal without colors has in their stead: under each line `r` reverse, `b` bold, `u` underlined.
    @Test func mono() throws {
        var model = model()
        model.press(all: [.down])
        model.type("/ngx")
        model.press(all: [.enter])
        let picture = model.draw(columns: 80, lines: 14)
        var lines: [String] = []
        for line in picture.lines {
            lines.append(line.text)
            let marks = line.runs.reduce(into: "") { marks, run in
                let look = Theme.auto.look(of: run.role, .mono)
                let mark = look.reverse ? "r" : look.underline ? "u" : look.bold ? "b" : " "
                marks += String(repeating: mark, count: run.cells)
            }
            if marks.contains(where: { $0 != " " }) { lines.append(marks) }
        }
        let text = lines.map { $0.replacing(/\ +$/, with: "") }.joined(separator: "\n") + "\n"
        try check(text, "mono", "The chosen row and tab are reversed, a match has a *, the header is underlined.")
    }

    @Test func export() throws {
        var model = model()
        model.type("w")
        try check(
            model.draw(columns: 80, lines: 10), "export", "The last line asks for a name and tells of its endings.")
        guard case .export(let export) = model.press(.enter) else { return #expect(Bool(false)) }
        model.exported(export, .exists)
        try check(model.draw(columns: 80, lines: 10), "overwrite-file", "The last line asks before a file is replaced.")
    }

    @Test func wideNames() throws {
        var builder = SyntheticProfile()
        for (name, samples) in [
            ("解析する_行列の固有値を計算する関数", 50), ("e\u{301}toile_\u{0301}\u{0301}longue", 40), ("🚀🚀🚀_launch_👩‍👩‍👧_family", 30),
            ("שלום_عالم", 20), ("ctl\u{1b}[31mred\u{7}\u{202e}evil", 10),
        ] as [(String, UInt64)] {
            builder.add(
                displayText(name), module: displayText("モジュール\n.so"), process: displayText("프로세스"), samples: samples)
        }
        var model = model(showing: builder.next())
        try check(
            model.draw(columns: 60, lines: 12), "wide-names",
            "Every line ends at the same cell; control characters and turns of direction are shown as escapes.")
    }

    @Test func paused() throws {
        var model = model()
        model.type(" ")
        try check(model.draw(columns: 80, lines: 8), "paused", "The first line says PAUSED and since when.")
    }

    private func check(_ picture: Picture, _ name: String, _ lookFor: String) throws {
        try check(picture.text, name, lookFor)
    }

    private func check(_ text: String, _ name: String, _ lookFor: String) throws {
        let path = String(#filePath.dropLast("GoldenTests.swift".count)) + "Golden/\(name).txt"
        let drawn = lookFor + "\n\n" + text
        if ProcessInfo.processInfo.environment["PERFTOP_RECORD"] == "1" {
            try drawn.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let golden = try String(contentsOfFile: path, encoding: .utf8)
        #expect(drawn == golden, "\(name) looks different:\n\(drawn)")
    }
}
