import CLinuxShims
import Foundation
import SampleEngine
import Testing

/// What `peek` sees of perftop's events from outside.
private struct Peeked: Decodable {
    let fd: Int
    let value: UInt64
    let lost: Int
    let head: UInt64?
    let tail: UInt64?

    static func all(of pid: Int32, pages: Int) throws -> [Peeked] {
        let outcome = try run(Program.peek.path, ["\(pid)", "\(pages)"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try outcome.outputLines.map { try JSONDecoder().decode(Peeked.self, from: Data($0.utf8)) }
    }
}

extension EndToEnd {
    /// The figures of the rings against what the kernel and strace say of the same moment.
    ///
    /// That nothing adds up wrong is expected of every build; to keep up with a storm, of the one that users get.
    @Suite("rings", .needsPerf, .needsCompiler)
    struct Rings {
        private static let entered = "raw_syscalls:sys_enter"

        private static let tracepoint: UInt64? = {
            let path = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"
            return (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
                UInt64($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }
        }()

        private static var noTracepoint: String? {
            tracepoint == nil ? "tracefs is not mounted, or may not be read" : nil
        }

        /// A storm that has not begun: its process is stopped before it could do anything that counts.
        private func stoppedStorm() throws -> Running {
            let storm = try Running("/bin/sh", ["-c", "kill -STOP $$; exec \(Program.sysload.path) 120"])
            let isStopped = waitUntil(within: 30) {
                (try? String(contentsOfFile: "/proc/\(storm.pid)/stat", encoding: .utf8))?.contains(") T ") ?? false
            }
            try #require(isStopped)
            return storm
        }

        @Test(
            "a storm: nothing is lost, and what is kept is what an event that only counts has counted",
            .needs(noTracepoint))
        func storm() throws {
            let storm = try stoppedStorm()
            let count = try CountingEvent(
                type: PERF_TYPE_TRACEPOINT, config: try #require(Self.tracepoint), pid: storm.pid)
            let watched = try Watched(["-p", "\(storm.pid)", "-e", Self.entered, "-c", "1", "-m", "512", "-d", "0.2"])
            try watched.wait { !$0.isEmpty }
            kill(storm.pid, SIGCONT)
            try watched.wait { $0.reduce(0) { $0 + $1.samples } > (Machine.isFull ? 500_000 : 100_000) }
            kill(storm.pid, SIGSTOP)
            try watched.settle()
            let frames = watched.frames
            #expect(frames.reduce(0) { $0 + $1.samples + $1.lost } == count.value)
            #expect(
                frames.reduce(0) { $0 + ($1.counted ?? 0) } == count.value, "perftop's own count beside the samples")
            if Machine.isFull { #expect(frames.allSatisfy { $0.lost == 0 && $0.health == "rings ok" }) }
        }

        @Test(
            "a ring of one page: what is shown as lost is the kernel's own count, and nothing else is missing",
            .needs(noTracepoint))
        func tooSmall() throws {
            let storm = try stoppedStorm()
            let count = try CountingEvent(
                type: PERF_TYPE_TRACEPOINT, config: try #require(Self.tracepoint), pid: storm.pid)
            let watched = try Watched(["-p", "\(storm.pid)", "-e", Self.entered, "-c", "1", "-m", "1", "-d", "0.1"])
            try watched.wait { !$0.isEmpty }
            var before: (samples: Int, lost: Int, kernel: Int, frames: Int) = (0, 0, 0, 0)
            for round in 1...3 {
                kill(storm.pid, SIGCONT)
                try watched.wait {
                    $0.reduce(0) { $0 + $1.samples } > before.samples + (Machine.isFull ? 200_000 : 50_000)
                }
                kill(storm.pid, SIGSTOP)
                try watched.settle()
                let frames = watched.frames
                let (samples, lost) = (frames.reduce(0) { $0 + $1.samples }, frames.reduce(0) { $0 + $1.lost })
                let peeked = try Peeked.all(of: watched.top.pid, pages: 1)
                let kernel = peeked.reduce(0) { $0 + $1.lost }
                #expect(lost - before.lost == kernel - before.kernel, "round \(round)")
                #expect(samples + lost == count.value, "round \(round): kept and lost are all there was")
                for frame in frames.dropFirst(before.frames) where frame.lost > 0 {
                    #expect(frame.health.contains("% of samples: ring of CPU"))
                    #expect(frame.health.contains("try -m 8"))
                }
                before = (samples, lost, kernel, frames.count)
            }
            #expect(before.lost > 0, "the ring was never full: this test has tested nothing")
        }

        @Test("head and tail are those of the control page")
        func positions() throws {
            let burn = try Program.burn.start()
            let watched = try Watched(["-p", "\(burn.pid)", "-m", "32", "-d", "0.2"])
            try watched.wait { $0.contains { $0.samples > 0 } }
            kill(burn.pid, SIGSTOP)
            try watched.settle()
            let peeked = try Peeked.all(of: watched.top.pid, pages: 32).filter { $0.head != nil }
            let rings = try #require(watched.frames.last).rings.filter { $0.purpose == "samples" }
            #expect(peeked.count == rings.count, "one event with a ring of this size on each CPU")
            #expect(rings.reduce(0) { $0 + $1.head } > 0)
            #expect(Set(peeked.map { [$0.head, $0.tail] }) == Set(rings.map { [$0.head, $0.tail] }))
        }

        @Test(
            "wake-ups are the times that poll returned for a ring",
            .needs(Machine.has("strace") ? nil : "strace is not installed"))
        func wakeups() throws {
            let burn = try Program.burn.start()
            let trace = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: trace) }
            let file = trace.appendingPathComponent("trace").path
            let strace = try Running(
                "/usr/bin/env",
                ["strace", "-f", "-e", "trace=epoll_wait", "-o", file, Machine.binary, "-p", "\(burn.pid)", "--batch"]
                    + ["--format", "json", "-d", "0.3", "-n", "8"])
            func frames() throws -> [Report] {
                let whole = strace.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                return try Report.frames(whole.joined(separator: "\n"))
            }
            let half = try waitUntil(within: 30) { try frames().count >= 4 }
            #expect(half)
            // From here on no ring fills, so that none wakes the sampler behind the last frame.
            kill(burn.pid, SIGSTOP)
            let outcome = strace.finish()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let shown = try Report.frames(outcome.output).flatMap(\.rings).reduce(0) { $0 + $1.wakeups }
            let text = try String(contentsOfFile: file, encoding: .utf8)
            // The sampler's own bell has a number that no ring has.
            let seen = text.components(separatedBy: "{events=EPOLLIN, data={").dropFirst()
                .filter { !$0.prefix { $0 != "}" }.contains("u64=18446744073709551615") }
            #expect(shown == seen.count)
            #expect(shown > 0)
        }

        @Test("-F max: the first frame has rows, after half a second")
        func fastest() throws {
            let burn = try Program.burn.start()
            let first = try #require(try sample(["-p", "\(burn.pid)", "-F", "max", "-n", "1", "-d", "0.5"]).first)
            #expect(first.frame == 1 && first.samples > 0)
            // Not whether its own code is among them: at this rate all of its time may go into interrupts.
            #expect(first.rows.contains { $0.process == "burn" })
        }

        @Test(
            "--overwrite: kept, overrun and the kernel's losses together are what was counted", .needs(noTracepoint),
            arguments: [512, 1])
        func overwrite(pages: Int) throws {
            let storm = try stoppedStorm()
            let count = try CountingEvent(
                type: PERF_TYPE_TRACEPOINT, config: try #require(Self.tracepoint), pid: storm.pid)
            let watched = try Watched([
                "-p", "\(storm.pid)", "-e", Self.entered, "-c", "1", "-m", "\(pages)", "-d", "0.2", "--overwrite",
            ])
            try watched.wait { !$0.isEmpty }
            kill(storm.pid, SIGCONT)
            try watched.wait { $0.reduce(0) { $0 + $1.samples } > (Machine.isFull ? 400_000 : 100_000) }
            kill(storm.pid, SIGSTOP)
            try watched.settle()
            let frames = watched.frames
            let kept = frames.reduce(0) { $0 + $1.samples }
            let rings = frames.flatMap(\.rings).filter { $0.purpose == "samples" }
            let overrun = rings.reduce(0) { $0 + $1.overrunBytes }
            #expect(overrun % 48 == 0, "whole records")
            #expect(kept + Int(overrun) / 48 + frames.reduce(0) { $0 + $1.lost } == count.value)
            #expect(rings.allSatisfy { $0.mode == "overwrite" })
            #expect(frames.flatMap(\.rings).contains { $0.purpose == "side-band" && $0.mode == "reliable" })
            if pages == 512, Machine.isFull { #expect(Double(kept) >= 0.95 * Double(count.value)) }
            for frame in frames where frame.rings.contains(where: { $0.overrunBytes > 0 }) {
                #expect(frame.health.contains("overwritten before they were read"))
            }
        }
    }
}
