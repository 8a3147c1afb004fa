internal import CLinuxShims

/// Bounds-checked reads from one record; a read outside is nil, never a trap.
package enum RecordBytes {
    @inline(__always)
    package static func word(_ bytes: RawSpan, at offset: Int) -> UInt64? {
        guard offset >= 0, offset &+ 8 <= bytes.byteCount else { return nil }
        return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    @inline(__always)
    package static func half(_ bytes: RawSpan, at offset: Int) -> UInt32? {
        guard offset >= 0, offset &+ 4 <= bytes.byteCount else { return nil }
        return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }

    @inline(__always)
    package static func id(_ bytes: RawSpan, at offset: Int) -> Int32? {
        half(bytes, at: offset).map { Int32(bitPattern: $0) }
    }
}

/// A sample's fields, as `SampleLayout` places them.
package struct SampleRecord: Equatable, Sendable {
    package var id: UInt64
    package var address: UInt64
    package var pid: Int32
    package var thread: Int32
    package var time: UInt64
    package var cpu: UInt32

    /// - Returns: nil where the record is too short to be one of ours.
    @inline(__always)
    package init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= SampleLayout.cpu + 8 else { return nil }
        unsafe id = bytes.unsafeLoadUnaligned(fromByteOffset: SampleLayout.id, as: UInt64.self)
        unsafe address = bytes.unsafeLoadUnaligned(fromByteOffset: SampleLayout.address, as: UInt64.self)
        unsafe pid = bytes.unsafeLoadUnaligned(fromByteOffset: SampleLayout.pid, as: Int32.self)
        unsafe thread = bytes.unsafeLoadUnaligned(fromByteOffset: SampleLayout.thread, as: Int32.self)
        unsafe time = bytes.unsafeLoadUnaligned(fromByteOffset: SampleLayout.time, as: UInt64.self)
        unsafe cpu = bytes.unsafeLoadUnaligned(fromByteOffset: SampleLayout.cpu, as: UInt32.self)
    }
}

/// Turns the bytes of every record that is not a sample into values.
package enum RecordDecoder {
    /// When a record that is not a sample was written; every one of ours ends in `SampleLayout.Trailer`.
    package static func time(of bytes: RawSpan) -> UInt64? {
        guard bytes.byteCount >= 8 + SampleLayout.Trailer.size else { return nil }
        return RecordBytes.word(bytes, at: bytes.byteCount - SampleLayout.Trailer.timeFromEnd)
    }

    /// What happened to a process.
    ///
    /// - Returns: nil for a record that is cut short, or of a kind that is not asked for. `name` is the range of the
    ///   path or comm within the record, up to its first NUL.
    package static func sideBand(_ header: RecordHeader, _ bytes: RawSpan) -> (
        record: SideBandRecord, name: Range<Int>
    )? {
        guard let pid = RecordBytes.id(bytes, at: 8), let second = RecordBytes.id(bytes, at: 12) else { return nil }
        switch header.type {
        case PERF_RECORD_MMAP2.rawValue:
            guard let mapping = mapping(header, bytes, pid: pid), let path = text(bytes, from: 72) else { return nil }
            return (.mapping(mapping), path)
        case PERF_RECORD_COMM.rawValue:
            guard let comm = text(bytes, from: 16) else { return nil }
            let isExec = header.misc & UInt16(PERF_RECORD_MISC_COMM_EXEC) != 0
            return (.comm(pid: pid, thread: second, isExec: isExec), comm)
        case PERF_RECORD_FORK.rawValue:
            guard let thread = RecordBytes.id(bytes, at: 16) else { return nil }
            return (.fork(pid: pid, parent: second, thread: thread), 0..<0)
        case PERF_RECORD_EXIT.rawValue:
            guard let thread = RecordBytes.id(bytes, at: 16) else { return nil }
            return (.exit(pid: pid, thread: thread), 0..<0)
        default: return nil
        }
    }

    /// What code the kernel made, or gave up.
    ///
    /// - Returns: nil for another record, or where it is not one piece of the kernel's half of the addresses.
    package static func kernelCode(_ header: RecordHeader, _ bytes: RawSpan) -> KernelCode? {
        // u64 address, u32 length, u16 type, u16 flags, name.
        guard header.type == PERF_RECORD_KSYMBOL.rawValue, let start = RecordBytes.word(bytes, at: 8),
            let length = RecordBytes.half(bytes, at: 16), let facts = RecordBytes.half(bytes, at: 20),
            let name = text(bytes, from: 24)
        else { return nil }
        let (end, overflow) = start.addingReportingOverflow(UInt64(length))
        guard !overflow, start < end, start >> 63 == 1 else { return nil }
        let kind: KernelCode.Kind =
            switch facts & 0xffff {
            case PERF_RECORD_KSYMBOL_TYPE_BPF.rawValue: .bpf
            case PERF_RECORD_KSYMBOL_TYPE_OOL.rawValue: .outOfLine
            default: .unknown
            }
        return KernelCode(
            start: start, end: end,
            // No symbol of the kernel's is longer.
            name: name.prefix(512).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }, kind: kind,
            isGone: facts >> 16 & UInt32(PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER) != 0)
    }

    /// What was not recorded.
    package static func loss(_ header: RecordHeader, _ bytes: RawSpan) -> LossRecord? {
        switch header.type {
        case PERF_RECORD_LOST.rawValue: RecordBytes.word(bytes, at: 16).map { .refused($0) }
        case PERF_RECORD_LOST_SAMPLES.rawValue: RecordBytes.word(bytes, at: 8).map { .dropped($0) }
        case PERF_RECORD_THROTTLE.rawValue: .throttled
        default: nil
        }
    }

    /// True for the kinds of record that the kernel may send us, whether we use them or not.
    package static func isKnown(_ header: RecordHeader) -> Bool {
        (PERF_RECORD_MMAP.rawValue..<PERF_RECORD_MAX.rawValue).contains(header.type)
    }

    private static func mapping(_ header: RecordHeader, _ bytes: RawSpan, pid: Int32) -> MappingRecord? {
        guard let start = RecordBytes.word(bytes, at: 16), let length = RecordBytes.word(bytes, at: 24),
            let offset = RecordBytes.word(bytes, at: 32), let first = RecordBytes.word(bytes, at: 40),
            let second = RecordBytes.word(bytes, at: 48), let third = RecordBytes.word(bytes, at: 56)
        else { return nil }
        var identity = FileIdentity.inode(device: first, inode: second, generation: third)
        if header.misc & UInt16(PERF_RECORD_MISC_MMAP_BUILD_ID) != 0 {
            // u8 length, three bytes of padding, then 20 bytes of build-id.
            guard let low = RecordBytes.word(bytes, at: 44), let middle = RecordBytes.word(bytes, at: 52),
                let high = RecordBytes.half(bytes, at: 60)
            else { return nil }
            identity = .buildID(low, middle, UInt64(high), length: UInt8(min(20, first & 0xff)))
        }
        return MappingRecord(pid: pid, start: start, length: length, offset: offset, identity: identity)
    }

    /// Bytes from an offset to the first NUL, within the record and before its trailer.
    private static func text(_ bytes: RawSpan, from start: Int) -> Range<Int>? {
        let limit = bytes.byteCount - SampleLayout.Trailer.size
        guard start < limit else { return nil }
        var end = start
        while end < limit, unsafe bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self) != 0 { end += 1 }
        return start..<end
    }
}
