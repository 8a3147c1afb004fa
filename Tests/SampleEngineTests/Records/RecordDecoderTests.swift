import SampleEngine
import SampleEngineTestSupport
import Testing

/// What the decoder makes of a record's bytes, as values that can be compared.
private struct Decoded: Equatable {
    var text: String
    var name: [UInt8]
    var time: UInt64?

    init?(_ record: [UInt8]) {
        let decoded = withRecord(record) { header, bytes in
            RecordDecoder.sideBand(header, bytes).map { ("\($0.record)", $0.name, RecordDecoder.time(of: bytes)) }
        }
        guard let decoded else { return nil }
        text = decoded.0
        name = Array(record[decoded.1])
        time = decoded.2
    }
}

private func mapping(_ record: [UInt8]) -> MappingRecord? {
    withRecord(record) { header, bytes in
        guard case .mapping(let mapping)? = RecordDecoder.sideBand(header, bytes)?.record else { return nil }
        return mapping
    }
}

private func loss(_ record: [UInt8]) -> LossRecord? { withRecord(record, RecordDecoder.loss) }
private func kernelCode(_ record: [UInt8]) -> KernelCode? { withRecord(record, RecordDecoder.kernelCode) }
private func sample(_ record: [UInt8]) -> SampleRecord? { withRecord(record) { SampleRecord($1) } }
private func period(_ record: [UInt8], fixed: UInt64? = nil) -> UInt64 {
    withRecord(record) { SampleLayout(fixedPeriod: fixed).period(in: $1) }
}

@Suite("RecordDecoder: bytes as perf_event_open(2) lays them out")
struct RecordDecoderTests {
    @Test("MMAP2 with device and inode")
    func mmapWithInode() throws {
        let record = RecordBuilder.mmap2(
            pid: 77, thread: 78, start: 0x7f00_0000_1000, length: 0x5000, offset: 0x2000,
            file: .inode(major: 8, minor: 3, inode: 991, generation: 5), path: Array("/usr/bin/cat".utf8), time: 123)
        let made = try #require(mapping(record))
        #expect(made.pid == 77)
        #expect(made.start == 0x7f00_0000_1000)
        #expect(made.length == 0x5000)
        #expect(made.offset == 0x2000)
        #expect(made.identity == .inode(device: 8 | 3 << 32, inode: 991, generation: 5))
        #expect(Decoded(record)?.name == Array("/usr/bin/cat".utf8))
        #expect(Decoded(record)?.time == 123)
    }

    @Test("MMAP2 with a build-id of any length", arguments: [0, 1, 8, 16, 19, 20])
    func mmapWithBuildID(length: Int) throws {
        let id = (0..<length).map { UInt8(0xe0 + $0) }
        let record = RecordBuilder.mmap2(
            pid: 1, start: 0x1000, length: 0x1000, file: .buildID(id), path: Array("/lib/a.so".utf8), time: 9)
        let identity = try #require(mapping(record)?.identity)
        #expect(identity.buildIDBytes == id)
    }

    @Test("A build-id that claims more than 20 bytes has 20")
    func overlongBuildID() throws {
        var record = RecordBuilder.mmap2(
            pid: 1, start: 0, length: 1, file: .buildID(Array(repeating: 7, count: 20)), path: [0x61], time: 9)
        record[40] = 255
        #expect(mapping(record)?.identity.buildIDBytes.count == 20)
    }

    @Test("Names keep every byte up to the first NUL", arguments: 1...17)
    func nameLengths(length: Int) {
        let name = (0..<length).map { UInt8(0x80 + $0) }
        let record = RecordBuilder.mmap2(pid: 1, start: 0, length: 1, path: name, time: 1)
        #expect(Decoded(record)?.name == name)
    }

    @Test("COMM tells a rename from an exec")
    func comm() {
        #expect(
            Decoded(RecordBuilder.comm(pid: 5, thread: 6, "bash", time: 44))?.text
                == "\(SideBandRecord.comm(pid: 5, thread: 6, isExec: false))")
        let exec = Decoded(RecordBuilder.comm(pid: 5, "sixteen-bytes-00", exec: true, time: 44))
        #expect(exec?.text == "\(SideBandRecord.comm(pid: 5, thread: 5, isExec: true))")
        #expect(exec?.name == Array("sixteen-bytes-00".utf8))
        #expect(exec?.time == 44)
    }

    @Test("FORK and EXIT name process, parent and thread")
    func forkAndExit() {
        #expect(
            Decoded(RecordBuilder.fork(pid: 9, parent: 4, thread: 10, time: 3))?.text
                == "\(SideBandRecord.fork(pid: 9, parent: 4, thread: 10))")
        #expect(
            Decoded(RecordBuilder.exit(pid: 9, thread: 10, time: 3))?.text
                == "\(SideBandRecord.exit(pid: 9, thread: 10))")
    }

    @Test("KSYMBOL tells of code that the kernel made, and of its end")
    func ksymbol() {
        let name = Array("bpf_prog_6deef7357e7b4530_handler".utf8)
        let start: UInt64 = 0xffff_ffff_c000_1234
        #expect(
            kernelCode(RecordBuilder.ksymbol(start: start, length: 0x99, name, time: 5))
                == KernelCode(start: start, end: start + 0x99, name: name, kind: .bpf))
        #expect(
            kernelCode(RecordBuilder.ksymbol(start: start, length: 1, kind: 2, flags: 1, [0x61], time: 5))
                == KernelCode(start: start, end: start + 1, name: [0x61], kind: .outOfLine, isGone: true))
        #expect(kernelCode(RecordBuilder.ksymbol(start: start, length: 1, kind: 0, [0x61], time: 5))?.kind == .unknown)
        #expect(kernelCode(RecordBuilder.ksymbol(start: start, length: 1, kind: 9, [0x61], time: 5))?.kind == .unknown)
        #expect(kernelCode(RecordBuilder.comm(pid: 1, "x", time: 1)) == nil)
        // It is nothing that happened to a process.
        #expect(Decoded(RecordBuilder.ksymbol(start: start, length: 1, [0x61], time: 5)) == nil)
    }

    @Test("A KSYMBOL that is no piece of the kernel names nothing; a name is no longer than any symbol's")
    func hostileKsymbol() {
        for (start, length) in [
            (.max, 1), (.max - 5, 6), (0xffff_ffff_c000_0000, 0), (0, 0x1000), (0x7fff_ffff_f000, 0x1000),
            (.max, .max),
        ] as [(UInt64, UInt32)] {
            #expect(kernelCode(RecordBuilder.ksymbol(start: start, length: length, [0x61], time: 5)) == nil)
        }
        let long = Array(repeating: UInt8(0x62), count: 60_000)
        let code = kernelCode(RecordBuilder.ksymbol(start: 1 << 63, length: 1, long, time: 5))
        #expect(code?.name.count == 512)
    }

    @Test("What was lost is told by count, and a throttle by itself")
    func losses() {
        #expect(loss(RecordBuilder.lost(31)) == .refused(31))
        #expect(loss(RecordBuilder.lostSamples(32)) == .dropped(32))
        #expect(loss(RecordBuilder.throttle()) == .throttled)
        #expect(loss(RecordBuilder.unthrottle()) == nil)
        #expect(loss(RecordBuilder.comm(pid: 1, "x", time: 1)) == nil)
    }

    @Test("Records that nobody asked for are known and pass; what is no kind at all is not")
    func knownKinds() {
        for type in 1...21 as ClosedRange<UInt32> {
            #expect(RecordDecoder.isKnown(RecordHeader(type: type, misc: 0, size: 8)))
        }
        for type in [0, 200, 1 << 31, .max] as [UInt32] {
            #expect(!RecordDecoder.isKnown(RecordHeader(type: type, misc: 0, size: 8)))
        }
    }

    private static let oneOfEach: [[UInt8]] = [
        RecordBuilder.mmap2(pid: 1, start: 0x1000, length: 0x1000, path: "/usr/lib/libc.so.6", time: 5),
        RecordBuilder.mmap2(
            pid: 1, start: 0x1000, length: 1, file: .buildID(Array(1...20)), path: Array("/a".utf8), time: 5),
        RecordBuilder.comm(pid: 1, "name", exec: true, time: 5),
        RecordBuilder.fork(pid: 2, parent: 1, time: 5), RecordBuilder.exit(pid: 2, time: 5),
        RecordBuilder.ksymbol(start: 1 << 63, length: 9, Array("bpf_prog".utf8), time: 5),
        RecordBuilder.lost(1), RecordBuilder.lostSamples(2), RecordBuilder.throttle(),
        RecordBuilder.sample(address: 1, pid: 2, time: 3, period: 4),
    ]

    @Test("Any prefix of any record gives a value or nothing, never a trap", arguments: oneOfEach)
    func prefixes(record: [UInt8]) {
        for length in 0...record.count {
            let cut = Array(record.prefix(length))
            if let decoded = Decoded(cut) { #expect(decoded.name.count <= length) }
            _ = loss(cut)
            _ = kernelCode(cut)
            _ = withRecord(cut) { RecordDecoder.time(of: $1) }
            _ = sample(cut)
            _ = period(cut)
        }
    }

    @Test("Any flipped bit gives a value or nothing, never a trap", arguments: oneOfEach)
    func bitFlips(record: [UInt8]) {
        for bit in 0..<record.count * 8 {
            var flipped = record
            flipped[bit / 8] ^= 1 << (bit % 8)
            if let decoded = Decoded(flipped) { #expect(decoded.name.count <= record.count) }
            _ = loss(flipped)
            var table = ProcessTable(wanted: nil)
            table.feed(flipped)
        }
    }
}

@Suite("Samples: fields at fixed places")
struct SampleRecordTests {
    @Test("Every field comes from its place")
    func fields() throws {
        let record = RecordBuilder.sample(
            id: 11, address: 0xffff_8000_1234_5678, pid: -1, thread: 22, time: 33, cpu: 44, period: 55)
        let fields = try #require(sample(record))
        #expect(fields.id == 11)
        #expect(fields.address == 0xffff_8000_1234_5678)
        #expect(fields.pid == -1)
        #expect(fields.thread == 22)
        #expect(fields.time == 33)
        #expect(fields.cpu == 44)
        #expect(period(record) == 55)
        #expect(SampleLayout(fixedPeriod: nil).size == record.count)
    }

    @Test("A fixed period is the layout's, and its samples are eight bytes shorter")
    func fixedPeriod() {
        let layout = SampleLayout(fixedPeriod: 1000)
        let record = RecordBuilder.sample(address: 1, pid: 1, time: 1)
        #expect(layout.size == record.count)
        #expect(period(record, fixed: 1000) == 1000)
    }

    @Test("A sample is weighed by the rate that held when it was taken, however often that has fallen since")
    func loweredRates() {
        var layout = SampleLayout(fixedPeriod: nil)
        layout.isClock = true
        // The record tells the period that the clock was opened with, at 50,000 Hz.
        func weight(at time: UInt64) -> UInt64 {
            withRecord(RecordBuilder.sample(address: 1, pid: 1, time: time, period: 20_000)) { layout.period(in: $1) }
        }
        #expect(weight(at: 5) == 20_000)
        layout.lower(to: 25_000, since: 100)
        layout.lower(to: 12_500, since: 200)
        layout.lower(to: 5000, since: 300)
        let weights: [UInt64] = [20_000, 20_000, 40_000, 40_000, 80_000, 80_000, 200_000]
        #expect([1, 99, 100, 199, 200, 299, 300].map(weight) == weights)
    }

    @Test("A sample that is cut short is none")
    func short() {
        let record = RecordBuilder.sample(address: 1, pid: 1, time: 1)
        #expect(sample(record) != nil)
        #expect(sample(Array(record.dropLast())) == nil)
        #expect(period(record) == 0)
    }

    @Test("The processor's mode is the low three bits of misc", arguments: UInt16.zero..<8)
    func mode(bits: UInt16) {
        let mode = RecordHeader(type: 9, misc: 0xfff8 | bits, size: 8).mode
        #expect(mode == (RecordHeader.Mode(rawValue: bits) ?? .unknown))
    }
}
