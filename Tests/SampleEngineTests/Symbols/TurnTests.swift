import Testing

@testable import SampleEngine

@Suite("One at a time")
struct TurnTests {
    private static func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test("Who comes second waits until it is given back")
    func exclusive() throws {
        let turn = Turn()
        let first = try #require(turn.take(at: Self.at(0)))
        #expect(turn.take(at: Self.at(1)) == nil)
        turn.giveBack(first)
        #expect(turn.take(at: Self.at(1)) != nil)
    }

    @Test("Who stands still loses it, and takes nothing from the next one by coming back")
    func standingStill() throws {
        let turn = Turn()
        let first = try #require(turn.take(at: Self.at(0)))
        for time in stride(from: UInt64(900), to: 9000, by: 900) {
            turn.move(first, at: Self.at(time))
            #expect(turn.take(at: Self.at(time + 899)) == nil)
        }
        let second = try #require(turn.take(at: Self.at(20_000)))
        turn.move(first, at: Self.at(20_999))
        turn.giveBack(first)
        #expect(turn.take(at: Self.at(20_999)) == nil, "it is the second one's")
        #expect(turn.take(at: Self.at(21_000)) != nil)
        turn.giveBack(second)
        #expect(turn.take(at: Self.at(21_001)) == nil, "it is the third one's")
    }
}
