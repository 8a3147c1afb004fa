/// Reads whole records from one ring, each once, and gives the space back.
///
/// A pass goes to the head as it stood when the pass began, so a writer faster than the reader cannot hold it. A
/// record may cross the ring's end; it is then put together in a copy, everything else is seen in place:
///
///     tail ──► [record][record][rec… | …ord][record] ◄── head
///                              end ──┘ └── start of the data
///
/// Not trusted: a size below 8, beyond the head or not a multiple of 8 ends the pass at the head, and is counted.
package struct RingReader: ~Copyable, Sendable {
    private let mapping: RingMapping
    private var crossing: [UInt8]
    /// Where this pass reads next, and where it ends.
    package private(set) var position: UInt64
    package private(set) var end: UInt64
    /// Passes that met bytes which cannot be a record.
    package private(set) var undecodable: UInt64 = 0

    package init(_ mapping: consuming RingMapping) {
        crossing = Array(repeating: 0, count: Int(UInt16.max) + 1)
        position = mapping.loadTail()
        end = position
        self.mapping = mapping
    }

    package var size: UInt64 { mapping.size }
    package var pages: Int { mapping.pages }

    /// Loads the head once and with it fixes the end of the next pass.
    ///
    /// - Returns: bytes that wait. More than the ring holds means a torn control page: the pass then is empty.
    @discardableResult
    package mutating func beginPass() -> UInt64 {
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
        let mask = mapping.size - 1
        let offset = Int(truncatingIfNeeded: position & mask)
        // Records are multiples of eight bytes, and so is the ring: a header never crosses its end.
        guard waiting >= 8, offset & 7 == 0 else { return giveUp() }
        let word = mapping.withData { data in unsafe data.unsafeLoad(fromByteOffset: offset, as: UInt64.self) }
        let header = RecordHeader(word: word)
        let size = Int(header.size)
        guard size >= 8, size & 7 == 0, UInt64(size) <= waiting else { return giveUp() }
        position &+= UInt64(size)
        let untilEnd = Int(mapping.size) - offset
        if size <= untilEnd {
            return mapping.withData { data in visit(header, data.extracting(offset..<offset + size)) }
        }
        mapping.withData { data in
            for index in 0..<untilEnd { crossing[index] = data.unsafeByte(at: offset + index) }
            for index in untilEnd..<size { crossing[index] = data.unsafeByte(at: index - untilEnd) }
        }
        return visit(header, unsafe crossing.span.bytes.extracting(0..<size))
    }

    /// Looks at the next record without stepping over it; nil at the end of the pass.
    package mutating func peek<Result>(_ visit: (RecordHeader, RawSpan) -> Result) -> Result? {
        let here = position
        guard let result = next(visit) else { return nil }
        position = here
        return result
    }

    /// Ends the pass: what was read is the writer's again.
    package func endPass() { mapping.storeTail(position) }

    /// Nothing after this can be trusted: go on at the head.
    private mutating func giveUp<Result>() -> Result? {
        undecodable &+= 1
        position = end
        return nil
    }
}

extension RawSpan {
    @inline(__always)
    fileprivate func unsafeByte(at offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
