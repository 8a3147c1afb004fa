/// A function before flattening, relative to the table's window.
struct SymbolCandidate {
    var start: UInt32
    /// Sized: the end. Without a size: the end of its section, until its real end is found.
    var end: UInt32
    var name: NameReference
    var rank: SymbolRank

    /// Smallest first; among equals of the same range the best name is last.
    @inline(__always)
    var key: UInt64 { SymbolTable.aliasKey(start: start, end: end) }
}

/// What one name has over another for the same bytes; higher is better.
struct SymbolRank: Comparable {
    enum Binding: UInt8 {
        case local = 0
        case weak = 2
        case global = 4
    }

    let bits: UInt8

    init(isSized: Bool, isFunction: Bool, isExported: Bool, binding: Binding) {
        bits = (isSized ? 32 : 0) | (isFunction ? 16 : 0) | (isExported ? 8 : 0) | binding.rawValue
    }

    var isSized: Bool { bits & 32 != 0 }
    var isFunction: Bool { bits & 16 != 0 }

    static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }
}

/// The intervals of a symbol table, disjoint and ascending, made in one pass over the functions in order of start.
///
/// A large image has hundreds of thousands of functions, and most begin alone, where no other is open: those are on the
/// short way, and each step more would cost a millisecond.
struct FlatSegments: ~Copyable {
    private(set) var starts: [UInt32] = []
    private(set) var ends: [UInt32] = []
    private(set) var names: [UInt32] = []
    private(set) var parts: [SymbolTable.Part] = []
    private(set) var aliases: [SymbolTable.Alias] = []
    private(set) var hasNames = false

    private var frames: FrameRanges
    /// Whether a function without a size has no more than what unwind tables prove of it.
    private let onlyProven: Bool
    /// The next range of the unwind tables.
    private var frame = 0
    /// The furthest end of the sized functions that began so far, and that of all kept ones.
    private var (sizedEnd, coverEnd): (UInt32, UInt32) = (0, 0)
    /// Functions that have begun, the innermost last; those below it may have ended already.
    private var open: [SymbolCandidate] = []
    private var position: UInt32 = 0

    init() {
        frames = FrameRanges()
        onlyProven = false
    }

    /// Flattens functions that are sorted by start, and what the unwind tables know besides.
    ///
    /// - Parameter onlyProven: there may be functions without a name between those that have one. So one without a size
    ///   ends where the unwind tables end it, and where they say nothing it is no more than its first byte.
    init(_ functions: [SymbolCandidate], _ frames: consuming FrameRanges, onlyProven: Bool) {
        self.frames = frames
        self.onlyProven = onlyProven
        starts.reserveCapacity(functions.count)
        ends.reserveCapacity(functions.count)
        names.reserveCapacity(functions.count)
        var group = 0
        while group < functions.count {
            let first = functions[group]
            var next = group + 1
            while next < functions.count, functions[next].start == first.start { next += 1 }
            addUnnamed(before: first.start)
            if next == group + 1, first.rank.isSized, first.rank.isFunction {
                if first.end > first.start { add(first) }
            } else {
                let limit = next < functions.count ? functions[next].start : .max
                addGroup(Array(functions[group..<next]), endingBefore: limit)
            }
            group = next
        }
        addUnnamed(before: .max)
        close(upTo: .max)
    }

    /// Adds functions with one start: ends those without a size, drops labels inside functions, and keeps the best
    /// name for each range.
    private mutating func addGroup(_ group: [SymbolCandidate], endingBefore next: UInt32) {
        let start = group[0].start
        let hasSize = group.contains { $0.rank.isSized }
        // Those without a size stand in one section; where a file says otherwise, the nearest end counts.
        var unsizedEnd = next
        if !hasSize {
            unsizedEnd = min(next, frames.limit(at: start, onlyProven: onlyProven))
            for function in group { unsizedEnd = min(unsizedEnd, function.end) }
        }
        for function in group where function.rank.isSized && function.rank.isFunction {
            sizedEnd = max(sizedEnd, function.end)
        }
        var kept: [SymbolCandidate] = []
        for var function in group {
            if !function.rank.isFunction, sizedEnd > start { continue }
            if !function.rank.isSized {
                if hasSize { continue }
                function.end = unsizedEnd
                if sizedEnd > start { function.end = min(function.end, sizedEnd) }
            }
            if function.end > start { kept.append(function) }
        }
        if kept.count > 1 { kept.sort(by: Self.isBefore) }
        var last: SymbolCandidate?
        for function in kept {
            if let last, last.key == function.key {
                if last.rank == function.rank, last.name != function.name,
                    aliases.last.map({ $0.key != function.key || $0.name != function.name.bits }) ?? true
                {
                    aliases.append(SymbolTable.Alias(key: function.key, name: function.name.bits))
                }
                continue
            }
            add(function)
            last = function
        }
    }

    /// By range, then the best rank first.
    private static func isBefore(_ left: SymbolCandidate, _ right: SymbolCandidate) -> Bool {
        if left.key != right.key { return left.key < right.key }
        if left.rank != right.rank { return left.rank > right.rank }
        return left.name.bits < right.name.bits
    }

    /// Adds the ranges of the unwind tables that begin where no symbol is.
    @inline(__always)
    private mutating func addUnnamed(before limit: UInt32) {
        while frame < frames.count, frames.start(frame) < limit {
            if frames.start(frame) >= coverEnd { addUnnamed(frame) }
            frame += 1
        }
    }

    private mutating func addUnnamed(_ frame: Int) {
        guard let end = frames.end(frame), end > frames.start(frame) else { return }
        let rank = SymbolRank(isSized: true, isFunction: true, isExported: false, binding: .local)
        let (covered, sized) = (coverEnd, sizedEnd)
        add(SymbolCandidate(start: frames.start(frame), end: end, name: .none, rank: rank))
        // It bounds nothing: what it is part of is not known.
        (coverEnd, sizedEnd) = (covered, sized)
    }

    /// Adds a function that has a range of its own, not before the last one.
    @inline(__always)
    private mutating func add(_ function: SymbolCandidate) {
        coverEnd = max(coverEnd, function.end)
        if function.rank.isSized, function.rank.isFunction { sizedEnd = max(sizedEnd, function.end) }
        if open.count == 1, open[0].end <= function.start {
            append(position, open[0].end, of: open[0])
            open[0] = function
        } else {
            close(upTo: function.start)
            open.append(function)
        }
        position = function.start
    }

    /// Gives the bytes up to a limit to the open functions, each to the innermost that still covers it.
    private mutating func close(upTo limit: UInt32) {
        while let top = open.last {
            let end = min(top.end, limit)
            if end > position {
                append(position, end, of: top)
                position = end
            }
            if top.end > limit { return }
            open.removeLast()
        }
    }

    @inline(__always)
    private mutating func append(_ start: UInt32, _ end: UInt32, of function: SymbolCandidate) {
        // What begins where it is interrupted at once has nothing here.
        if start == end { return }
        if start != function.start || end != function.end {
            parts.append(
                SymbolTable.Part(segment: UInt32(starts.count), start: function.start, end: function.end))
        }
        starts.append(start)
        ends.append(end)
        names.append(function.name.bits)
        if function.name != .none { hasNames = true }
    }
}

extension SymbolTable {
    /// Makes a table of what an image's symbol tables and unwind tables say.
    ///
    /// - Parameter candidates: in any order; taken over and sorted in place.
    init(
        window: CodeWindow, candidates: consuming [SymbolCandidate], frames: consuming FrameRanges, onlyProven: Bool
    ) {
        var functions = candidates
        sortByStart(&functions)
        self.init(window: window, segments: FlatSegments(functions, frames, onlyProven: onlyProven))
    }
}
