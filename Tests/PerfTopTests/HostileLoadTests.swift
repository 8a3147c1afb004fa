import Foundation
import Synchronization
import Testing

/// How late the machine is for somebody who wants next to nothing of it: no program can be earlier.
private final class Lateness: Sendable {
    private let worst = Mutex(0.0)
    private let isOver = Mutex(false)

    init() {
        Thread { [self] in
            while !isOver.withLock({ $0 }) {
                let begun = ContinuousClock.now
                letPass(seconds: 0.02)
                let late = (ContinuousClock.now - begun) / .seconds(1) - 0.02
                worst.withLock { $0 = max($0, late) }
            }
        }.start()
    }

    func finish() -> Double {
        isOver.withLock { $0 = true }
        return worst.withLock { $0 }
    }
}

extension EndToEnd {
    /// What a plain user can put in root's way: whatever it is, frames are closed on time, and written soon after.
    @Suite("hostile loads", .needsPerfOfAll, .needsCompiler, .needs(whyNoUsers), .slow)
    struct HostileLoads {
        @Test(
            "frames of -d 1 keep their length and are written soon after; the rest of the machine keeps its names",
            arguments: [
                ("hostilefile", ["segments", "2000000"]), ("hostilefile", ["names", "200000"]),
                ("hostilefile", ["equal", "2000000"]), ("hostilefile", ["sparse", "2000000"]),
                ("hostilefile", ["growing", "200000"]), ("manymaps", ["30000"]), ("manythreads", ["4000"]),
            ])
        func frames(load: String, arguments: [String]) throws {
            let workshop = try Workshop()
            let programs = ["hostilefile": Program.hostileFile, "manymaps": .manyMaps, "manythreads": .manyThreads]
            let program = try #require(programs[load]).copy(to: workshop.folder, as: load)
            let there = ["env", "-C", workshop.plainFolder.path]
            let hostile = try Running(
                "/usr/bin/env", User.plain.prefix + there + [program.path] + arguments + ["180"])
            try hostile.wait(for: "ready")
            let burn = try Program.burn.start()
            let lateness = Lateness()
            let outcome = try run(
                Machine.binary, ["-a", "--batch", "-n", "6", "-d", "1", "--format", "json"], within: 120)
            let late = lateness.finish()
            #expect(hostile.isRunning, "it has ended before it was looked at: \(hostile.errors)")
            hostile.stop()
            burn.stop()
            let frames = try Report.frames(outcome.output)
            #expect(frames.count == 6)
            // A frame is closed by the clock, whatever is still being read; four thousand threads may leave nobody any time.
            for frame in frames {
                let words: Comment = "frame \(frame.frame): \(frame.intervalS) s, the machine \(late) s late"
                #expect(frame.intervalS < 3 + 2 * late, words)
                #expect(frame.samples > 0 || late > 0.5, words)
            }
            let own = frames.map { $0.rows.filter { $0.process == "burn" && !$0.isKernel } }
            let last = try #require(own.last)
            if load == "manythreads" {
                // One of four thousand has next to nothing of a frame. A hundred samples are several turns of burn; of
                // fewer each has a name, if only in the last frame: the others may be written before they are known.
                #expect(own.joined().allSatisfy { $0.symbol != "[unknown]" }, "\(own)")
                #expect(last.allSatisfy { $0.symbol != "[names being read]" }, "\(last)")
                let samples = own.joined().samples
                #expect(samples < 100 || own.joined().contains { $0.symbol == "alpha" }, "\(own)")
            } else {
                #expect(last.contains { $0.symbol == "alpha" }, "\(frames.last?.rows.prefix(5) ?? [])")
            }
        }
    }
}
