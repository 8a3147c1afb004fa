internal import SampleEngine
internal import SampleEngineTestSupport

@testable internal import TopView

/// Fuzzing of what many parts do together: a session with all that shows it, and the screen under any keys.
enum Sessions {
    /// A session of hostile writers, drawn as a screen or written as reports.
    static func run(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let window: UInt64? = first & 1 == 0 ? nil : 10_000_000_000
        guard var session = try? HostileSession(Array(bytes.dropFirst()), window: window) else {
            fatalError("no hostile session")
        }
        var model = screen(window: window)
        var number = 0
        while let profile = session.next() {
            number += 1
            if window == nil {
                write(profile, number)
            } else {
                _ = model.receive(profile)
                for _ in 0..<(session.nextByte() & 3) { press(session.nextByte(), &model) }
                _ = model.notice(lateAt: .now)
                _ = model.draw(columns: 40 + Int(session.nextByte()), lines: 4 + Int(session.nextByte() & 63))
            }
        }
    }

    /// A user without a plan on a screen whose rows are called whatever others like.
    static func pressKeys(_ bytes: [UInt8]) {
        var model = screen(window: 3_000_000_000)
        var profiles = SyntheticProfile(target: "pid 1", events: events)
        for (number, name) in ["plain", "a::b<c>(d)", "[kernel]", "\u{301}\u{301}", "名前", "e\u{301}é", "", "=1"]
            .enumerated()
        {
            profiles.add(
                name, module: name, process: name, pid: Int32(number), kind: [.user, .kernel, .unknown][number % 3],
                samples: 1 << UInt64(number), event: UInt16(number & 1))
            if number & 3 == 3 { profiles.endSlice() }
        }
        var keys = KeyReader()
        var (columns, lines) = (80, 24)
        for byte in bytes.prefix(2000) {
            switch byte {
            // Beyond what UTF-8 has: a profile, a click, another size, and the keys that curses knows.
            case 0xff: _ = model.receive(profiles.next())
            case 0xfe: _ = model.point(Pointer(.press, line: columns % 30, column: lines))
            case 0xfd: (columns, lines) = ((columns &* 7 &+ 3) % 250, (lines &* 5 &+ 1) % 90)
            case 0xf8...0xfc: press(byte, &model)
            default: if case .key(let key) = keys.input(of: Int32(byte)) { _ = model.press(key) }
            }
            if byte & 7 == 0 { _ = model.draw(columns: columns, lines: lines) }
        }
        _ = model.draw(columns: columns, lines: lines)
    }

    private static let events = [
        EventInUse(name: "cycles", frequency: 999, period: nil), EventInUse(name: "faults", frequency: nil, period: 7),
    ]

    private static func screen(window: UInt64?) -> TopModel {
        var setup = TopModel.Setup(capabilities: Capabilities(unicode: true, colors: .many))
        setup.window = window
        return TopModel(setup)
    }

    private static func press(_ byte: UInt8, _ model: inout TopModel) {
        let named: [Key] = [
            .up, .down, .left, .right, .pageUp, .pageDown, .home, .end, .insert, .delete, .backspace, .enter, .tab,
            .backTab, .escape, .function(Int(byte & 15)),
        ]
        if byte >= 0xf0 {
            _ = model.press(named[Int(byte & 15)])
        } else {
            _ = model.press(.character(Unicode.Scalar(byte)))
        }
    }

    private static func write(_ profile: Profile, _ number: Int) {
        let options = ReportOptions(grouping: Set(GroupKey.allCases))
        for event in profile.session.events.indices {
            let frame = BatchFrame(profile, event: event, number: number, options: options)
            _ = CSVFormat().text(frame)
            var text = TextFormat()
            _ = text.text(frame)
            // The same every time beside what has been written so far; and it takes most of the time.
            if number == 1 { _ = try? JSONFormat().text(frame) }
        }
    }
}
