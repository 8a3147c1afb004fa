internal import CLinuxShims
internal import Glibc

/// A rate with nothing left open.
enum EventRate: Hashable, Sendable {
    /// Samples per second and CPU.
    case frequency(UInt64)
    case period(UInt64)
    /// Each one, until they come in floods.
    case each
}

/// An event with the numbers that the kernel wants.
struct ResolvedEvent: Sendable {
    var spec: EventSpec
    let type: perf_type_id
    let config: UInt64

    var isClock: Bool {
        var attributes = perf_event_attr()
        (attributes.type, attributes.config) = (type.rawValue, config)
        return attributes.isClock
    }
}

/// Fills `perf_event_attr`; the only place that does.
enum EventAttributes {
    /// Fields of every sample, in the order the kernel writes them: id, ip, pid/tid, time, cpu, then period.
    static let sampleFields =
        PERF_SAMPLE_IDENTIFIER.rawValue | PERF_SAMPLE_IP.rawValue | PERF_SAMPLE_TID.rawValue
        | PERF_SAMPLE_TIME.rawValue | PERF_SAMPLE_CPU.rawValue

    /// An event that writes samples.
    ///
    /// - Parameter leads: the counts of its whole group are read with each sample.
    static func sampling(
        _ event: ResolvedEvent, rate: EventRate, leads: Bool, inherit: Bool, fromExec: Bool, overwrites: Bool,
        wakeupBytes: Int
    ) -> perf_event_attr {
        var attributes = counting(event, inherit: inherit)
        attributes.disabled = 1
        attributes.sample_type = UInt64(sampleFields)
        if leads {
            attributes.sample_type |= UInt64(PERF_SAMPLE_READ.rawValue)
            attributes.read_format |= UInt64(PERF_FORMAT_GROUP.rawValue)
        }
        switch rate {
        case .period(let period): attributes.sample_period = period
        case .each: attributes.sample_period = 1
        case .frequency(let frequency):
            attributes.freq = 1
            attributes.sample_freq = frequency
            attributes.sample_type |= UInt64(PERF_SAMPLE_PERIOD.rawValue)
        }
        attributes.enable_on_exec = fromExec ? 1 : 0
        attributes.write_backward = overwrites ? 1 : 0
        attributes.wakeup_watermark = UInt32(clamping: wakeupBytes)
        return attributes
    }

    /// An event that only counts, as the sibling of one that samples: it runs whenever its leader does.
    static func counting(_ event: ResolvedEvent, inherit: Bool) -> perf_event_attr {
        var attributes = common(type: event.type, config: event.config)
        attributes.disabled = 0
        attributes.exclude_user = event.spec.user ? 0 : 1
        attributes.exclude_kernel = event.spec.kernel ? 0 : 1
        attributes.exclude_hv = event.spec.kernel ? 0 : 1
        attributes.exclude_idle = 1
        attributes.inherit = inherit ? 1 : 0
        return attributes
    }

    /// Counts the task switches of a CPU beside a group, wherever the group itself looks: they happen in the kernel.
    static func witness() -> perf_event_attr {
        var attributes = common(
            type: PERF_TYPE_SOFTWARE, config: UInt64(PERF_COUNT_SW_CONTEXT_SWITCHES.rawValue))
        attributes.disabled = 0
        return attributes
    }

    /// A dummy event that writes no samples, only what happens to processes (mappings, names, forks,
    /// exits) and to the code that the kernel makes at run time.
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
        // BPF programs and trampolines. The kernel's addresses are none of a plain user's business.
        attributes.ksymbol = userOnly ? 0 : 1
        attributes.exclude_kernel = userOnly ? 1 : 0
        attributes.exclude_hv = userOnly ? 1 : 0
        attributes.inherit = inherit ? 1 : 0
        attributes.wakeup_watermark = UInt32(clamping: wakeupBytes)
        return attributes
    }

    /// One sample every so many, of events that come in floods.
    static let floodPeriod: UInt64 = 100

    /// Nanoseconds between two samples of a clock.
    static func clockPeriod(_ frequency: UInt64) -> UInt64 { 1_000_000_000 / max(1, frequency) }

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
        attributes.read_format = UInt64(
            PERF_FORMAT_TOTAL_TIME_ENABLED.rawValue | PERF_FORMAT_TOTAL_TIME_RUNNING.rawValue
                | PERF_FORMAT_ID.rawValue | PERF_FORMAT_LOST.rawValue)
        return attributes
    }
}

extension perf_event_attr {
    /// One of the kernel's two clocks, which sample by a timer of their own.
    var isClock: Bool {
        type == PERF_TYPE_SOFTWARE.rawValue
            && (config == UInt64(PERF_COUNT_SW_CPU_CLOCK.rawValue)
                || config == UInt64(PERF_COUNT_SW_TASK_CLOCK.rawValue))
    }
}
