internal import CLinuxShims

/// What the kernel says happened to a process, decoded from a side-band record.
///
/// Formats: perf_event_open(2), "MMAP layout". Byte fields stay in the ring's memory while the visitor looks.
package enum SideBandRecord {
    case mapping(MappingRecord)
    case comm(pid: Int32, thread: Int32, isExec: Bool)
    case fork(pid: Int32, parent: Int32, thread: Int32)
    case exit(pid: Int32, thread: Int32)
}

/// Code that the kernel made at run time or gave up again: a BPF program, a trampoline, the slots of probes
/// (PERF_RECORD_KSYMBOL).
package struct KernelCode: Equatable, Sendable {
    package enum Kind: Sendable { case bpf, outOfLine, unknown }

    package let start: UInt64
    /// First address behind it.
    package let end: UInt64
    /// As the kernel calls it.
    package let name: [UInt8]
    package let kind: Kind
    /// The kernel gave it up: from then on the memory may hold something else.
    package let isGone: Bool

    package init(start: UInt64, end: UInt64, name: [UInt8], kind: Kind, isGone: Bool = false) {
        self.start = start
        self.end = end
        self.name = name
        self.kind = kind
        self.isGone = isGone
    }
}

/// A new mapping of code (PERF_RECORD_MMAP2).
package struct MappingRecord: Equatable, Sendable {
    package var pid: Int32
    package var start: UInt64
    package var length: UInt64
    package var offset: UInt64
    package var identity: FileIdentity
}

/// What makes two mappings of one path the same file.
package enum FileIdentity: Hashable, Sendable {
    /// Device, inode and inode generation.
    case inode(device: UInt64, inode: UInt64, generation: UInt64)
    /// The first 20 bytes of the GNU build-id, as three words, and its length.
    case buildID(UInt64, UInt64, UInt64, length: UInt8)

    /// The build-id's bytes, empty where the kernel gave an inode.
    package var buildIDBytes: [UInt8] {
        guard case .buildID(let first, let second, let third, let length) = self else { return [] }
        var bytes: [UInt8] = []
        for word in [first, second, third] {
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return Array(bytes.prefix(Int(length)))
    }
}

/// What the kernel or the driver could not record.
package enum LossRecord: Equatable, Sendable {
    /// Records that did not fit into this ring (PERF_RECORD_LOST).
    case refused(UInt64)
    /// Samples the PMU driver dropped (PERF_RECORD_LOST_SAMPLES).
    case dropped(UInt64)
    /// An event was stopped until the next tick (PERF_RECORD_THROTTLE).
    case throttled
}
