import Foundation
import SampleEngine
import Testing

extension EndToEnd {
    /// Code that is in no file: made by compilers while they run, or by the kernel.
    @Suite("code made at run time", .needsCompiler)
    struct RuntimeCode {
        /// Kinds of `jit.c`, with what each calls.
        static let kinds = [
            "anonymous", "protected", "moved", "heap", "stack", "double", "rewritten", "unnamed",
        ]

        @Test("the program that makes code runs what it made, in every kind of memory", arguments: kinds)
        func programs(kind: String) throws {
            let made = try Program.jit.start([kind, "0.2"], until: "ready")
            let map = "/tmp/perf-\(made.pid).map"
            let lines = (try? String(contentsOfFile: map, encoding: .utf8)) ?? ""
            let outcome = made.finish()
            try #require(outcome.status == 0, "\(outcome.errors)")
            let own = try oracle(outcome.output)
            let names = kind == "rewritten" ? ["made_first", "made_instead"] : ["made_first", "made_second"]
            #expect(own.keys.sorted() == names)
            #expect(own.values.allSatisfy { $0 > 10_000_000 }, "\(own)")
            #expect(lines.contains("made_first") == (kind != "unnamed"))
            #expect(!FileManager.default.fileExists(atPath: map))
        }

        @Test("the program that moves its own code runs it there", arguments: ["mapped", "remapped"])
        func movedText(how: String) throws {
            let moved = try Program.movedText.start([how, "0.2"], until: "ready")
            let maps = try String(contentsOfFile: "/proc/\(moved.pid)/maps", encoding: .utf8)
            let outcome = moved.finish()
            try #require(outcome.status == 0, "\(outcome.errors)")
            #expect(try oracle(outcome.output).values.allSatisfy { $0 > 10_000_000 })
            // Executable memory of no file, between two mappings of the program.
            let lines = maps.split(separator: "\n")
            let isOwn = lines.map { $0.hasSuffix("/movedtext") }
            let isHole = lines.map { $0.contains(" r-xp 00000000 00:00 0") && !$0.contains("[") }
            #expect(
                lines.indices.dropFirst().dropLast().contains {
                    isHole[$0] && isOwn[..<$0].contains(true) && isOwn[$0...].contains(true)
                })
        }

        @Test("a map that a real process wrote is read, line for line")
        func ownMap() throws {
            let made = try Program.jit.start(["anonymous", "1"], until: "ready")
            var names = JITNames()
            let process = JITProcess(
                generation: Generation(20), pid: made.pid, firstSeen: SampleEngine.Instant.now.nanoseconds)
            #expect(names.refresh(process, now: .now).count == 1)
            let map = try String(contentsOfFile: "/tmp/perf-\(made.pid).map", encoding: .utf8)
            for line in map.split(separator: "\n") {
                let words = line.split(separator: " ")
                let start = try #require(UInt64(words[0], radix: 16))
                var explanation = Explanation(isWanted: true)
                let found = names.name(at: start + 5, in: process, now: .now, &explanation)
                #expect(found.map { String(decoding: $0.name, as: UTF8.self) } == String(words[2]))
                #expect(found?.start == start)
            }
            made.stop()
        }

        @Test("the kernel tells of BPF programs when they are loaded and when they go", .needsPerfOfAll, .needs(noBPF))
        func kernelCode() throws {
            var sampling = Sampling(target: Target(.everything))
            sampling.events = try EventGroup.parse("cpu-clock")
            var opener = EventOpener(sampling)
            let counters = try opener.open()
            let source = try RecordSource(counters)
            var stage = SampleStage(
                source: source, pace: Pace(delay: 1_000_000_000, window: nil), toResolver: Mailbox(),
                toSampler: Mailbox(), newcomers: Mailbox(), followed: Mailbox(), resolverBell: try Bell(),
                stop: StopFlag())
            counters.enable()
            let own = try oracle(Program.bpf.start(["0.6"]).finish().output)
            stage.pass(everything: true)
            var table = KernelCodeTable()
            // Kernel addresses that were sampled, with their weight.
            var samples: [String: UInt64] = [:]
            let codes = stage.slice.kernelCode
            for name in own.keys {
                let told = codes.filter { String(decoding: $0.name, as: UTF8.self) == name }
                #expect(told.map(\.isGone) == [false, true], "\(name) in \(codes)")
                #expect(told.allSatisfy { $0.kind == .bpf && $0.start >> 63 == 1 })
                for code in told where !code.isGone { _ = table.note(code) }
            }
            #expect(own.count == 2)
            for cell in stage.slice.cells.cells {
                let location = stage.slice.stacks.entries[Int(cell.stack.index)].location
                guard location.space == .kernel, let code = table.find(location.value) else { continue }
                samples[String(decoding: code.name, as: UTF8.self), default: 0] += cell.count
            }
            #expect(samples.values.reduce(0, +) > 100, "\(samples)")
        }
    }
}

/// Why no BPF program can be run here, or nil.
private let noBPF: String? = {
    guard Program.compiler != nil, let outcome = try? run(Program.bpf.path, ["0"]) else { return "no C compiler" }
    return outcome.status == 0 ? nil : "no BPF program can be run here: \(outcome.errors)"
}()
