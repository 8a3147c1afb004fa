internal import CLinuxShims
internal import Glibc

@testable internal import SampleEngine

/// The parsers of foreign bytes. One program has them all; the variable PERFTOP_FUZZ says which one it feeds.
enum Parser: String {
    /// An ELF image: headers, symbols, unwind tables, stubs.
    case image
    /// The xz stream in `.gnu_debugdata`.
    case debugdata
    /// `/proc/kallsyms`, or a copy of it.
    case kallsyms
    /// `/proc/PID/maps`.
    case maps
    /// A symbol's raw name.
    case demangler
    /// `/tmp/perf-PID.map`, written in two pieces.
    case perfmap
    /// One record of a ring, whatever its kind.
    case record
    /// A session: records of all kinds, times, periods and clocks, with all that is made of them.
    case session
    /// Keys, as bytes of a terminal, and what the screen does with them.
    case keys
    /// The configuration file.
    case configuration
    /// A filter, and names that it is asked about.
    case filter
    /// A regular expression, and a name it is looked for in.
    case expression
    /// Events as they are asked for, and what tracefs says of them.
    case tracefs
    /// A list of mounts, `/proc/PID/mountinfo`, and what `/proc` tells of an open file.
    case mounts
    /// `/proc/PID/stat`.
    case stat
    /// An image and its debug file, one behind the other: found by build-id, and by link.
    case debuglink
    // A new parser: a case here, its call below, a link `run-NAME` to `fuzz`, and seeds in `fuzz`.

    func parse(_ bytes: [UInt8]) {
        switch self {
        case .image: parseImage(bytes)
        case .debugdata:
            let packed = ImageFile(file(bytes), ReadingMeter())
            guard let range = try? FileRange(offset: 0, size: UInt64(bytes.count), fileSize: UInt64(bytes.count)) else {
                return
            }
            _ = try? CompressedSymbols.inflated(range, of: packed)
        case .kallsyms:
            guard let list = try? KernelSymbols(readingKallsyms: file(bytes)) else { return }
            for shift in UInt64(0)..<64 { _ = list.answer(at: RuntimeAddress(.max << shift)) }
        case .maps: parseMaps(bytes)
        case .demangler:
            _ = readableName(of: bytes)
            _ = displayText(bytes)
        case .perfmap: parseMap(bytes)
        case .record: parseRecord(bytes)
        case .session: Sessions.run(bytes)
        case .keys: Sessions.pressKeys(bytes)
        case .configuration: for setting in (try? Setting.all(in: bytes, of: "x")) ?? [] { _ = setting.value.shown }
        case .filter: parseFilter(bytes)
        case .expression: parseExpression(bytes)
        case .tracefs: parseTracepoint(bytes)
        case .mounts: parseMounts(bytes)
        case .stat: parseStat(bytes)
        case .debuglink: parseLinked(bytes)
        }
    }

    private func parseFilter(_ bytes: [UInt8]) {
        guard let filter = try? Filter(String(decoding: bytes, as: UTF8.self)) else { return }
        let name = displayText(Array(bytes.suffix(100)))
        for kind in CodeKind.allCases {
            _ = filter.alternatives(filter.marks(function: name, module: name, kind: kind))
        }
        _ = filter.alternatives(filter.marks(process: name, pid: .min, user: .max))
        _ = filter.shows(held: .max, selfPercent: 0.1, totalPercent: 100, samples: .max)
        // What was understood is understood again.
        guard let again = try? Filter(filter.text), again == filter else { fatalError("\(filter.text)") }
    }

    /// The expression ends with the line.
    private func parseExpression(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0x0a, maxSplits: 1, omittingEmptySubsequences: false)
        let source = String(decoding: parts.first ?? [], as: UTF8.self)
        guard let expression = try? NameExpression(Array(source.unicodeScalars)) else { return }
        _ = expression.isFound(in: String(decoding: (parts.last ?? []).prefix(1024), as: UTF8.self))
    }

    /// An event list in the first line, what its `id` file says in the second, then the names of a folder.
    private func parseTracepoint(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        let text = String(decoding: lines.first ?? [], as: UTF8.self)
        _ = try? EventGroup.parse(text)
        _ = Tracepoint.number(in: Array(lines.dropFirst().first ?? []))
        let names = lines.dropFirst(2).prefix(64).map { String(decoding: $0.prefix(255), as: UTF8.self) }
        _ = closest(to: String(text.prefix(255)), among: names)
    }

    private func parseMaps(_ bytes: [UInt8]) {
        var reading = MapsReading(task: 1, wanted: [0x1000, 0x7fff_0000_0000, .max])
        for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) { reading.take(line) }
        _ = reading.finish()
    }

    private func parseMap(_ bytes: [UInt8]) {
        var map = PerfMap()
        map.take(bytes.span.extracting(first: bytes.count / 2))
        for shift in UInt64(0)..<64 { _ = map.find(.max << shift) }
        map.take(bytes.span.extracting(last: bytes.count - bytes.count / 2))
        map.finish()
        let changed = map.takeChanged()
        for range in changed.prefix(64) { _ = map.find(range.lowerBound) }
        for shift in UInt64(0)..<64 { _ = map.find(1 << shift) }
    }

    private func parseMounts(_ bytes: [UInt8]) {
        let place = scratch.write(bytes, to: "mountinfo")
        for name in ["0:1", "254:0", "4294967295:4294967295"] {
            _ = MountedFileSystem.kind(ofDevice: name, in: bytes).map { MountedFileSystem(kind: $0).refusal }
        }
        _ = MountedFileSystem(of: file([]), in: [place])
        _ = PlaceFacts.mount(fdinfo: bytes)
        for beginning in ["27 ", "1", ""] {
            _ = (try? fileLine(place, beginning: Array(beginning.utf8), limit: 65_536))??.count
        }
    }

    private func parseStat(_ bytes: [UInt8]) {
        scratch.write(bytes, to: "1/stat")
        let reader = ProcReader(root: scratch.path)
        _ = reader.parent(of: 1)
        _ = reader.startTime(of: 1)
        _ = reader.startTick(of: 1)
    }

    /// The first two bytes say how long the image is.
    private func parseLinked(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let length = min(Int(bytes[0]) | Int(bytes[1]) << 8, bytes.count - 2)
        let image = Array(bytes[2..<2 + length])
        scratch.write(Array(bytes[(2 + length)...]), to: "usr/lib/debug/opt/other")
        let files = DebugFiles(ofImageAt: Array("/opt/image".utf8), ownRoot: scratch.path, processRoot: scratch.path)
        var explanation = Explanation(isWanted: true)
        ask(try? ImageSymbols(reading: file(image), debugFiles: files, explanation: &explanation))
    }

    private func parseRecord(_ bytes: [UInt8]) {
        guard bytes.count >= 8 else { return }
        let header = RecordHeader(word: bytes.u64(0))
        let record = bytes.span.bytes
        var processes = ProcessTable(wanted: nil)
        if let (sideBand, name) = RecordDecoder.sideBand(header, record) {
            processes.apply(sideBand, name: name, in: record, at: RecordDecoder.time(of: record) ?? 0)
        }
        _ = RecordDecoder.kernelCode(header, record)
        _ = RecordDecoder.loss(header, record)
        if let sample = SampleRecord(record) {
            let life = processes.life(of: sample.pid, at: sample.time)
            _ = processes.locate(sample.address, in: life, at: sample.time)
        }
    }

    private func parseImage(_ bytes: [UInt8]) {
        // The same with its tables in memory, and with none of them.
        ask(try? ImageSymbols(reading: file(bytes)))
        var explanation = Explanation(isWanted: false)
        let image = try? ImageSymbols(
            reading: file(bytes), share: ImageSymbols.Share(functions: 0), explanation: &explanation)
        guard let image else { return }
        let places = stride(from: UInt64(0), to: 0x6000, by: 61).map { ImageAddress($0) }
        let far = (UInt64(0)..<64).map { ImageAddress(.max << $0) }
        _ = image.answers(at: places + far, meter: ReadingMeter())
    }

    private func ask(_ image: ImageSymbols?) {
        guard let image else { return }
        for address in stride(from: UInt64(0), to: 0x6000, by: 61) { _ = image.answer(at: ImageAddress(address)) }
        for shift in UInt64(0)..<64 {
            _ = image.answer(at: ImageAddress(1 << shift))
            _ = image.imageAddress(of: FileOffset(1 << shift))
        }
    }

    private func file(_ bytes: [UInt8]) -> Descriptor {
        let number = unsafe pt_memfd("fuzz")
        guard number >= 0, unsafe write(number, bytes, bytes.count) == bytes.count else {
            fatalError("no file of memory: errno \(errno)")
        }
        return Descriptor(owning: number)
    }
}

/// A folder for what is looked for by its path.
private let scratch = Scratch()

private final class Scratch: Sendable {
    let path: String

    init() {
        path = "/dev/shm/perftop-fuzz-\(getpid())"
        for folder in ["", "/1", "/usr", "/usr/lib", "/usr/lib/debug", "/usr/lib/debug/opt"] {
            _ = unsafe mkdir(path + folder, 0o755)
        }
        atexit { scratch.remove() }
    }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) -> String {
        let place = path + "/" + name
        let number = unsafe open(place, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard number >= 0, unsafe Glibc.write(number, bytes, bytes.count) == bytes.count else {
            fatalError("\(place) cannot be written: errno \(errno)")
        }
        close(number)
        return place
    }

    func remove() {
        for name in ["mountinfo", "1/stat", "usr/lib/debug/opt/other"] { unlink(path + "/" + name) }
        for folder in ["/1", "/usr/lib/debug/opt", "/usr/lib/debug", "/usr/lib", "/usr", ""] {
            _ = unsafe rmdir(path + folder)
        }
    }
}

/// What the fuzzer calls, again and again; a trap, a report of the sanitizer, or a long time is a find.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    unsafe chosen.parse(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

private let chosen: Parser = {
    // Keys are bytes of UTF-8.
    _ = unsafe setlocale(LC_CTYPE, "C.UTF-8")
    guard let name = unsafe getenv("PERFTOP_FUZZ"), let parser = Parser(rawValue: unsafe String(cString: name)) else {
        fatalError("PERFTOP_FUZZ names no parser")
    }
    return parser
}()
