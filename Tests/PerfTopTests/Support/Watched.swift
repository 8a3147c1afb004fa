import Foundation
import Testing

/// A run of perftop in batch that is read while it goes on.
final class Watched {
    let top: Running

    init(_ arguments: [String], descriptors: [Int32] = []) throws {
        // What follows -- is the command's.
        let place = arguments.firstIndex(of: "--") ?? arguments.endIndex
        top = try Running(
            Machine.binary, arguments[..<place] + ["--batch", "--format", "json"] + arguments[place...],
            descriptors: descriptors)
    }

    /// What was read so far, and how many bytes that were: it is looked at again and again.
    private var taken: (bytes: Int, frames: [Report]) = (0, [])

    var frames: [Report] {
        let fresh = top.output.utf8.dropFirst(taken.bytes)
        // The last line may be half written.
        guard let end = fresh.lastIndex(of: UInt8(ascii: "\n")) else { return taken.frames }
        let whole = fresh[...end]
        if let frames = try? Report.frames(String(decoding: whole, as: UTF8.self)) {
            taken = (taken.bytes + whole.count, taken.frames + frames)
        }
        return taken.frames
    }

    func wait(
        _ what: String = "it", within seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation,
        until condition: ([Report]) -> Bool
    ) throws {
        let happened = waitUntil(within: seconds) { condition(frames) }
        try #require(
            happened, "\(what) did not happen; frames: \(frames.count), errors: \(top.errors)",
            sourceLocation: sourceLocation)
    }

    /// Waits for so many frames that end from now on; those that waited for names are written later than they ended.
    func settle(frames more: Int = 3) throws {
        let now = Date().ISO8601Format(.iso8601(timeZone: .gmt, includingFractionalSeconds: true))
        try wait { frames in frames.count { $0.time > now } >= more }
    }

    /// Ends it as Ctrl-C does, or by another signal, and gives what is left.
    func interrupt(by signal: Int32 = SIGINT, within seconds: Double = 90) throws -> [Report] {
        kill(top.pid, signal)
        return try Report.frames(top.finish(within: seconds).output)
    }
}
