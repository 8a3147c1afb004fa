import SampleEngine

/// The same numbers in every run (splitmix64).
struct Randomness {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    mutating func below(_ limit: Int) -> Int { Int(next() >> 33) % limit }
}

/// One sample as a writer puts it into a ring: id, address, pid and thread, time, cpu.
struct Sample {
    static let size = 48

    var event = 0
    var address: UInt64
    var pid: Int32
    var thread: Int32
    var isUser = false

    /// - Returns: false where the ring had no room.
    func write(_ writer: RingWriter, time: UInt64) -> Bool {
        let mode: RecordHeader.Mode = isUser ? .user : .kernel
        let words: [6 of UInt64] = [
            RecordHeader(type: RecordHeader.sample, misc: mode.rawValue, size: UInt16(Self.size)).word,
            UInt64(101 + event), address,
            UInt64(UInt32(bitPattern: thread)) << 32 | UInt64(UInt32(bitPattern: pid)), time, 0,
        ]
        return unsafe writer.write(words.span.bytes, event: event) == .written
    }
}

/// Records about processes.
enum SideBand {
    private static func write(_ writer: RingWriter, type: UInt32, _ body: [UInt64], pid: Int32, time: UInt64) {
        let owner = UInt64(UInt32(bitPattern: pid)) * 0x1_0000_0001
        let words = [0] + body + [owner, time, 0, 1]
        let header = RecordHeader(type: type, misc: 2, size: UInt16(8 * words.count))
        let record = [header.word] + words.dropFirst()
        guard unsafe writer.write(record.span.bytes) == .written else { fatalError("a side-band ring is full") }
    }

    /// PERF_RECORD_MMAP2 of a file whose name is the letter of its number.
    static func map(
        _ writer: RingWriter, pid: Int32, start: UInt64, length: UInt64, file: Int, offset: UInt64, time: UInt64
    ) {
        let owner = UInt64(UInt32(bitPattern: pid)) * 0x1_0000_0001
        let name = UInt64(UInt8(ascii: "/")) | UInt64(UInt8(ascii: "a") + UInt8(file)) << 8
        write(
            writer, type: 10, [owner, start, length, offset, 8, UInt64(1000 + file), 0, 5, name], pid: pid, time: time)
    }

    /// PERF_RECORD_FORK and PERF_RECORD_EXIT of a thread beside the leader: the common records of a busy process.
    static func thread(_ writer: RingWriter, pid: Int32, time: UInt64) {
        let process = UInt64(UInt32(bitPattern: pid)) * 0x1_0000_0001
        let thread = UInt64(UInt32(bitPattern: pid)) << 32 | UInt64(UInt32(bitPattern: pid + 1))
        write(writer, type: 7, [process, thread, time], pid: pid, time: time)
        write(writer, type: 4, [process, thread, time], pid: pid, time: time)
    }
}
