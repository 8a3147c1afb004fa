import SampleEngine
import Testing
import perftop

@testable import TopView

/// A live screen and a report of the same records, side by side, second by second.
struct Journey {
    /// What a screen shows at a time, and what it can step back to (`Request.history`).
    static let (window, history) = (10, 120)

    let tape: Tape
    private let live: TapeSession
    private let batch: TapeSession
    private(set) var report = TapeReport()
    private(set) var model: TopModel
    /// What the last profile did to the screen.
    private(set) var effect = Effect.none
    /// The second that is over.
    private(set) var now = 0

    init() throws {
        tape = try Tape()
        live = try TapeSession(tape, window: UInt64(Self.history) * Tape.second)
        batch = try TapeSession(tape, window: nil)
        let capabilities = Capabilities(unicode: true, colors: .many)
        model = TopModel(.init(capabilities: capabilities, window: UInt64(Self.window) * Tape.second))
    }

    /// Lets seconds pass, for both.
    mutating func pass(seconds: Int) throws {
        for _ in 0..<seconds {
            now += 1
            effect = model.receive(try live.play(second: now))
            let profile = try batch.play(second: now)
            try #require(profile.slices.count == 1, "a frame is a second")
            try report.add(TapeFrame.json(profile, number: now))
        }
    }

    // MARK: Keys

    mutating func press(_ keys: Key...) { for key in keys { _ = model.press(key) } }

    mutating func type(_ text: String) { for scalar in text.unicodeScalars { _ = model.press(.character(scalar)) } }

    /// Regroups as a user does: each key in the menu that is not as wanted is changed, those that come in first.
    mutating func group(by keys: Set<GroupKey>) {
        press("b")
        for isComing in [true, false] {
            press(.home)
            for key in TopModel.groupKeys {
                let isOn = model.grouping.contains(key)
                if isOn != keys.contains(key), isOn != isComing { press(" ") }
                press(.down)
            }
        }
        press(.enter)
    }

    mutating func filter(_ text: String) {
        press("\\", .control("u"))
        type(text)
        press(.enter)
    }

    // MARK: Compared

    /// The seconds on the screen where it ends with this one.
    private func span(to second: Int) -> ClosedRange<Int> {
        max(second - Self.window + 1, now - Self.history + 1, 1)...second
    }

    /// The screen that ends with a second against the frames of its seconds: all samples, and row by row those of the
    /// rows that hold what `holds` says.
    func compare(
        endingAt second: Int, _ what: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
        where holds: (TapeFrame.Row) -> Bool = { _ in true }
    ) {
        let span = span(to: second)
        var listed: [Place: UInt64] = [:]
        for row in model.rows { listed[Place(row), default: 0] += row.selfSamples }
        let event = model.event
        let expected = report.table(of: event, in: span, by: model.grouping, where: holds)
        #expect(
            model.samples == report.samples(of: event, in: span), "\(what ?? "") of seconds \(span)",
            sourceLocation: sourceLocation)
        #expect(listed == expected, "\(what ?? "") of seconds \(span)", sourceLocation: sourceLocation)
        #expect(
            model.rows.reduce(0) { $0 + $1.selfSamples } == expected.values.reduce(0, +), sourceLocation: sourceLocation
        )
        // Flat samples: nothing is in the total that is not in the row itself.
        #expect(model.rows.allSatisfy { $0.totalSamples == $0.selfSamples }, sourceLocation: sourceLocation)
    }
}
