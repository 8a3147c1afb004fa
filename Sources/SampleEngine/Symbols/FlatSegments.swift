/// A function before flattening, relative to the table's base.
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

/// The intervals of a symbol table, disjoint and ascending.
struct FlatSegments: ~Copyable {
    private(set) var starts: [UInt32] = []
    private(set) var ends: [UInt32] = []
    private(set) var names: [UInt32] = []
    private(set) var parts: [SymbolTable.Part] = []
    private(set) var hasNames = false

    init() {}

    /// Flattens functions that are sorted by `key`, one for each range, without empty ones.
    init(_ functions: [SymbolCandidate]) {
        starts.reserveCapacity(functions.count)
        ends.reserveCapacity(functions.count)
        names.reserveCapacity(functions.count)
        // Functions that have begun, the innermost last; those below may have ended already.
        var open: [SymbolCandidate] = []
        var position: UInt32 = 0
        for function in functions {
            close(&open, upTo: function.start, from: &position)
            open.append(function)
            position = function.start
        }
        close(&open, upTo: .max, from: &position)
    }

    /// Gives the bytes up to a limit to the open functions, each to the innermost that still covers it.
    private mutating func close(_ open: inout [SymbolCandidate], upTo limit: UInt32, from position: inout UInt32) {
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
    init(base: UInt64, candidates: consuming [SymbolCandidate], frames: FrameRanges) {
        var functions = candidates
        sortByStart(&functions)
        Self.chooseAndBound(&functions, frames)
        var aliases: [Alias] = []
        Self.mergeAliases(&functions, &aliases)
        Self.addUnnamed(&functions, frames)
        self.init(base: base, segments: FlatSegments(functions), aliases: aliases)
    }

    /// Ends symbols that have no size, and drops labels inside functions.
    ///
    /// Order by start is kept; afterwards every function has a range that is not empty.
    private static func chooseAndBound(_ functions: inout [SymbolCandidate], _ frames: FrameRanges) {
        var kept = 0
        var group = 0
        var coverEnd: UInt32 = 0  // the furthest end of the sized functions that began so far
        var frame = 0
        while group < functions.count {
            let start = functions[group].start
            var next = group + 1
            var groupHasSize = functions[group].rank.isSized
            while next < functions.count, functions[next].start == start {
                groupHasSize = groupHasSize || functions[next].rank.isSized
                next += 1
            }
            for index in group..<next where functions[index].rank.isSized && functions[index].rank.isFunction {
                coverEnd = max(coverEnd, functions[index].end)
            }
            let isCovered = coverEnd > start
            if !groupHasSize { while frame < frames.count, frames.range(frame).end <= start { frame += 1 } }
            for index in group..<next {
                var function = functions[index]
                if !function.rank.isFunction, isCovered { continue }
                if !function.rank.isSized {
                    if groupHasSize { continue }
                    if next < functions.count { function.end = min(function.end, functions[next].start) }
                    if isCovered { function.end = min(function.end, coverEnd) }
                    if frame < frames.count {
                        let (begin, end) = frames.range(frame)
                        function.end = min(function.end, begin <= start ? end : begin)
                    }
                }
                guard function.end > start else { continue }
                functions[kept] = function
                kept += 1
            }
            group = next
        }
        functions.removeLast(functions.count - kept)
    }

    /// By range, then the best rank first.
    @inline(__always)
    private static func isBefore(_ left: SymbolCandidate, _ right: SymbolCandidate) -> Bool {
        if left.key != right.key { return left.key < right.key }
        if left.rank != right.rank { return left.rank > right.rank }
        return left.name.bits < right.name.bits
    }

    /// Keeps one candidate for each range, the best of its rank, and remembers its equals.
    private static func mergeAliases(_ functions: inout [SymbolCandidate], _ aliases: inout [Alias]) {
        var kept = 0
        var group = 0
        while group < functions.count {
            var next = group + 1
            while next < functions.count, functions[next].start == functions[group].start { next += 1 }
            if next - group == 2 {
                if isBefore(functions[group + 1], functions[group]) { functions.swapAt(group, group + 1) }
            } else if next - group > 2 {
                functions[group..<next].sort(by: isBefore)
            }
            for index in group..<next {
                let function = functions[index]
                if index > group, functions[kept - 1].key == function.key {
                    if functions[kept - 1].rank == function.rank, functions[kept - 1].name != function.name {
                        aliases.append(Alias(key: function.key, name: function.name.bits))
                    }
                    continue
                }
                functions[kept] = function
                kept += 1
            }
            group = next
        }
        functions.removeLast(functions.count - kept)
    }

    /// Adds the ranges of the unwind tables that begin where no symbol is.
    private static func addUnnamed(_ functions: inout [SymbolCandidate], _ frames: FrameRanges) {
        let rank = SymbolRank(isSized: true, isFunction: true, isExported: false, binding: .local)
        var unnamed: [SymbolCandidate] = []
        var symbol = 0
        var coverEnd: UInt32 = 0
        for index in 0..<frames.count {
            let (start, end) = frames.range(index)
            while symbol < functions.count, functions[symbol].start <= start {
                coverEnd = max(coverEnd, functions[symbol].end)
                symbol += 1
            }
            if coverEnd > start { continue }
            unnamed.append(SymbolCandidate(start: start, end: end, name: .none, rank: rank))
        }
        if unnamed.isEmpty { return }
        var merged: [SymbolCandidate] = []
        merged.reserveCapacity(functions.count + unnamed.count)
        var next = 0
        for function in functions {
            while next < unnamed.count, unnamed[next].key < function.key {
                merged.append(unnamed[next])
                next += 1
            }
            merged.append(function)
        }
        merged.append(contentsOf: unnamed[next...])
        functions = merged
    }
}

/// Sorts by start: radix, 11 bits at a time, stable; leaves out digits that all have in common.
private func sortByStart(_ functions: inout [SymbolCandidate]) {
    // Below this the counting tables cost more than the symbols.
    if functions.count < 512 {
        functions.sort { $0.start < $1.start }
        return
    }
    var counts = [UInt32](repeating: 0, count: 3 * 2048)
    var isSorted = true
    var previous: UInt32 = 0
    for function in functions {
        let start = function.start
        isSorted = isSorted && start >= previous
        previous = start
        counts[Int(start & 2047)] += 1
        counts[2048 + Int(start >> 11 & 2047)] += 1
        counts[4096 + Int(start >> 22)] += 1
    }
    if isSorted { return }
    var scratch = functions
    for digit in 0..<3 {
        let table = 2048 * digit
        let shift = UInt32(11 * digit)
        if counts[table + Int(functions[0].start >> shift & 2047)] == UInt32(functions.count) { continue }
        var sum: UInt32 = 0
        for value in table..<table + 2048 { (counts[value], sum) = (sum, sum + counts[value]) }
        scatter(functions, to: &scratch, places: &counts, table: table, shift: shift)
        swap(&functions, &scratch)
    }
}

/// Moves each function to the next free place of its digit.
private func scatter(
    _ functions: [SymbolCandidate], to result: inout [SymbolCandidate], places: inout [UInt32], table: Int,
    shift: UInt32
) {
    // Spans, so that a shared buffer is tested for once, not at every store.
    let from = functions.span
    var to = result.mutableSpan
    var places = places.mutableSpan
    for index in from.indices {
        let slot = table + Int(from[index].start >> shift & 2047)
        let place = places[slot]
        to[Int(place)] = from[index]
        places[slot] = place &+ 1
    }
}
