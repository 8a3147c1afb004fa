import CLinuxShims
import Foundation
import Testing

/// What this machine allows; a test that needs more is skipped with the reason given here.
enum Machine {
    /// The program that these tests are part of; what is built with them stands beside it.
    static let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""

    /// The program under test: `PERFTOP_BINARY`, or the one built together with these tests.
    static let binary: String = {
        if let chosen = environment["PERFTOP_BINARY"] { return chosen }
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("perftop").path
    }()

    static let environment = ProcessInfo.processInfo.environment

    /// Slow tests run only on demand: `scripts/test --full`.
    static let isFull = environment["PERFTOP_FULL"] == "1"

    /// Why a process of our own cannot be sampled here, or nil.
    static let whyNoProcess = refusal(pid: 0, cpu: -1)

    /// Why all processors cannot be sampled here, or nil.
    static let whyNotAll = refusal(pid: -1, cpu: 0)

    static let hasTracefs = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"]
        .contains { FileManager.default.fileExists(atPath: $0) }

    /// One of those that we may run on.
    static let aCPU: Int = {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let list = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") } ?? ""
        return Int(list.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
    }()

    /// A sanitizer is built in: it has an allocator of its own.
    static let hasSanitizer = unsafe dlsym(nil, "__tsan_init") != nil || dlsym(nil, "__asan_init") != nil

    static func has(_ tool: String) -> Bool { path(of: tool) != nil }

    static func path(of tool: String) -> String? {
        (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":").lazy.map { "\($0)/\(tool)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func refusal(pid: pid_t, cpu: Int32) -> String? {
        var attributes = perf_event_attr()
        attributes.type = UInt32(PERF_TYPE_SOFTWARE.rawValue)
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.config = UInt64(PERF_COUNT_SW_CPU_CLOCK.rawValue)
        // Paranoid 2, the kernel's own default, leaves a plain user the user side.
        attributes.exclude_kernel = pid == 0 ? 1 : 0
        let descriptor = unsafe pt_perf_event_open(&attributes, pid, cpu, -1, 0)
        let code = errno
        guard descriptor < 0 else {
            close(descriptor)
            return nil
        }
        let level = try? String(contentsOfFile: "/proc/sys/kernel/perf_event_paranoid", encoding: .utf8)
        let what = pid == 0 ? "own processes" : "all processors"
        let paranoid = level?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
        return "perf events of \(what) are not permitted here (errno \(code), perf_event_paranoid \(paranoid))"
    }
}

extension Trait where Self == ConditionTrait {
    /// The test samples processes of its own.
    static var needsPerf: Self { needs(Machine.whyNoProcess) }

    /// The test samples all processors.
    static var needsPerfOfAll: Self { needs(Machine.whyNotAll) }

    /// The test builds C programs.
    static var needsCompiler: Self { needs(Program.compiler == nil ? "no C compiler (cc, gcc or clang)" : nil) }

    static var needsTmux: Self { needs(Machine.has("tmux") ? nil : "tmux is not installed") }

    static var slow: Self { needs(Machine.isFull ? nil : "slow: runs with scripts/test --full") }

    static func needs(_ missing: String?) -> Self {
        .enabled(if: missing == nil, Comment(rawValue: missing ?? ""))
    }
}
