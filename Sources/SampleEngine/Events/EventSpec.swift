internal import CLinuxShims

/// An event as it was asked for: what to count, and on which side of the system call boundary.
public struct EventSpec: Hashable, Sendable {
    /// Where the event comes from, with the numbers that perf_event_open(2) wants.
    public enum Source: Hashable, Sendable {
        case hardware(UInt64)
        case software(UInt64)
        case tracepoint(subsystem: String, name: String)
    }

    public var source: Source
    /// As perf spells it, without modifiers.
    public let name: String
    public var user = true
    public var kernel = true

    init(source: Source, name: String) {
        self.source = source
        self.name = name
    }

    /// The name with its modifiers: `cpu-clock:u`.
    public var text: String {
        switch (user, kernel) {
        case (true, true): name
        case (true, false): name + ":u"
        default: name + ":k"
        }
    }

    var isHardware: Bool { if case .hardware = source { true } else { false } }

    /// It happens now and then, by the kernel's doing: each one can be sampled. The clocks go on all the time.
    var isRare: Bool {
        guard case .software(let number) = source else { return false }
        return number != UInt64(PERF_COUNT_SW_CPU_CLOCK.rawValue) && number != UInt64(PERF_COUNT_SW_TASK_CLOCK.rawValue)
    }

    /// True where the event only ever happens inside the kernel, so that it counts 0 for one who may not look there.
    var happensInKernel: Bool {
        switch source {
        case .hardware: false
        case .software(let number): Self.kernelOnly.contains(number)
        case .tracepoint: true
        }
    }

    private static let kernelOnly: Set<UInt64> = [
        UInt64(PERF_COUNT_SW_CONTEXT_SWITCHES.rawValue), UInt64(PERF_COUNT_SW_CPU_MIGRATIONS.rawValue),
        UInt64(PERF_COUNT_SW_CGROUP_SWITCHES.rawValue),
    ]
}

extension EventSpec {
    /// Tried in this order when no event is asked for: the first that the machine can count is used.
    public static let defaults = [
        EventSpec(source: .hardware(UInt64(PERF_COUNT_HW_CPU_CYCLES.rawValue)), name: "cycles"),
        EventSpec(source: .software(UInt64(PERF_COUNT_SW_CPU_CLOCK.rawValue)), name: "cpu-clock"),
        EventSpec(source: .software(UInt64(PERF_COUNT_SW_TASK_CLOCK.rawValue)), name: "task-clock"),
    ]

    /// Reads one event as perf writes it: `NAME`, `SUBSYSTEM:NAME`, either with `:u`, `:k` or `:uk` behind.
    public static func parse(_ text: String) throws(EngineError) -> EventSpec {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let modifiers = hasModifiers(text) ? parts.removeLast() : ""
        var spec: EventSpec
        switch parts.count {
        case 1:
            guard let source = names[parts[0]] else { throw unknown(text, parts[0]) }
            spec = EventSpec(source: source, name: parts[0])
        case 2 where parts.allSatisfy(isTracepointWord) && names[parts[0]] == nil:
            spec = EventSpec(
                source: .tracepoint(subsystem: parts[0], name: parts[1]), name: parts[0] + ":" + parts[1])
        default: throw unknown(text, parts[0])
        }
        if !modifiers.isEmpty {
            spec.user = modifiers.contains("u")
            spec.kernel = modifiers.contains("k")
        }
        return spec
    }

    /// Whether the last word behind a colon tells sides, not a tracepoint.
    static func hasModifiers(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 1, let last = parts.last else { return false }
        return !last.isEmpty && last.allSatisfy { "uk".contains($0) }
    }

    /// A tracepoint's name becomes part of a path below tracefs, so nothing but a plain word is let through.
    private static func isTracepointWord(_ word: String) -> Bool {
        !word.isEmpty
            && word.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
    }

    private static func unknown(_ text: String, _ word: String) -> EngineError {
        let near = word.isEmpty ? [] : closest(to: word, among: names.keys)
        return EngineError(
            .usage, what: "event '\(displayText(text))'", why: "no such event",
            remedy: near.isEmpty
                ? "known are software and generic hardware events by perf's names, and tracepoints as subsystem:name"
                : "did you mean \(near.joined(separator: ", "))?")
    }

    /// The names of the generic events, in order; tracepoints have names beside these.
    public static let knownNames = names.keys.sorted()

    /// perf's names of the generic events (perf-list(1)); synonyms included.
    private static let names: [String: Source] = {
        let hardware: [(perf_hw_id, [String])] = [
            (PERF_COUNT_HW_CPU_CYCLES, ["cycles", "cpu-cycles"]),
            (PERF_COUNT_HW_INSTRUCTIONS, ["instructions"]),
            (PERF_COUNT_HW_CACHE_REFERENCES, ["cache-references"]),
            (PERF_COUNT_HW_CACHE_MISSES, ["cache-misses"]),
            (PERF_COUNT_HW_BRANCH_INSTRUCTIONS, ["branches", "branch-instructions"]),
            (PERF_COUNT_HW_BRANCH_MISSES, ["branch-misses"]),
            (PERF_COUNT_HW_BUS_CYCLES, ["bus-cycles"]),
            (PERF_COUNT_HW_STALLED_CYCLES_FRONTEND, ["stalled-cycles-frontend", "idle-cycles-frontend"]),
            (PERF_COUNT_HW_STALLED_CYCLES_BACKEND, ["stalled-cycles-backend", "idle-cycles-backend"]),
            (PERF_COUNT_HW_REF_CPU_CYCLES, ["ref-cycles"]),
        ]
        let software: [(perf_sw_ids, [String])] = [
            (PERF_COUNT_SW_CPU_CLOCK, ["cpu-clock"]),
            (PERF_COUNT_SW_TASK_CLOCK, ["task-clock"]),
            (PERF_COUNT_SW_PAGE_FAULTS, ["page-faults", "faults"]),
            (PERF_COUNT_SW_PAGE_FAULTS_MIN, ["minor-faults"]),
            (PERF_COUNT_SW_PAGE_FAULTS_MAJ, ["major-faults"]),
            (PERF_COUNT_SW_CONTEXT_SWITCHES, ["context-switches", "cs"]),
            (PERF_COUNT_SW_CPU_MIGRATIONS, ["cpu-migrations", "migrations"]),
            (PERF_COUNT_SW_ALIGNMENT_FAULTS, ["alignment-faults"]),
            (PERF_COUNT_SW_EMULATION_FAULTS, ["emulation-faults"]),
            (PERF_COUNT_SW_CGROUP_SWITCHES, ["cgroup-switches"]),
        ]
        var names: [String: Source] = [:]
        for (id, words) in hardware { for word in words { names[word] = .hardware(UInt64(id.rawValue)) } }
        for (id, words) in software { for word in words { names[word] = .software(UInt64(id.rawValue)) } }
        return names
    }()
}
