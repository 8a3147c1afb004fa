/// Which fields a sample of one event carries and where, in bytes from the record's header.
///
/// All our events share the fixed fields (perf_event_open(2), PERF_RECORD_SAMPLE); only the period is optional.
package struct SampleLayout: Hashable, Sendable {
    package static let id = 8
    package static let address = 16
    package static let pid = 24
    package static let thread = 28
    package static let time = 32
    package static let cpu = 40
    package static let period = 48

    /// Bytes a record must have at least, header included.
    package let size: Int
    /// Weight of a sample that carries no period.
    package let fixedPeriod: UInt64?

    /// - Parameter fixedPeriod: nil where each sample carries its own period.
    package init(fixedPeriod: UInt64?) {
        self.fixedPeriod = fixedPeriod
        size = fixedPeriod == nil ? Self.period + 8 : Self.period
    }

    /// The sample's weight: its own period, or the fixed one. The record must have `size` bytes.
    @inline(__always)
    package func period(in bytes: RawSpan) -> UInt64 {
        if let fixedPeriod { return fixedPeriod }
        guard bytes.byteCount >= Self.period + 8 else { return 0 }
        return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: Self.period, as: UInt64.self)
    }

    /// What `sample_id_all` appends to every other record: pid/tid, time, cpu, id; counted from the record's end.
    package enum Trailer {
        package static let size = 32
        package static let timeFromEnd = 24
    }
}
