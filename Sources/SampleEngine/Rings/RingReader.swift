internal import Synchronization

/// Reads whole records from one ring, each once, and gives the space back.
///
/// A pass goes to the head as it stood when the pass began, so a writer faster than the reader cannot hold it. A
/// record may cross the ring's end; it is then put together in a copy, everything else is seen in place:
///
///     tail ──► [record][record][rec… | …ord][record] ◄── head
///                              end ──┘ └── start of the data
///
/// In overwrite mode nobody waits for us, so a pass copies what may be new, looks how far the writer got meanwhile,
/// and drops from the old end what may have been overwritten. It steps over the copy from the head on, which is the newest
/// record first, and then shows the records the other way round, as they were written:
///
///     head ──► [newest][record]…[oldest][re·····   what does not begin and end in the copy was overrun
///              └────────── copy ──────────┘
///
/// Not trusted: a size below 8, beyond the head or not a multiple of 8 ends the pass at the head, and is counted.
package struct RingReader: ~Copyable, Sendable {
    private let mapping: RingMapping
    /// A record that crosses the end; it grows with the longest one that did, 64 KiB at most.
    private var crossing: [UInt8]
    /// The newest bytes of an overwrite ring, from its head on; empty in reliable mode.
    private var copy: [UInt64]
    /// Where whole records begin in the copy, the newest first, and how many of them are still to be shown.
    private var starts: [UInt32] = []
    private var unshown = 0
    /// Where this pass reads next, and where it ends: bytes ever written, in either mode.
    package private(set) var position: UInt64
    package private(set) var end: UInt64
    /// Passes that met bytes which cannot be a record.
    package private(set) var undecodable: UInt64 = 0
    /// The header that ended the first such pass, where one was read.
    package private(set) var brokenHeader: UInt64?
    /// Bytes of an overwrite ring that were gone before they were read. Bytes read, these, and those of a pass that
    /// was given up as undecodable are together what the head moved by.
    package private(set) var overrunBytes: UInt64 = 0

    package init(_ mapping: consuming RingMapping) {
        switch mapping.mode {
        case .reliable:
            crossing = Array(repeating: 0, count: 512)
            copy = []
            position = mapping.loadTail()
        case .overwrite:
            crossing = []
            copy = Array(repeating: 0, count: Int(mapping.size / 8))
            // What is still there was written for us, too; what is gone never was ours.
            let written = 0 &- mapping.loadHead()
            position = written &- min(written, mapping.size)
        }
        end = position
        self.mapping = mapping
    }

    /// Bytes of data.
    package var size: UInt64 { mapping.size }
    /// Data pages, without the control page.
    package var pages: Int { mapping.pages }
    /// Who gives way when the ring is full.
    package var mode: RingMode { mapping.mode }

    /// Reads the event's page: see `RingMapping.readPage`.
    package func readPage(isOwnThread: Bool = false) -> UserPage? { mapping.readPage(isOwnThread: isOwnThread) }

    /// Bytes ever written, as of now; the pass that is under way stays as it is.
    package func loadHead() -> UInt64 {
        let head = mapping.loadHead()
        return mapping.mode == .reliable ? head : 0 &- head
    }

    /// The control page's words, good as long as this value lives.
    var controlWords: SharedWords { mapping.controlWords }

    /// What the head's word says where there is nothing new; in overwrite mode it counts down from 0.
    var headWhenRead: UInt64 { mapping.mode == .reliable ? position : 0 &- position }

    /// Loads the head once and with it fixes the end of the next pass.
    ///
    /// - Returns: bytes that wait. More than the ring holds means a torn control page: the pass then is empty. In
    ///   overwrite mode more is only the writer being faster: those that the ring still held.
    @discardableResult
    package mutating func beginPass() -> UInt64 {
        if mapping.mode == .overwrite { return copyNewest() }
        let head = mapping.loadHead()
        let waiting = head &- position
        if waiting > mapping.size {
            undecodable &+= 1
            position = head
        }
        end = head
        return end &- position
    }

    /// Shows the next record of the pass and steps over it.
    ///
    /// - Returns: what the visitor returns, nil at the end of the pass.
    @inline(__always)
    package mutating func next<Result>(_ visit: (RecordHeader, RawSpan) -> Result) -> Result? {
        let waiting = end &- position
        if waiting == 0 { return nil }
        if mapping.mode == .overwrite { return nextCopied(visit) }
        let mask = mapping.size - 1
        let offset = Int(truncatingIfNeeded: position & mask)
        // Records are multiples of eight bytes, and so is the ring: a header never crosses its end.
        guard waiting >= 8, offset & 7 == 0 else { return giveUp() }
        let word = mapping.withData { data in unsafe data.unsafeLoad(fromByteOffset: offset, as: UInt64.self) }
        let header = RecordHeader(word: word)
        let size = Int(header.size)
        guard size >= 8, size & 7 == 0, UInt64(size) <= waiting else {
            if brokenHeader == nil { brokenHeader = word }
            return giveUp()
        }
        position &+= UInt64(size)
        let untilEnd = Int(mapping.size) - offset
        if size <= untilEnd {
            return mapping.withData { data in visit(header, data.extracting(offset..<offset + size)) }
        }
        if crossing.count < size { crossing = Array(repeating: 0, count: size.nextPowerOfTwo) }
        mapping.withData { data in
            for index in 0..<untilEnd { crossing[index] = data.unsafeByte(at: offset + index) }
            for index in untilEnd..<size { crossing[index] = data.unsafeByte(at: index - untilEnd) }
        }
        return visit(header, unsafe crossing.span.bytes.extracting(0..<size))
    }

    /// Looks at the next record without stepping over it; nil at the end of the pass.
    package mutating func peek<Result>(_ visit: (RecordHeader, RawSpan) -> Result) -> Result? {
        let (here, left) = (position, unshown)
        guard let result = next(visit) else { return nil }
        (position, unshown) = (here, left)
        return result
    }

    /// Steps over what is left of the pass.
    ///
    /// - Returns: how many samples that was.
    package mutating func skipRest() -> UInt64 {
        var samples: UInt64 = 0
        while let isSample = next({ header, _ in header.type == RecordHeader.sample }) { samples &+= isSample ? 1 : 0 }
        return samples
    }

    /// Ends the pass: what was read is the writer's again.
    ///
    /// In overwrite mode what was not read will not be met again: it was overrun.
    package mutating func endPass() {
        if mapping.mode == .reliable { return mapping.storeTail(position) }
        overrunBytes &+= end &- position
        position = end
        unshown = 0
    }

    /// Nothing after this can be trusted: go on at the head.
    private mutating func giveUp<Result>() -> Result? {
        undecodable &+= 1
        position = end
        return nil
    }

    // MARK: Overwrite mode

    /// Copies the newest bytes that were not read yet and keeps those that nobody wrote into meanwhile.
    private mutating func copyNewest() -> UInt64 {
        // A pass that nobody ended is over now.
        endPass()
        let size = mapping.size
        let start = mapping.loadHead()
        let written = 0 &- start
        let new = written &- position
        end = written
        guard new <= .max / 2, start & 7 == 0, size > 0 || new == 0 else {
            // A head that went back, or stands where no record can begin.
            undecodable &+= 1
            position = written
            return 0
        }
        // Writers may be at work on the bytes beyond the head, which are those of the oldest that the ring holds.
        let guarded = size / 8
        let words = mapping.dataWords
        var kept = min(new, size - guarded)
        for index in 0..<Int(kept / 8) {
            copy[index] = words.relaxed(Int((start &+ UInt64(8 * index)) & (size - 1)))
        }
        // The copy is complete before the head is loaded again; with the writer's fence: whoever stored a byte that
        // we copied let us see the head that allowed it.
        atomicMemoryFence(ordering: .acquiring)
        let moved = 0 &- mapping.loadHead() &- written
        kept = min(kept, size - guarded - min(moved, size - guarded)) & ~7
        findRecords(in: kept, isCut: kept < new)
        overrunBytes &+= new &- kept
        return min(new, size)
    }

    /// Finds the whole records in so many bytes of the copy, which end before the end of the pass.
    ///
    /// - Parameter isCut: bytes behind them were lost: a record that reaches there is a victim, not a bad one.
    private mutating func findRecords(in kept: UInt64, isCut: Bool) {
        starts.removeAll(keepingCapacity: true)
        var offset: UInt64 = 0
        while offset < kept {
            let size = UInt64(RecordHeader(word: copy[Int(offset / 8)]).size)
            let isSize = size >= 8 && size & 7 == 0
            if isSize, size <= kept - offset {
                starts.append(UInt32(truncatingIfNeeded: offset))
                offset += size
                continue
            }
            // Nothing that is older can be trusted. The one that is cut at the old end was overwritten.
            if isSize, isCut { overrunBytes &+= kept - offset } else { undecodable &+= 1 }
            break
        }
        unshown = starts.count
        position = end &- offset
    }

    private mutating func nextCopied<Result>(_ visit: (RecordHeader, RawSpan) -> Result) -> Result? {
        guard unshown > 0 else { return nil }
        unshown -= 1
        let offset = Int(starts[unshown])
        let header = RecordHeader(word: copy[offset / 8])
        let size = Int(header.size)
        position &+= UInt64(size)
        return visit(header, unsafe copy.span.bytes.extracting(offset..<offset + size))
    }
}

extension RawSpan {
    @inline(__always)
    fileprivate func unsafeByte(at offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
