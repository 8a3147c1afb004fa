import CLinuxShims
import Glibc
import Testing

/// A counter of one process that only counts: what the kernel itself says there was.
final class CountingEvent {
    private let fd: Int32

    /// - Parameters:
    ///   - type, config: as in perf_event_open(2).
    ///   - pid: counted from now on; not what it starts.
    init(type: perf_type_id, config: UInt64, pid: Int32) throws {
        var attributes = perf_event_attr()
        attributes.type = UInt32(type.rawValue)
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.config = config
        fd = unsafe pt_perf_event_open(&attributes, pid, -1, -1, 0)
        try #require(fd >= 0, "errno \(errno)")
    }

    deinit { close(fd) }

    var value: Int {
        var value: UInt64 = 0
        return unsafe read(fd, &value, 8) == 8 ? Int(value) : -1
    }
}
