internal import Glibc

/// What this kernel and this user's rights allow, read once at the start.
struct KernelLimits: Sendable {
    /// `kernel.perf_event_paranoid` (perf_event_open(2)); 2 where it cannot be read.
    let paranoid: Int
    /// CAP_PERFMON or CAP_SYS_ADMIN: the paranoid level does not apply.
    let isPrivileged: Bool
    /// CAP_IPC_LOCK, or paranoid −1: ring memory is not limited.
    let mayLockMemory: Bool
    /// CAP_SYS_PTRACE: what other users' processes have mapped can be read.
    let mayReadOthers: Bool
    /// CAP_SYSLOG: the kernel shows where its functions are, unless `kernel.kptr_restrict` is 2.
    let mayReadKernelAddresses: Bool
    /// Root of a user namespace (a rootless container): its capabilities do not count here.
    let isInsideUserNamespace: Bool
    /// `kernel.perf_event_max_sample_rate` in samples per second and CPU.
    let maxSampleRate: UInt64

    init() {
        isInsideUserNamespace = Self.hasOwnUserNamespace()
        let rights = isInsideUserNamespace ? 0 : Rights.present.rawValue
        func has(_ capability: UInt64) -> Bool { rights & 1 << capability != 0 }
        paranoid = fileNumber("/proc/sys/kernel/perf_event_paranoid") ?? 2
        isPrivileged = has(21) || has(38)
        mayLockMemory = has(14) || paranoid < 0
        mayReadOthers = has(19)
        mayReadKernelAddresses = has(34)
        maxSampleRate = Self.maxSampleRate() ?? 100_000
    }

    /// `kernel.perf_event_max_sample_rate` as it stands now; nil where it cannot be read.
    static func maxSampleRate() -> UInt64? {
        fileNumber("/proc/sys/kernel/perf_event_max_sample_rate").map { UInt64(max(1, $0)) }
    }

    /// CPU-wide events: all processes of a CPU (perf_event_open(2), paranoid 0 or lower).
    var mayCountCPUs: Bool { isPrivileged || paranoid <= 0 }
    /// The kernel side of one's own processes (paranoid 1 or lower).
    var mayCountKernel: Bool { isPrivileged || paranoid <= 1 }

    static func onlineCPUs() -> [Int] {
        if let bytes = try? fileBytes("/sys/devices/system/cpu/online", limit: 4096),
            let list = cpuList(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }), !list.isEmpty
        {
            return list
        }
        return Array(0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    static let pageSize = max(4096, sysconf(Int32(_SC_PAGESIZE)))

    /// The first user namespace has a fixed inode number; perf asks for capabilities there and nowhere else.
    private static func hasOwnUserNamespace() -> Bool {
        var status = stat()
        return unsafe stat("/proc/self/ns/user", &status) == 0 && status.st_ino != 0xefff_fffd
    }
}
