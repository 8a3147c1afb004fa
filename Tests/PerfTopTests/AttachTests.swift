import Foundation
import Testing

extension EndToEnd {
    /// Attaching to what runs already: nothing of it is missed, counted twice, or left without a name.
    @Suite("attaching", .needsPerf, .needsCompiler)
    struct Attaching {
        @Test("a process that ends before the first frame keeps its names")
        func endsBeforeTheFrame() throws {
            let burn = try Program.burn.start()
            let running = try Running(
                Machine.binary, ["-p", "\(burn.pid)", "--batch", "-n", "1", "-d", "20", "--format", "json"])
            // It has used some processor time under our eyes before it ends.
            let before = processorSeconds(of: burn.pid)
            #expect(waitUntil(within: 30) { processorSeconds(of: burn.pid) > before + 0.6 })
            burn.stop()
            let frame = try Report.frames(running.finish().output)[0]
            #expect(frame.userPercent(of: "alpha", "beta") > 95)
            #expect(frame.userPercent { $0.kind == "unknown" } < 2)
        }

        @Test("threads that start while perftop attaches are followed, and none counts twice")
        func chainOfThreads() throws {
            let chain = try Program.chain.start(["1500"], until: "started")
            let running = try Running(
                Machine.binary, ["-p", "\(chain.pid)", "--batch", "--format", "json", "-d", "0.5"])
            func spinning() -> [Report] {
                let frames = (try? Report.frames(running.output)) ?? []
                return frames.filter { $0.userPercent(of: "last_of_chain") > 90 }
            }
            #expect(waitUntil(within: 30) { spinning().count >= 3 }, "the last thread was never seen")
            chain.stop()
            _ = running.finish()
            // One thread fills one processor at the most; counted twice it would seem to fill two.
            let rate =
                spinning().reduce(0) { $0 + Double($1.samples) } / spinning().reduce(0) { $0 + $1.intervalS }
            #expect(rate < 1100)
        }

        @Test("living children of -p, and theirs, are sampled; with -i they are not")
        func livingChildren() throws {
            // The shell that is asked for waits; a child of its child spins.
            let parent = try Running("/bin/sh", ["-c", "(sh -c 'echo $$; while :; do :; done' & wait) & wait"])
            try #require(
                waitUntil(within: 20) { Int32(parent.output.trimmingCharacters(in: .whitespacesAndNewlines)) != nil })
            let spinner = try #require(Int32(parent.output.trimmingCharacters(in: .whitespacesAndNewlines)))
            defer { kill(spinner, SIGKILL) }
            let arguments = ["-p", "\(parent.pid)", "-n", "1", "-d", "0.5", "--group-by", "pid"]
            let frame = try sample(arguments)[0]
            #expect(frame.rows.first?.pid == Int(spinner))
            #expect(frame.rows.reduce(0) { $0 + $1.selfSamples } > 20)
            #expect(try sample(arguments + ["-i"])[0].samples == 0)
        }

        @Test("several -p add up; the same process given twice counts once")
        func severalTimes() throws {
            let burns = [try Program.burn.start(), try Program.burn.start()]
            let both = try sample(["-p", "\(burns[0].pid)", "-p", "\(burns[1].pid)", "-n", "1", "-d", "0.5"])[0]
            #expect(both.target == "pid \(burns[0].pid),\(burns[1].pid)")
            let pid = "\(burns[0].pid)"
            let twice = try sample(["-p", "\(pid),\(pid)", "-p", pid, "-n", "1", "-d", "0.5"])[0]
            #expect(Double(twice.samples) / twice.intervalS < 1100)
        }

        @Test("an event that happens inside the kernel is refused with :u", arguments: ["cs:u", "cpu-migrations:u"])
        func neverCounts(event: String) throws {
            let outcome = try perftop(["-e", event, "--batch", "-n", "1"])
            #expect(outcome.status == 2)
            #expect(outcome.errorLines.count == 1 && outcome.errors.contains(event))
        }

        @Test("a file given with -o is kept until there is something to write")
        func keepsFile() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("report")
            try Data("what was there".utf8).write(to: file)
            let outcome = try perftop(["-p", "99999999", "-n", "1", "-o", file.path])
            #expect(outcome.status == 1)
            #expect(try String(contentsOf: file, encoding: .utf8) == "what was there")
        }

        @Test("batch can be ended while its reader does not read", .needsPerfOfAll)
        func stalledReader() throws {
            let script = #"("$0" "$@" & echo $! >&2; wait $!; echo "status=$?" >&2) | (read first; sleep 20)"#
            let words = ["-c", script, Machine.binary, "-a", "--batch", "-d", "0.02"]
            let running = try Running("/bin/bash", words)
            var number: Int32?
            #expect(
                waitUntil(within: 30) {
                    number = running.errors.split(separator: "\n").first.flatMap { Int32($0) }
                    return number != nil
                })
            let pid = try #require(number)
            // A frame every 20 ms, and the pipe does not fill any further: it waits for the reader.
            var (before, looks) = (Int32(0), 0)
            #expect(
                waitUntil(within: 30) {
                    let waiting = Self.bytesWaiting(pid)
                    looks = waiting == before && waiting > 20_000 ? looks + 1 : 0
                    before = waiting
                    return looks > 20
                })
            kill(pid, SIGTERM)
            #expect(waitUntil(within: 30) { running.errors.contains("status=143") })
            running.stop()
        }

        /// Bytes that its standard output, a pipe, holds.
        private static func bytesWaiting(_ pid: Int32) -> Int32 {
            var waiting: Int32 = 0
            let pipe = try? FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(pid)/fd/1"))
            guard let pipe, unsafe ioctl(pipe.fileDescriptor, UInt(FIONREAD), &waiting) == 0 else { return 0 }
            return waiting
        }
    }
}
