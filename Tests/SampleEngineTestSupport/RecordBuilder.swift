/// Makes records byte for byte as perf_event_open(2) describes them.
///
/// The numbers here are written down from the manual page, not taken from the code under test: an oracle of its own.
package enum RecordBuilder {
    /// What `sample_id_all` appends: 32 bytes.
    package struct Trailer: Sendable {
        package var pid: Int32
        package var thread: Int32
        package var time: UInt64
        package var cpu: UInt32
        package var id: UInt64

        package init(pid: Int32 = 0, thread: Int32 = 0, time: UInt64, cpu: UInt32 = 0, id: UInt64 = 1) {
            self.pid = pid
            self.thread = thread
            self.time = time
            self.cpu = cpu
            self.id = id
        }

        fileprivate var bytes: [UInt8] {
            word(pid) + word(thread) + word(time) + word(cpu) + word(UInt32(0)) + word(id)
        }
    }

    /// Which file is mapped, in the two ways MMAP2 can say it.
    package enum File: Sendable {
        case inode(major: UInt32, minor: UInt32, inode: UInt64, generation: UInt64)
        case buildID([UInt8])
    }

    /// A header of eight bytes and what follows; the size is counted here.
    package static func record(type: UInt32, misc: UInt16 = 0, _ body: [UInt8]) -> [UInt8] {
        word(type) + word(misc) + word(UInt16(8 + body.count)) + body
    }

    /// PERF_RECORD_SAMPLE with IDENTIFIER, IP, TID, TIME, CPU and, where given, PERIOD.
    package static func sample(
        id: UInt64 = 1, address: UInt64, pid: Int32, thread: Int32? = nil, time: UInt64, cpu: UInt32 = 0,
        period: UInt64? = nil, mode: UInt16 = 2
    ) -> [UInt8] {
        record(
            type: 9, misc: mode,
            word(id) + word(address) + word(pid) + word(thread ?? pid) + word(time) + word(cpu) + word(UInt32(0))
                + (period.map { word($0) } ?? []))
    }

    /// PERF_RECORD_MMAP2.
    package static func mmap2(
        pid: Int32, thread: Int32? = nil, start: UInt64, length: UInt64, offset: UInt64 = 0,
        file: File = .inode(major: 8, minor: 1, inode: 42, generation: 0), path: [UInt8], time: UInt64
    ) -> [UInt8] {
        var misc: UInt16 = 2
        var identity: [UInt8]
        switch file {
        case .inode(let major, let minor, let inode, let generation):
            identity = word(major) + word(minor) + word(inode) + word(generation)
        case .buildID(let id):
            misc |= 1 << 14
            identity = [UInt8(id.count), 0, 0, 0] + id.prefix(20)
            identity += Array(repeating: 0, count: 24 - identity.count)
        }
        let fields: [UInt8] =
            word(pid) + word(thread ?? pid) + word(start) + word(length) + word(offset) + identity
        let protection: [UInt8] = word(UInt32(5)) + word(UInt32(2))
        return record(
            type: 10, misc: misc,
            fields + protection + text(path) + Trailer(pid: pid, thread: thread ?? pid, time: time).bytes)
    }

    package static func mmap2(
        pid: Int32, start: UInt64, length: UInt64, offset: UInt64 = 0, path: String, time: UInt64
    ) -> [UInt8] {
        mmap2(pid: pid, start: start, length: length, offset: offset, path: Array(path.utf8), time: time)
    }

    /// PERF_RECORD_COMM; with `exec`, PERF_RECORD_MISC_COMM_EXEC.
    package static func comm(pid: Int32, thread: Int32? = nil, _ name: String, exec: Bool = false, time: UInt64)
        -> [UInt8]
    {
        record(
            type: 3, misc: exec ? 1 << 13 : 0,
            word(pid) + word(thread ?? pid) + text(Array(name.utf8))
                + Trailer(pid: pid, thread: thread ?? pid, time: time).bytes)
    }

    package static func fork(pid: Int32, parent: Int32, thread: Int32? = nil, time: UInt64) -> [UInt8] {
        task(type: 7, pid, parent, thread ?? pid, time)
    }

    package static func exit(pid: Int32, parent: Int32 = 1, thread: Int32? = nil, time: UInt64) -> [UInt8] {
        task(type: 4, pid, parent, thread ?? pid, time)
    }

    /// PERF_RECORD_KSYMBOL; kinds are 1 for BPF and 2 for out of line, flag 1 is an unregistration.
    package static func ksymbol(
        start: UInt64, length: UInt32, kind: UInt16 = 1, flags: UInt16 = 0, _ name: [UInt8], time: UInt64
    ) -> [UInt8] {
        record(
            type: 17, word(start) + word(length) + word(kind) + word(flags) + text(name) + Trailer(time: time).bytes)
    }

    package static func lost(_ count: UInt64, id: UInt64 = 1, time: UInt64 = 1) -> [UInt8] {
        record(type: 2, word(id) + word(count) + Trailer(time: time).bytes)
    }

    package static func lostSamples(_ count: UInt64, time: UInt64 = 1) -> [UInt8] {
        record(type: 13, word(count) + Trailer(time: time).bytes)
    }

    package static func throttle(time: UInt64 = 1) -> [UInt8] {
        record(type: 5, word(time) + word(UInt64(1)) + word(UInt64(1)) + Trailer(time: time).bytes)
    }

    package static func unthrottle(time: UInt64 = 1) -> [UInt8] {
        record(type: 6, word(time) + word(UInt64(1)) + word(UInt64(1)) + Trailer(time: time).bytes)
    }

    private static func task(type: UInt32, _ pid: Int32, _ parent: Int32, _ thread: Int32, _ time: UInt64) -> [UInt8] {
        record(
            type: type,
            word(pid) + word(parent) + word(thread) + word(parent) + word(time)
                + Trailer(pid: pid, thread: thread, time: time).bytes)
    }

    /// A name as the kernel writes it: one NUL at least, then more up to a multiple of eight.
    private static func text(_ bytes: [UInt8]) -> [UInt8] {
        bytes + Array(repeating: 0, count: 8 - bytes.count % 8)
    }
}

/// An integer's bytes in this machine's order, as the kernel writes them.
package func word(_ value: some FixedWidthInteger) -> [UInt8] {
    var bytes: [UInt8] = []
    for index in 0..<value.bitWidth / 8 {
        #if _endian(little)
            let shift = 8 * index
        #else
            let shift = value.bitWidth - 8 - 8 * index
        #endif
        bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
    return bytes
}
