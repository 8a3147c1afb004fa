import Foundation
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

/// Seconds of two events in several processes, threads, CPUs and functions: what somebody would have written into rings.
///
/// Every reader has rings of its own, since a ring is read once; all of them get the same records. Time passes when the
/// test says so: the first ring tells it.
struct Tape {
    /// An hour from now: whatever is sampled has started before.
    let start = Instant.now.nanoseconds + 3_600_000_000_000
    static let second: UInt64 = 1_000_000_000
    static let events = ["ticks", "tocks"]
    /// Nothing happens in these.
    static let quiet = 31...33

    /// Real ones, whose functions have names: two of one name and another.
    private let sleepers: [Running]
    private let functions: [(pid: Int32, addresses: [UInt64])]
    /// One that side-band alone knows of; twice it runs another program.
    let shortLived: Int32 = 4_190_001

    init() throws {
        sleepers = [
            try Running("/bin/sleep", ["600"]), try Running("/bin/sleep", ["601"]),
            try Running("/usr/bin/tail", ["-f", "/dev/null"]),
        ]
        functions = try sleepers.map { ($0.pid, try Self.addresses(in: $0.pid)) }
    }

    var pids: [Int32] { sleepers.map(\.pid) }

    /// Where functions of the C library are in a process, by what the library's own table says.
    private static func addresses(in pid: Int32) throws -> [UInt64] {
        var mapped: [Substring] = []
        // Until the program is there and its loader has done its work.
        _ = try waitUntil(within: 10) {
            let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
            let line = maps.split(separator: "\n").first { $0.hasSuffix("/libc.so.6") }
            mapped = line?.split(separator: " ") ?? []
            return !mapped.isEmpty
        }
        let (range, path) = (try #require(mapped.first, "no C library in \(pid)"), try #require(mapped.last))
        let beginning = try #require(UInt64(range.prefix { $0 != "-" }, radix: 16))
        let symbols = try run("/usr/bin/env", ["nm", "-D", "--defined-only", String(path)]).outputLines
        return try ["qsort", "strtol", "getenv", "abort"].map { name in
            let line = try #require(symbols.first { $0.contains(" \(name)@") }, "no \(name) in \(path)")
            return try #require(UInt64(line.prefix { $0 != " " }, radix: 16)) + beginning + 1
        }
    }

    // MARK: Records

    /// When a second ends; the first one is number 1.
    func end(of second: Int) -> UInt64 { start + UInt64(second) * Self.second }

    /// What is there before any time has passed: whoever has taken it has begun.
    var first: [UInt8] { RecordBuilder.sample(id: 7, address: functions[0].addresses[0], pid: pids[0], time: start) }

    /// The samples of a second, by event.
    func samples(of second: Int) -> [[[UInt8]]] {
        var records: [[[UInt8]]] = [[], []]
        if Self.quiet.contains(second) { return records }
        var random = SeededRandom(UInt64(second))
        for index in 0..<(20 + random.below(60)) {
            let event = random.below(4) == 0 ? 1 : 0
            let time = end(of: second - 1) + UInt64(index + 1) * 1_000_000
            let place = random.below(functions.count + 1)
            let (pid, address) =
                place < functions.count
                ? (functions[place].pid, functions[place].addresses[random.below(1 + second % 4)])
                : (shortLived, UInt64(0x1000 + random.below(0x800)))
            records[event].append(
                RecordBuilder.sample(
                    id: UInt64(event + 7), address: address, pid: pid, thread: pid + Int32(random.below(3)),
                    time: time, cpu: UInt32(random.below(4))))
        }
        return records
    }

    /// What happens to processes in a second.
    func sideBand(of second: Int) -> [[UInt8]] {
        let time = end(of: second - 1)
        switch second {
        case 1: return [RecordBuilder.fork(pid: shortLived, parent: pids[0], time: time)] + exec("before", time + 1)
        // In the midst of the second's samples.
        case 6: return exec("between", time + 30_000_000)
        case 45: return exec("after", time + 30_000_000)
        default: return []
        }
    }

    /// Another program in the process that side-band alone knows of, with other code at the same address.
    private func exec(_ name: String, _ time: UInt64) -> [[UInt8]] {
        [
            RecordBuilder.comm(pid: shortLived, name, exec: true, time: time),
            RecordBuilder.mmap2(
                pid: shortLived, start: 0x1000, length: 0x1000, path: "/nowhere/lib\(name).so", time: time + 1),
        ]
    }
}

/// Rings that the tape is written into: one for each event, and one of side-band.
final class TapeRings {
    let tape: Tape
    private let written: [WrittenRing]
    var rings: [SoftwareRing] { written.map(\.ring) }

    /// A ring with somebody who writes into it; the mapping has chosen its size and must live on.
    private final class WrittenRing {
        let ring: SoftwareRing
        let writer: RingWriter
        let mapping: RingMapping

        init(_ ring: SoftwareRing) throws {
            self.ring = ring
            mapping = try ring.map(pages: 16)
            writer = try ring.writer()
        }
    }

    init(_ tape: Tape) throws {
        self.tape = tape
        // No bell but that of the clock: nothing is read at a moment of its own.
        let watermark = 1 << 30
        var rings = try Tape.events.enumerated().map {
            try SoftwareRing(watermark: watermark, events: [.init(id: UInt64($0 + 7), name: $1, fixedPeriod: 1)])
        }
        rings.append(try SoftwareRing(watermark: watermark, purpose: .sideBand))
        rings[0].setClock(tape.start)
        written = try rings.map { try WrittenRing($0) }
        #expect(unsafe written[0].writer.write(tape.first.span.bytes) == .written)
    }

    /// Writes a second's records; its time has not passed yet.
    func write(second: Int) {
        for (ring, records) in zip(written, tape.samples(of: second) + [tape.sideBand(of: second)]) {
            for record in records { #expect(unsafe ring.writer.write(record.span.bytes) == .written) }
        }
    }

    /// Now the second is over.
    func pass(second: Int) { rings[0].setClock(tape.end(of: second)) }

    /// Whether a reader has answered the bell of the clock: it then takes what is in the ring that has it, and its time
    /// has begun.
    var hasBegun: Bool { written[0].mapping.loadTail() == written[0].mapping.loadHead() }

    /// The bell that the first setting of the clock has rung is not for a reader in this process.
    func silence() {
        var rung: UInt64 = 0
        _ = unsafe read(rings[0].wakeDescriptor, &rung, 8)
    }
}

/// A session that reads the tape second by second.
final class TapeSession {
    private let rings: TapeRings
    private let session: Session

    /// - Parameter window: nanoseconds that are kept; nil as in batch.
    init(_ tape: Tape, window: UInt64?) throws {
        rings = try TapeRings(tape)
        rings.silence()
        session = try Session(
            try RecordSource(handedOver: rings.rings, beside: nil), pace: Pace(delay: Tape.second, window: window))
    }

    deinit { _ = session.stop() }

    /// Lets a second pass and returns the profile that ends with it.
    func play(second: Int) throws -> Profile {
        rings.write(second: second)
        rings.pass(second: second)
        let end = rings.tape.end(of: second)
        for _ in 0..<100 {
            var request = pollfd(fd: session.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&request, 1, 10_000)
            // A live picture may come before all of its names, and once more with them.
            if let profile = session.takeLatest(), profile.slices.last?.end.nanoseconds == end, profile.isNamed {
                return profile
            }
        }
        throw Errno(ETIMEDOUT)
    }
}

extension Profile {
    fileprivate var isNamed: Bool {
        slices.allSatisfy { $0.cells.allSatisfy { stacks[Int($0.stack.index)].function != nil } }
    }
}
