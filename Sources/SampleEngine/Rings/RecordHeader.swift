internal import CLinuxShims

/// The eight bytes in front of every record (`struct perf_event_header`).
package struct RecordHeader: Sendable {
    package let type: UInt32
    package let misc: UInt16
    /// Bytes of the whole record, this header included.
    package let size: UInt16

    /// The header as one little- or big-endian word of this machine.
    @inline(__always)
    package init(word: UInt64) {
        // Read field by field, not by casting: only this machine's own byte order ever arrives here.
        #if _endian(little)
            type = UInt32(truncatingIfNeeded: word)
            misc = UInt16(truncatingIfNeeded: word >> 32)
            size = UInt16(truncatingIfNeeded: word >> 48)
        #else
            type = UInt32(truncatingIfNeeded: word >> 32)
            misc = UInt16(truncatingIfNeeded: word >> 16)
            size = UInt16(truncatingIfNeeded: word)
        #endif
    }

    package init(type: UInt32, misc: UInt16, size: UInt16) {
        self.type = type
        self.misc = misc
        self.size = size
    }

    /// The header as it lies in memory, the reverse of `init(word:)`.
    @inline(__always)
    package var word: UInt64 {
        #if _endian(little)
            UInt64(size) << 48 | UInt64(misc) << 32 | UInt64(type)
        #else
            UInt64(type) << 32 | UInt64(misc) << 16 | UInt64(size)
        #endif
    }

    package static let sample = UInt32(PERF_RECORD_SAMPLE.rawValue)

    /// In which mode the processor was (`PERF_RECORD_MISC_CPUMODE_MASK`).
    package enum Mode: UInt16, Sendable {
        case unknown = 0
        case kernel = 1
        case user = 2
        case hypervisor = 3
        case guestKernel = 4
        case guestUser = 5
    }

    @inline(__always)
    package var mode: Mode { Mode(rawValue: misc & 7) ?? .unknown }
}
