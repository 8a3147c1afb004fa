internal import Glibc

extension Descriptor {
    /// Size and time of the last write.
    borrowing func fileStamp() throws(ELFError) -> FileStamp {
        let number = number
        var status = stat()
        do {
            _ = try systemCall { unsafe fstat(number, &status) }
        } catch {
            throw .read(error)
        }
        return FileStamp(status)
    }

    /// Reads exactly `count` bytes at `offset`; a shorter file is an error, never a shorter result.
    borrowing func bytes(at offset: UInt64, count: Int) throws(ELFError) -> [UInt8] {
        var result: [UInt8] = []
        try read(at: offset, count: count, into: &result)
        return result
    }

    /// The same into a buffer that is used again; it has `count` bytes afterwards.
    borrowing func read(at offset: UInt64, count: Int, into buffer: inout [UInt8]) throws(ELFError) {
        guard let start = off_t(exactly: offset), count >= 0 else { throw .truncated }
        if buffer.count > count { buffer.removeLast(buffer.count - count) }
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: count) }
        let number = number
        var done = 0
        while done < count {
            let got: Int
            do {
                got = try systemCall {
                    unsafe buffer.withUnsafeMutableBytes {
                        unsafe pread(number, $0.baseAddress?.advanced(by: done), count - done, start &+ off_t(done))
                    }
                }
            } catch {
                throw .read(error)
            }
            if got == 0 { throw .truncated }
            done += got
        }
    }
}

/// A file that is read for its names; whatever is read of it is charged.
final class ImageFile {
    private let source: ForeignFile
    /// Who pays for what is read from now on.
    var meter: ReadingMeter

    init(_ source: consuming ForeignFile, _ meter: ReadingMeter) {
        self.source = source
        self.meter = meter
    }

    convenience init(_ descriptor: consuming Descriptor, _ meter: ReadingMeter) { self.init(.here(descriptor), meter) }

    /// Size and time of the last write now.
    func stamp() throws(ELFError) -> FileStamp { try source.stamp() }

    /// What is known of it now without asking its file system; nil where nobody can tell.
    var place: PlaceFacts? { source.place() }

    /// Reads exactly `count` bytes at `offset`; a shorter file is an error, never a shorter result.
    func bytes(at offset: UInt64, count: Int) throws(ELFError) -> [UInt8] {
        var bytes: [UInt8] = []
        try read(at: offset, count: count, into: &bytes)
        return bytes
    }

    /// The same into a buffer that is used again; it has `count` bytes afterwards.
    func read(at offset: UInt64, count: Int, into buffer: inout [UInt8]) throws(ELFError) {
        try meter.charge(count)
        try source.read(at: offset, count: count, into: &buffer)
    }
}

/// A table of entries of equal size, read in pieces of whole entries, so that memory stays small.
struct EntryReader: ~Copyable {
    /// Index of the first entry of the piece in the table.
    private(set) var first = 0
    /// Entries of the piece.
    private(set) var count = 0
    private(set) var bytes: [UInt8] = []
    private let range: FileRange
    private let entrySize: Int
    private let total: Int

    /// - Parameters:
    ///   - range: a part of the file that was checked against its size; a rest shorter than an entry is left.
    ///   - limit: of entries; a longer table is `tooLarge`.
    init(in range: FileRange, entrySize: Int, limit: Int) throws(ELFError) {
        guard entrySize > 0 else { throw .truncated }
        let count = range.size / UInt64(entrySize)
        if count > UInt64(limit) { throw .tooLarge }
        self.range = range
        self.entrySize = entrySize
        total = Int(count)
    }

    /// Reads the next piece; false at the end of the table.
    mutating func next(from file: ImageFile) throws(ELFError) -> Bool {
        first += count
        count = min(max(1, 65_536 / entrySize), total - first)
        if count == 0 { return false }
        try file.read(at: range.offset &+ UInt64(first * entrySize), count: count * entrySize, into: &bytes)
        return true
    }
}

/// What tells one content of a file from the next: its size and the time of the last write.
///
/// Not the change time: moving another file over this one's name changes that, and leaves the content alone.
struct FileStamp: Hashable, Sendable {
    var size: UInt64
    var seconds: Int64
    var nanoseconds: Int64
}

extension FileStamp {
    init(_ status: stat) {
        self.init(
            size: UInt64(clamping: status.st_size), seconds: Int64(status.st_mtim.tv_sec),
            nanoseconds: Int64(status.st_mtim.tv_nsec))
    }
}

/// A part of a file that lies wholly inside it.
struct FileRange: Equatable {
    let offset: UInt64
    let size: UInt64

    /// Fails where the part reaches past the end of the file.
    init(offset: UInt64, size: UInt64, fileSize: UInt64) throws(ELFError) {
        let (end, overflow) = offset.addingReportingOverflow(size)
        guard !overflow, end <= fileSize else { throw .truncated }
        self.offset = offset
        self.size = size
    }

    var end: UInt64 { offset + size }
}

extension [UInt8] {
    /// Little-endian numbers at an offset the caller has checked; a wrong one traps like any index.
    @inline(__always) func u16(_ offset: Int) -> UInt16 { load(offset) }
    @inline(__always) func u32(_ offset: Int) -> UInt32 { load(offset) }
    @inline(__always) func u64(_ offset: Int) -> UInt64 { load(offset) }

    @inline(__always) private func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number {
        unsafe span.bytes.number(offset)
    }
}

extension RawSpan {
    /// A little-endian number at an offset the caller has checked; a wrong one traps like any index.
    @inline(__always)
    func number<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number {
        // The span checks the bounds; any bits make a number.
        Number(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}

/// A sliding view of a file for readers that go mostly forward in small steps.
struct FileWindow: ~Copyable {
    let range: FileRange
    private let chunk: Int
    /// What was fetched last, and some bytes behind it.
    private(set) var bytes: [UInt8] = []
    private var start: UInt64 = 0

    /// - Parameter range: nothing outside of it can be read.
    init(over range: FileRange, chunk: Int = 65_536) {
        self.range = range
        self.chunk = chunk
    }

    /// Makes at least `count` bytes (at most a chunk) at `offset` available and returns their place in `bytes`.
    @inline(__always)
    mutating func fetch(_ offset: UInt64, _ count: Int, from file: ImageFile) throws(ELFError) -> Int {
        if !holds(offset, count) { try slide(to: offset, count, file) }
        return Int(truncatingIfNeeded: offset &- start)
    }

    private mutating func slide(to offset: UInt64, _ count: Int, _ file: ImageFile) throws(ELFError) {
        guard offset >= range.offset, offset <= range.end, UInt64(count) <= range.end - offset, count <= chunk else {
            throw .truncated
        }
        let size = Int(min(UInt64(chunk), range.end - offset))
        start = offset
        // A failed read leaves nothing that could be taken for the file's bytes.
        do { try file.read(at: offset, count: size, into: &bytes) } catch {
            bytes = []
            throw error
        }
    }

    /// Whether bytes are there without another read.
    @inline(__always)
    func holds(_ offset: UInt64, _ count: Int) -> Bool {
        offset >= start && offset - start <= UInt64(bytes.count) && bytes.count - Int(offset - start) >= count
    }
}
