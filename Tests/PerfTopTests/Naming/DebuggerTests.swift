import Foundation
import Glibc
import SampleEngine
import Testing

extension EndToEnd {
    /// Hot addresses of the distribution's own programs, named by us and by gdb.
    @Suite("names: beside gdb", .needsPerf, .needs(whyNoDebugger), .slow)
    struct BesideDebugger {
        /// Programs that keep busy, where they are installed.
        private static let programs: [[String]] = [
            [
                "python3", "-c",
                """
                import json, re, hashlib, zlib
                while True:
                    text = json.dumps({str(i): [i] * 10 for i in range(1000)})
                    json.loads(text); re.findall(r'\\d+', text); hashlib.sha256(text.encode()).hexdigest()
                    zlib.compress(text.encode())
                """,
            ],
            ["openssl", "speed", "-seconds", "20", "sha256"],
            ["bash", "-c", "while :; do x=$((x + 1)); y=\"${x}abc\"; z=${y//a/b}; done"],
            [
                "awk",
                "BEGIN { while (1) { s = sprintf(\"%d %s\", i++, s); s = substr(s, 1, 40); gsub(/1/, \"2\", s) } }",
            ],
            ["sort", "/dev/urandom"],
        ]

        @Test("200 hot addresses: the same function, or a rule that says why not")
        func hotAddresses() throws {
            var counts: [String: Int] = [:]
            var differences: [String] = []
            for words in Self.programs {
                guard let program = Machine.path(of: words[0]) else { continue }
                let running = try Running(program, Array(words.dropFirst()))
                defer { running.stop() }
                // Some begin as another program.
                let isAtWork = waitUntil(within: 30) { processorSeconds(of: running.pid) > 0.5 }
                try #require(isAtWork, "\(words[0]) \(running.errors)")
                let addresses = try hot(in: running.pid).prefix(50)
                let told = try debugger(addresses: Array(addresses), in: running.pid)
                var symbolizer = Symbolizer()
                for address in addresses {
                    let (explanation, symbol) = symbolizer.explain(address, of: running.pid, now: .now)
                    let (verdict, isExplained) = compare(symbol, told[address], explanation)
                    counts[verdict, default: 0] += 1
                    if !isExplained {
                        differences.append(
                            "\(words[0]) \(String(address, radix: 16)): \(symbol.rawName ?? symbol.name), "
                                + "gdb \(told[address]?.name ?? "nothing"); \(explanation.steps)")
                    }
                }
            }
            print("hot addresses beside gdb: \(counts.sorted { $0.value > $1.value })")
            #expect(counts.values.reduce(0, +) >= 100, "\(counts)")
            #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
        }

        private typealias Told = (name: String, offset: UInt64)

        private func compare(_ symbol: Symbol, _ told: Told?, _ explanation: Explanation) -> (String, Bool) {
            let name = symbol.rawName ?? symbol.name
            guard let told else {
                switch symbol.source {
                case .unwindTable: return ("no symbol; we know the function's range", true)
                case .linkageStub: return ("no symbol; we decode the stub", true)
                default: return ("gdb has nothing, we a name", false)
                }
            }
            if told.name == name || told.name.split(separator: "@").first.map(String.init) == name {
                return ("same", true)
            }
            // Where we have a range alone, gdb has gone on to use the symbol before it.
            if symbol.source == .unwindTable { return ("gdb's symbol ends before it", true) }
            // Both names begin at the same byte: the rank among aliases decides.
            return ("an alias", told.offset == offset(in: explanation))
        }

        /// How far into its function the address is: `… is address 0x12 …`, `… at 0x10-0x20`.
        private func offset(in explanation: Explanation) -> UInt64? {
            let text = explanation.steps.joined(separator: "\n")
            guard let address = text.matches(of: /is address 0x([0-9a-f]+)/).last.flatMap({ UInt64($0.1, radix: 16) }),
                let start = text.matches(of: /at 0x([0-9a-f]+)-0x/).last.flatMap({ UInt64($0.1, radix: 16) })
            else { return nil }
            return address &- start
        }

        /// Addresses of a process that were sampled in user mode, the most frequent first.
        private func hot(in pid: Int32) throws -> [UInt64] {
            var sampling = Sampling(target: Target(.processes([pid])))
            sampling.events = try EventGroup.parse("cpu-clock:u")
            sampling.rate = .frequency(4000)
            var opener = EventOpener(sampling)
            let counters = try opener.open()
            let source = try RecordSource(counters)
            var stage = SampleStage(
                source: source, pace: Pace(delay: 1_000_000_000, window: nil), toResolver: Mailbox(),
                toSampler: Mailbox(), newcomers: Mailbox(), followed: Mailbox(), resolverBell: try Bell(),
                stop: StopFlag())
            counters.enable()
            let isEnough = waitUntil(within: 60) {
                stage.pass(everything: true)
                return stage.slice.samples >= 3000
            }
            try #require(isEnough)
            var weights: [UInt64: UInt64] = [:]
            for cell in stage.slice.cells.cells {
                let location = stage.slice.stacks.entries[Int(cell.stack.index)].location
                // What was mapped before we came is known by its address alone.
                if location.space.owner != nil { weights[location.value, default: 0] += cell.count }
            }
            return weights.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.map(\.key)
        }

        private func debugger(addresses: [UInt64], in pid: Int32) throws -> [UInt64: Told] {
            var words = ["gdb", "-nx", "-batch", "-p", "\(pid)", "-ex", "set print demangle off"]
            for address in addresses {
                words += ["-ex", "echo \\nAT \(address)\\n", "-ex", "info symbol \(address)"]
            }
            let output = try run("/usr/bin/env", words, environment: ["DEBUGINFOD_URLS": nil], within: 60).output
            var result: [UInt64: Told] = [:]
            var address: UInt64?
            for line in output.split(separator: "\n") {
                let fields = line.split(separator: " ")
                if fields.first == "AT", fields.count == 2 {
                    address = UInt64(fields[1])
                } else if let at = address, line.contains(" in section ") {
                    let offset = fields.count > 2 && fields[1] == "+" ? UInt64(fields[2]) ?? 0 : 0
                    result[at] = (String(fields[0]), offset)
                    address = nil
                }
            }
            return result
        }
    }
}

private let whyNoDebugger = Machine.has("gdb") ? nil : "gdb is not installed"
