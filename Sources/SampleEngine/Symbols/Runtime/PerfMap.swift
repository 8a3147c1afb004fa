internal import Glibc

/// The map that a just-in-time compiler writes for profilers: lines `START SIZE NAME`, each a piece of code.
///
/// The numbers are hexadecimal, with or without `0x`; the rest of the line is the name. A later line wins over whatever
/// part of an earlier one it overlaps: the compiler has used that memory again. Taken in as it grows, in chunks that may
/// end anywhere.
///
/// What is left of the lines stands in runs, each sorted and without overlap, each newer than the one before it and at
/// most half as large. Where a new line makes the newest run larger than that, it is laid over the one before. So a line
/// is moved a few times at the most, however many come and in whatever order:
///
///     oldest  ████████████████████████
///             ██████████                   an address is looked up from the newest run to the oldest
///     newest  ███
package struct PerfMap: Sendable {
    /// Lines that make no sense, and those beyond the limits.
    package private(set) var badLines = 0
    /// Lines that named code.
    package private(set) var lines = 0
    /// Pieces that were dropped for want of room.
    package private(set) var forgotten = 0
    private var pieces: [Piece] = []
    /// Where each run begins in `pieces`, the oldest first.
    private var runs: [Int] = []
    /// Names one after the other.
    private var names: [UInt8] = []
    private var changed = ChangedRanges()
    /// A line whose end has not come yet; no more of it than shows that it is too long.
    private var beginning: [UInt8] = []
    private var hasTakenBeginning = false
    private var scratch: [Piece] = []

    package static let byteLimit = 64 << 20
    /// Bytes of memory that one map may hold: then the older half of its names goes.
    package static let memoryLimit = 10 << 20
    package static let lineLengthLimit = 4096

    package init() {}

    /// What later lines left of a line: its whole range, or a part of it.
    private struct Piece {
        var start: UInt64
        var end: UInt64
        var name: UInt32
        let length: UInt16
    }

    /// Bytes of memory held.
    package var byteCount: Int {
        MemoryLayout<Piece>.stride * (pieces.capacity + scratch.capacity) + names.capacity + beginning.capacity
    }

    // MARK: Look-up

    /// The name of the code at an address, and the range around it where that holds.
    package func find(_ address: UInt64) -> (name: [UInt8], start: UInt64, end: UInt64)? {
        // What newer runs leave of an older piece.
        var (lowest, highest) = (UInt64.min, UInt64.max)
        var end = pieces.count
        for start in runs.reversed() {
            let index = start + lowerBound(end - start) { pieces[start + $0].end <= address }
            if index < end, pieces[index].start <= address {
                let piece = pieces[index]
                let name = names[Int(piece.name)..<Int(piece.name) + Int(piece.length)]
                return (Array(name), max(lowest, piece.start), min(highest, piece.end))
            }
            if index > start { lowest = max(lowest, pieces[index - 1].end) }
            if index < end { highest = min(highest, pieces[index].start) }
            end = start
        }
        return nil
    }

    /// Where names came, went or changed since the last call: sorted, without overlap, a few hundred at the most.
    ///
    /// Where lines are spread wide, the ranges cover what lies between some of them too.
    package mutating func takeChanged() -> [Range<UInt64>] { changed.take() }

    // MARK: Lines in

    /// Takes in the next bytes of the file.
    package mutating func take(_ bytes: Span<UInt8>) {
        var rest = bytes
        while let length = newline(in: rest) {
            if beginning.isEmpty {
                takeLine(rest.extracting(first: length))
            } else {
                keep(rest.extracting(first: length))
                let line = beginning
                beginning = []
                takeLine(line.span)
            }
            rest = rest.extracting(droppingFirst: length + 1)
        }
        keep(rest)
    }

    /// Takes a last line that has no newline for whole; where more of it comes, that wins.
    package mutating func finish() {
        if beginning.isEmpty || hasTakenBeginning { return }
        hasTakenBeginning = true
        let line = beginning
        takeLine(line.span)
    }

    /// Forgets all lines, as the file begins anew; everywhere they named something has changed.
    package mutating func removeAll() {
        for piece in pieces { changed.add(piece.start..<piece.end) }
        let changed = changed
        self = PerfMap()
        self.changed = changed
    }

    private mutating func keep(_ part: Span<UInt8>) {
        if part.isEmpty { return }
        hasTakenBeginning = false
        let room = Self.lineLengthLimit + 1 - beginning.count
        unsafe part.extracting(first: min(room, part.count)).withUnsafeBufferPointer { bytes in
            unsafe beginning.append(contentsOf: bytes)
        }
    }

    private mutating func takeLine(_ written: Span<UInt8>) {
        // Some end their lines as Windows does.
        let hasReturn = !written.isEmpty && written[written.count - 1] == UInt8(ascii: "\r")
        let line = written.extracting(first: written.count - (hasReturn ? 1 : 0))
        guard line.count <= Self.lineLengthLimit,
            let (start, afterStart) = Self.number(in: line, from: 0),
            let (size, afterSize) = Self.number(in: line, from: Self.skipBlanks(line, from: afterStart)),
            case let nameStart = Self.skipBlanks(line, from: afterSize), nameStart > afterSize, nameStart < line.count,
            names.count <= Self.byteLimit - line.count
        else { return badLines += 1 }
        let (end, overflow) = start.addingReportingOverflow(size)
        guard !overflow, start < end else { return badLines += 1 }
        lines += 1
        let piece = Piece(start: start, end: end, name: UInt32(names.count), length: UInt16(line.count - nameStart))
        unsafe line.extracting(droppingFirst: nameStart).withUnsafeBufferPointer { bytes in
            unsafe names.append(contentsOf: bytes)
        }
        changed.add(start..<end)
        add(piece)
        if names.count + MemoryLayout<Piece>.stride * pieces.count > Self.memoryLimit { forgetOlderHalf() }
    }

    /// Drops the half of the names that was written first. What they named has no name then, and never an older one: what
    /// a newer line has laid over them is newer.
    private mutating func forgetOlderHalf() {
        let cut = names.count / 2
        var kept: [Piece] = []
        kept.reserveCapacity(pieces.count / 2)
        var keptRuns: [Int] = []
        for (number, start) in runs.enumerated() {
            let end = number + 1 < runs.count ? runs[number + 1] : pieces.count
            let first = kept.count
            for var piece in pieces[start..<end] {
                guard Int(piece.name) >= cut else {
                    changed.add(piece.start..<piece.end)
                    continue
                }
                piece.name -= UInt32(cut)
                kept.append(piece)
            }
            if kept.count > first { keptRuns.append(first) }
        }
        forgotten += pieces.count - kept.count
        (pieces, runs) = (kept, keptRuns)
        names = Array(names[cut...])
        scratch = []
    }

    /// A hexadecimal number and the place behind it; nil where there is none, or it does not fit into 64 bits.
    @inline(__always)
    private static func number(in line: Span<UInt8>, from start: Int) -> (value: UInt64, end: Int)? {
        var place = start
        if place + 1 < line.count, line[place] == UInt8(ascii: "0"), line[place + 1] == UInt8(ascii: "x") { place += 2 }
        let digits = place
        var value: UInt64 = 0
        while place < line.count, let digit = digit(line[place]) {
            if value >> 60 != 0 { return nil }
            value = value << 4 | UInt64(digit)
            place += 1
        }
        return place > digits ? (value, place) : nil
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    @inline(__always)
    private static func skipBlanks(_ line: Span<UInt8>, from start: Int) -> Int {
        var place = start
        while place < line.count, line[place] == UInt8(ascii: " ") || line[place] == UInt8(ascii: "\t") { place += 1 }
        return place
    }

    // MARK: Runs

    private mutating func add(_ piece: Piece) {
        // Compilers mostly go upwards: then the newest run just grows.
        if let last = pieces.last, last.end <= piece.start {} else { runs.append(pieces.count) }
        pieces.append(piece)
        while runs.count > 1 {
            let (older, newer) = (runs[runs.count - 2], runs[runs.count - 1])
            if 2 * (pieces.count - newer) <= newer - older { break }
            layOver(older..<newer, newer..<pieces.count)
            runs.removeLast()
        }
    }

    /// Makes the two newest runs one; where they overlap, the newer wins.
    private mutating func layOver(_ older: Range<Int>, _ newer: Range<Int>) {
        let lowest = pieces[newer.lowerBound].start
        // What ends before the newer run begins stays where it is.
        let untouched = older.lowerBound + lowerBound(older.count) { pieces[older.lowerBound + $0].end <= lowest }
        var next = untouched
        var rest = next < older.upperBound ? pieces[next] : nil
        func advance() {
            next += 1
            rest = next < older.upperBound ? pieces[next] : nil
        }
        for new in newer {
            let new = pieces[new]
            while let old = rest, old.start < new.start {
                var left = old
                left.end = min(old.end, new.start)
                scratch.append(left)
                if old.end > new.start {
                    rest?.start = new.start
                } else {
                    advance()
                }
            }
            scratch.append(new)
            while let old = rest, old.end <= new.end { advance() }
            if let old = rest, old.start < new.end { rest?.start = new.end }
        }
        while let old = rest {
            scratch.append(old)
            advance()
        }
        pieces.replaceSubrange(untouched..., with: scratch)
        scratch.removeAll(keepingCapacity: scratch.count < 65_536)
    }
}

private func newline(in bytes: Span<UInt8>) -> Int? {
    unsafe bytes.withUnsafeBufferPointer { buffer in
        guard let base = unsafe UnsafeRawPointer(buffer.baseAddress),
            let found = unsafe memchr(base, 0x0a, buffer.count)
        else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}

/// Ranges of addresses, joined where they touch, and where they are too many.
private struct ChangedRanges {
    private var ranges: [Range<UInt64>] = []

    private static let limit = 256

    mutating func add(_ range: Range<UInt64>) {
        if let last = ranges.last, last.lowerBound <= range.upperBound, range.lowerBound <= last.upperBound {
            let joined = min(last.lowerBound, range.lowerBound)..<max(last.upperBound, range.upperBound)
            ranges[ranges.count - 1] = joined
            return
        }
        // Tidied up now and then: sorting costs little for each of so many.
        if ranges.count >= 16 * Self.limit { tidy() }
        ranges.append(range)
    }

    mutating func take() -> [Range<UInt64>] {
        tidy()
        defer { ranges = [] }
        return ranges
    }

    private mutating func tidy() {
        ranges.sort { $0.lowerBound < $1.lowerBound }
        join(across: 0)
        guard ranges.count > Self.limit else { return }
        let gaps = zip(ranges, ranges.dropFirst()).map { $1.lowerBound - $0.upperBound }.sorted()
        join(across: gaps[ranges.count - Self.limit - 1])
    }

    /// Joins neighbors that are no further apart.
    private mutating func join(across gap: UInt64) {
        var joined: [Range<UInt64>] = []
        for range in ranges {
            if let last = joined.last, range.lowerBound <= last.upperBound.addingSaturating(gap) {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        ranges = joined
    }
}
