public import SampleEngine

/// Makes profiles by hand; names and identities stay the same over all profiles of one builder.
public struct SyntheticProfile {
    public var session: SessionFacts
    public var state = Profile.State.live
    public var rings: [RingFigures]
    public var cost = OwnCost()
    /// Samples folded under `[other]`.
    public var folded: UInt64 = 0
    /// What each event has counted; nil where nobody knows.
    public var counted: [UInt64]?
    /// 14:03:27 UTC.
    public var wallClock: UInt64 = 1_767_276_207 * 1_000_000_000
    public var seconds: Double = 10
    /// What waits for a name.
    public var backlog: NamingBacklog?

    private var names = Names()
    private var stacks = PagedArray<Frame>()
    private var modules: [Module: ModuleID] = [:]
    private var functions: [Function: StackID] = [:]
    private var cells: [Cell] = []
    private var sequence: UInt64 = 0
    /// Slices that were ended one by one.
    private var past: [Slice] = []

    public init(
        target: String = "pid 1234", events: [EventInUse] = [EventInUse(name: "cycles", frequency: 999, period: nil)],
        notes: [String] = []
    ) {
        session = SessionFacts(target: target, events: events, notes: notes)
        rings = (0..<2).map { Self.ring(cpu: $0, event: events.first?.name ?? "") }
        cost.processorNanoseconds = 40_000_000
        cost.residentKilobytes = 18_000
    }

    /// A ring with figures of ten quiet seconds.
    public static func ring(
        cpu: Int, event: String = "cycles", purpose: RingFigures.Purpose = .samples, pages: Int = 128
    ) -> RingFigures {
        var ring = RingFigures(purpose: purpose, cpu: cpu, event: event, pages: pages, size: UInt64(pages) * 4096)
        ring.head = 8_192_000 + UInt64(cpu) * 4096
        ring.tail = 8_175_616
        ring.peakBytes = 16_384
        ring.bytes = 819_200
        ring.records = 20_400
        ring.samples = purpose == .samples ? 9_990 : 0
        ring.wakeups = 200
        ring.lagNanoseconds = 1_200_000
        ring.kernelLost = 0
        return ring
    }

    /// Adds samples of one function in one process; each weighs one.
    public mutating func add(
        _ function: String, raw: String? = nil, module: String, path: String = "", buildID: String = "",
        process: String, pid: Int32 = 1234, kind: CodeKind = .user, samples: UInt64, event: UInt16 = 0,
        weight: UInt64? = nil
    ) {
        let module = Module(name: module, path: path, buildID: buildID)
        let moduleID = modules[module] ?? ModuleID(UInt32(names.modules.count))
        if modules[module] == nil {
            modules[module] = moduleID
            names.modules.append(module)
        }
        let function = Function(name: function, rawName: raw, module: moduleID, kind: kind)
        let stack = functions[function] ?? StackID(UInt32(stacks.count))
        if functions[function] == nil {
            functions[function] = stack
            let id = FunctionID(UInt32(names.functions.count))
            names.functions.append(function)
            let location = Location(space: SpaceID(moduleID.index), value: UInt64(stack.index) * 64)
            stacks.append(Frame(location: location, function: id))
        }
        let generation = Generation(UInt32(bitPattern: pid))
        names.processes[generation] = ProcessFacts(pid: pid, name: process, user: 1000)
        cells.append(
            Cell(
                event: event, cpu: 0, generation: generation, thread: pid, stack: stack, count: samples,
                period: weight ?? samples))
    }

    /// Ends a slice with what was added since the one before; from then on `next` gives all of them.
    public mutating func endSlice(seconds: Double = 1) {
        let start = past.last?.end ?? Instant(nanoseconds: 1_000_000_000_000)
        let end = start.advanced(byNanoseconds: UInt64(seconds * 1e9))
        past.append(
            Slice(start: start, end: end, cells: cells, rings: rings, counted: counted, folded: folded, cost: cost))
        cells = []
        wallClock &+= UInt64(seconds * 1e9)
    }

    /// The profile of what was added since the last one.
    public mutating func next() -> Profile {
        sequence += 1
        if !past.isEmpty {
            return Profile(
                sequence: sequence, session: session, state: state, slices: past, stacks: stacks, names: names,
                wallClock: wallClock, backlog: backlog)
        }
        defer { cells = [] }
        let end = Instant(nanoseconds: UInt64((Double(sequence) + seconds) * 1e9))
        let start = Instant(nanoseconds: end.nanoseconds - UInt64(seconds * 1e9))
        let slice = Slice(
            start: start, end: end, cells: cells, rings: rings, counted: counted, folded: folded, cost: cost)
        return Profile(
            sequence: sequence, session: session, state: state, slices: [slice], stacks: stacks, names: names,
            wallClock: wallClock &+ sequence * 1_000_000_000, backlog: backlog)
    }
}

extension SyntheticProfile {
    /// Adds the rows most screens are tried with: all kinds of code, long names, wide names.
    public mutating func addUsualRows() {
        add(
            "aesni_ctr32_ghash_6x", module: "libcrypto.so.3", path: "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
            buildID: "8f3c1e0a5b7d4411", process: "nginx", samples: 6134)
        add("copy_user_enhanced_fast_string", module: "[kernel]", process: "nginx", kind: .kernel, samples: 2356)
        add("ngx_http_write_filter", module: "nginx", path: "/usr/sbin/nginx", process: "nginx", samples: 1524)
        add(
            "__netif_receive_skb_core.constprop.0", module: "[kernel]", process: "ksoftirqd/3", pid: 30,
            kind: .kernel, samples: 1278)
        add("hash_search_with_hash_value", module: "postgres", process: "postgres", pid: 77, samples: 1151)
        add("LazyCompile:*handle app.js:88", module: "[jit]", process: "node", pid: 2211, kind: .jit, samples: 804)
        add(
            "std::vector<std::pair<int, std::string>>::emplace_back<int&, char const*>(int&, char const*&&)",
            raw: "_ZNSt6vectorISt4pairIiNSt7__cxx1112basic_stringEEE12emplace_backIJRiPKcEEERS3_DpOT_",
            module: "indexer", path: "/opt/indexer/bin/indexer", buildID: "00ff17", process: "indexer", pid: 88,
            samples: 755)
        add("解析する_行列", module: "数値計算.so", process: "python3", pid: 9, samples: 577)
        add("e\u{301}toile_🚀_launch", module: "libétoile.so.1", process: "fusée", pid: 10, samples: 470)
        add("[unknown]", module: "legacyd", process: "legacyd", pid: 11, kind: .unknown, samples: 386)
    }
}
