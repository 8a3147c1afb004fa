internal import CLinuxShims
internal import Glibc

/// A rate with nothing left open.
enum EventRate: Hashable, Sendable {
    /// Samples per second and CPU.
    case frequency(UInt64)
    case period(UInt64)
}

/// Fills `perf_event_attr`; the only place that does.
enum EventAttributes {
    /// Fields of every sample, in the order the kernel writes them: id, ip, pid/tid, time, cpu, then period.
    static let sampleFields =
        PERF_SAMPLE_IDENTIFIER.rawValue | PERF_SAMPLE_IP.rawValue | PERF_SAMPLE_TID.rawValue
        | PERF_SAMPLE_TIME.rawValue | PERF_SAMPLE_CPU.rawValue

    /// An event that writes samples.
    static func sampling(
        _ spec: EventSpec, config: (type: perf_type_id, number: UInt64), rate: EventRate, inherit: Bool,
        fromExec: Bool, wakeupBytes: Int
    ) -> perf_event_attr {
        var attributes = common(type: config.type, config: config.number)
        attributes.sample_type = UInt64(sampleFields)
        switch rate {
        case .period(let period): attributes.sample_period = period
        case .frequency(let frequency):
            attributes.freq = 1
            attributes.sample_freq = frequency
            attributes.sample_type |= UInt64(PERF_SAMPLE_PERIOD.rawValue)
        }
        attributes.exclude_user = spec.user ? 0 : 1
        attributes.exclude_kernel = spec.kernel ? 0 : 1
        attributes.exclude_hv = spec.kernel ? 0 : 1
        attributes.exclude_idle = 1
        attributes.enable_on_exec = fromExec ? 1 : 0
        attributes.inherit = inherit ? 1 : 0
        attributes.wakeup_watermark = UInt32(clamping: wakeupBytes)
        return attributes
    }

    /// A dummy event that writes no samples, only what happens to processes: mappings, names, forks, exits.
    static func sideBand(inherit: Bool, wakeupBytes: Int, userOnly: Bool) -> perf_event_attr {
        var attributes = common(type: PERF_TYPE_SOFTWARE, config: UInt64(PERF_COUNT_SW_DUMMY.rawValue))
        attributes.sample_type = UInt64(
            PERF_SAMPLE_IDENTIFIER.rawValue | PERF_SAMPLE_TID.rawValue | PERF_SAMPLE_TIME.rawValue
                | PERF_SAMPLE_CPU.rawValue)
        attributes.sample_period = 1
        attributes.mmap = 1
        attributes.mmap2 = 1
        attributes.comm = 1
        attributes.comm_exec = 1
        attributes.task = 1
        attributes.build_id = 1
        attributes.exclude_kernel = userOnly ? 1 : 0
        attributes.exclude_hv = userOnly ? 1 : 0
        attributes.inherit = inherit ? 1 : 0
        attributes.wakeup_watermark = UInt32(clamping: wakeupBytes)
        return attributes
    }

    /// What both kinds share: one clock for all, an id on every record, opened disabled, woken by bytes.
    private static func common(type: perf_type_id, config: UInt64) -> perf_event_attr {
        var attributes = perf_event_attr()
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.type = type.rawValue
        attributes.config = config
        attributes.disabled = 1
        attributes.sample_id_all = 1
        attributes.watermark = 1
        attributes.use_clockid = 1
        attributes.clockid = CLOCK_MONOTONIC
        attributes.read_format = UInt64(PERF_FORMAT_ID.rawValue | PERF_FORMAT_LOST.rawValue)
        return attributes
    }
}
