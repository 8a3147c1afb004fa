import SampleEngine
import SampleEngineTestSupport
import Testing

@testable import TopView

@Suite struct WidthTests {
    @Test func cellsOfText() {
        #expect(TextWidth.cells(of: "main") == 4)
        #expect(TextWidth.cells(of: "解析") == 4)
        #expect(TextWidth.cells(of: "🚀") == 2)
        #expect(TextWidth.cells(of: "e\u{301}") == 1)
        #expect(TextWidth.cells(of: "か\u{3099}") == 2)
        #expect(TextWidth.cells(of: "한") == 2)
        #expect(TextWidth.cells(of: "\u{1112}\u{1161}\u{11ab}") == 2)
        #expect(TextWidth.cells(of: "…▶▽─") == 4)
    }

    @Test func cutsBetweenCells() {
        #expect(TextWidth.head(of: "解析", cells: 3).text == "解")
        #expect(TextWidth.tail(of: "解析", cells: 3).text == "析")
        #expect(TextWidth.head(of: "e\u{301}x", cells: 1).text.unicodeScalars.count == 2)
        #expect(TextWidth.tail(of: "xe\u{301}", cells: 1).text.unicodeScalars.count == 2)
        #expect(TextWidth.head(of: "\u{301}x", cells: 1).text == "x")
        #expect(TextWidth.dropping(cells: 1, from: "解析") == "析")
        #expect(TextWidth.ascii("解a") == "??a")
    }

    @Test func namesAreCutToTheCell() {
        let fitter = Fitter(Capabilities(unicode: true, colors: .mono))
        for name in hostileNames {
            for width in 0...40 {
                #expect(TextWidth.cells(of: fitter.fit(name, to: width)) == width)
                #expect(TextWidth.cells(of: fitter.fit(name, to: width, .middle)) == width)
                for offset in [0, 1, 2, 5, 100] {
                    #expect(TextWidth.cells(of: fitter.scrolled(name, by: offset, to: width)) == width)
                }
            }
        }
        #expect(fitter.cut("abcdefghijklmnop", to: 9, .middle) == "abcd…mnop")
        #expect(fitter.scrolled("abcdefghijklmnop", by: 3, to: 9) == "…efghijk…")
        #expect(fitter.scrolled("abcdefghijklmnop", by: 99, to: 9) == "…ijklmnop")
    }

    /// Every line of every screen is exactly as wide as the terminal, whatever names come and whatever is open.
    @Test(arguments: [true, false]) func everyLineHasTheWidth(unicode: Bool) {
        var builder = SyntheticProfile(
            target: "pid " + hostileNames[2],
            events: [
                EventInUse(name: hostileNames[1], frequency: 999, period: nil),
                EventInUse(name: "faults", frequency: nil, period: 100_000),
            ], notes: hostileNames)
        for (index, name) in hostileNames.enumerated() {
            builder.add(
                name, raw: name + "raw", module: name, path: "/" + name, buildID: "ff", process: name,
                pid: Int32(index + 1), samples: UInt64.max / 64)
        }
        builder.rings[0].kernelLost = .max / 4
        builder.rings[0].thread = 77
        builder.rings[0].event = hostileNames[3]
        builder.rings[1].head = .max
        builder.rings[1].bytes = .max
        let hostile = builder.next()
        let all = Set(GroupKey.allCases)
        let openings: [[Key]] = [
            [], ["9"], ["?"], ["s"], ["\\", "x"], [.enter], [" "], ["2"], ["9", .enter], ["e"], ["}", "}", .end],
            ["\\", "解"], ["9", "s", .down], ["5"], ["6", .down, .enter], ["7", .enter, "8"], ["8"], ["b", " ", .down],
        ]
        for profile in [nil, hostile, usualProfile()] {
            for keys in openings {
                for grouping in [all, [.process, .module, .function], [.process]] {
                    var model = model(unicode: unicode, showing: profile, grouping: grouping)
                    model.press(all: keys)
                    for (columns, lines) in sizes {
                        let picture = model.draw(columns: columns, lines: lines)
                        #expect(picture.lines.count == lines, "\(columns)x\(lines) after \(keys)")
                        for line in picture.lines {
                            let isExact = line.cells == columns && TextWidth.cells(of: line.text) == columns
                            #expect(isExact, "\(columns)x\(lines) after \(keys): \(line.text)")
                            if !unicode { #expect(line.text.utf8.allSatisfy { $0 < 0x80 }, "\(line.text)") }
                        }
                        if let cursor = picture.cursor {
                            #expect(cursor.line < lines && cursor.column < columns && cursor.column >= 0)
                        }
                    }
                }
            }
        }
    }

    private let sizes = [
        (1, 1), (10, 3), (19, 4), (20, 4), (20, 5), (21, 6), (33, 7), (40, 10), (49, 9), (60, 15), (79, 24), (80, 24),
        (100, 30), (120, 40), (200, 60),
    ]
}

/// Names that break a screen which counts characters instead of cells.
let hostileNames = [
    "", "a", "解析する_行列_とても長い名前_これは切られる",
    "👩🏽\u{fe0f}🚀🏳\u{fe0f}🌈emoji🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀",
    "z" + String(repeating: "\u{301}", count: 60) + "algo", "\u{301}\u{301}leading",
    String(repeating: "very_long_", count: 60), "مرحبا_שלום", "한글\u{1112}\u{1161}", "｜全角｜", "\\x1b[31mred", "🇩🇪🇫🇷",
]
