import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

extension EndToEnd {
    /// `--ring-fd`: software rings that this test, or another process, writes; the program's clock is the ring's.
    @Suite("rings handed over", .needsPerf, .needsCompiler)
    struct HandedOverRings {
        private let burn: Running
        private let ring: SoftwareRing
        /// An hour from now: the sampled program must have started before, and no clock but the ring's says so.
        private let start = Instant.now.nanoseconds + 3_600_000_000_000

        init() throws {
            burn = try Program.burn.start()
            ring = try SoftwareRing(events: [
                .init(id: 1, name: "ticks", fixedPeriod: 1), .init(id: 2, name: "tocks", fixedPeriod: 10),
            ])
        }

        /// The ring's descriptors, as the started program has them.
        private var descriptors: [Int32] { [ring.memoryDescriptor, ring.wakeDescriptor] }

        private func top(_ arguments: [String]) throws -> Running {
            try Running(
                Machine.binary, ["--ring-fd", "3,4", "--batch", "--format", "json"] + arguments,
                descriptors: descriptors)
        }

        private func writer(_ commands: [String]) throws -> Running {
            let place = URL(fileURLWithPath: Machine.tests).deletingLastPathComponent()
            return try Running(
                place.appendingPathComponent("ring-writer").path, ["3", "4"] + commands, descriptors: descriptors)
        }

        private func frames(_ top: Running) -> [Report] {
            let whole = top.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            return (try? Report.frames(whole.joined(separator: "\n"))) ?? []
        }

        /// An address within `alpha` in the running program: its place in the file, and where that is mapped.
        private func alpha() throws -> UInt64 {
            let symbols = try run("/usr/bin/env", ["nm", Program.burn.path]).outputLines
            let symbol = try #require(symbols.first { $0.hasSuffix(" alpha") })
            let offset = try #require(UInt64(symbol.prefix { $0 != " " }, radix: 16))
            let maps = try String(contentsOfFile: "/proc/\(burn.pid)/maps", encoding: .utf8)
            let line = try #require(maps.split(separator: "\n").first { $0.hasSuffix("/burn") })
            return try #require(UInt64(line.prefix { $0 != "-" }, radix: 16)) + offset + 1
        }

        private func sample(_ writer: RingWriter, _ address: UInt64, at time: UInt64) {
            let record = RecordBuilder.sample(id: 1, address: address, pid: burn.pid, time: time)
            #expect(unsafe writer.write(record.span.bytes) == .written)
        }

        /// Whether a thread does nothing for a while, as one that waits for the clock.
        private func sleeps(_ name: String, of pid: Int32) -> Bool {
            func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
            let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
            return tasks.map { "/proc/\(pid)/task/\($0)" }.contains { task in
                text(task + "/comm") == name + "\n"
                    && !waitUntil(within: 0.1) { !text(task + "/stat").contains(") S ") }
            }
        }

        @Test("with the clock injected, frames are what the test says, to the sample")
        func injected() throws {
            ring.setClock(start)
            let mapping = try ring.map(pages: 16)
            let writer = try ring.writer()
            let top = try top(["-n", "2"])
            let (address, second) = (try alpha(), 1_000_000_000 as UInt64)
            for index in 0..<7 as Range<UInt64> { sample(writer, address, at: start + index) }
            // The program takes the time at its start for the beginning: it must have started before time passes.
            let hasStarted = waitUntil(within: 30) { sleeps("sampler", of: top.pid) }
            #expect(hasStarted, "\(top.errors)")
            ring.setClock(start + 60_000_000)
            let isRead = waitUntil(within: 30) { mapping.loadTail() == mapping.loadHead() }
            #expect(isRead, "\(top.errors)")
            ring.setClock(start + second)
            let first = waitUntil(within: 30) { frames(top).count == 2 }
            #expect(first, "a frame for each event: \(top.errors)")
            for index in 0..<3 as Range<UInt64> { sample(writer, address, at: start + second + index) }
            ring.setClock(start + 2 * second)
            let outcome = top.finish()
            #expect(outcome.status == 0, "\(outcome.errors)")
            let ticks = try Report.frames(outcome.output).filter { $0.event == "ticks" }
            #expect(ticks.map(\.samples) == [7, 3])
            #expect(ticks.map(\.intervalS) == [1, 1])
            #expect(ticks.flatMap(\.rows).map(\.symbol) == ["alpha", "alpha"])
            #expect(ticks.flatMap(\.rows).allSatisfy { $0.module == "burn" && $0.process == "burn" })
            #expect(ticks.last?.target == "software rings (1)")
        }

        @Test("a second process writes, and its samples stand beside the kernel's in one profile")
        func merged() throws {
            let mapping = try ring.map(pages: 16)
            let address = try alpha()
            let writer = try writer(
                ["wait", "samples", "5000", "\(address)", "\(burn.pid)", "0"]
                    + ["samples", "300", "\(address)", "\(burn.pid)", "1"])
            try writer.wait(for: "ready")
            let top = try top(["-p", "\(burn.pid)", "-e", "cpu-clock", "-d", "0.3"])
            var all: [Report] = []
            func samples(_ event: String) -> Int { all.filter { $0.event == event }.reduce(0) { $0 + $1.samples } }
            let ended = waitUntil(within: 30) {
                all = frames(top)
                return samples("ticks") >= 5000 && samples("tocks") >= 300 && samples("cpu-clock") > 0
            }
            #expect(ended, "\(top.errors)")
            #expect(samples("ticks") == 5000)
            #expect(samples("tocks") == 300)
            for event in ["ticks", "tocks", "cpu-clock"] {
                #expect(all.contains { $0.event == event && $0.percent(of: "alpha") > 0 }, "\(event)")
            }
            #expect(all.allSatisfy { $0.undecodable == 0 })
            #expect(writer.finish().status == 0)
            withExtendedLifetime(mapping.pages) {}
        }

        @Test("a writer that is killed in the middle of a record loses that one and nothing else")
        func killed() throws {
            let mapping = try ring.map(pages: 16)
            let address = try alpha()
            // Somebody who could write: while there is one, nothing has ended.
            var own: RingWriter? = try ring.writer()
            let top = try top(["-d", "0.2"])
            #expect(
                try writer(["samples", "10", "\(address)", "\(burn.pid)", "0", "reserve", "die"]).finish().status == 128
                    + SIGKILL)
            let other = try writer(["samples", "20", "\(address)", "\(burn.pid)", "0"])
            let read = waitUntil(within: 30) { frames(top).reduce(0) { $0 + $1.samples } == 30 }
            #expect(read, "\(frames(top).map(\.samples)), \(top.errors)")
            #expect(ring.skipped == 1)
            let lost = { frames(top).flatMap(\.rings).reduce(0) { $0 + $1.lost } }
            #expect(waitUntil(within: 30) { lost() == 2 }, "once for each event's frame: \(lost())")
            #expect(other.finish().status == 0)
            withExtendedLifetime(own) {}
            own = nil
            let outcome = top.finish()
            #expect(outcome.status == 0, "the last writer has gone: \(outcome.errors)")
            withExtendedLifetime(mapping.pages) {}
        }

        @Test(
            "descriptors that are no ring's are one line",
            arguments: [
                ("3", 2, "not two descriptors"), ("3,3", 2, "not two descriptors"), ("1,2", 2, "not two descriptors"),
                ("x,4", 2, "not two descriptors"), ("3,4,5", 2, "not two descriptors"),
                ("90,91", 1, "not the memory of a ring"),
                ("4,3", 1, "not the memory of a ring"),
            ])
        func refused(word: String, status: Int32, reason: String) throws {
            let outcome = try Running(
                Machine.binary, ["--ring-fd", word, "--batch", "-n", "1"], descriptors: descriptors
            ).finish()
            #expect(outcome.status == status)
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errors.contains(reason), "\(outcome.errors)")
            #expect(outcome.output.isEmpty)
        }
    }
}
