internal import ArgumentParser
internal import Glibc
internal import SampleEngine
internal import TopView

/// The command line: one definition for parsing, help and completions.
struct Arguments: ParsableArguments {
    @Option(
        name: [.customShort("p", allowingJoined: true), .customLong("pid")],
        help: ArgumentHelp("Processes to sample, their threads and children.", valueName: "PID,…"),
        completion: .shellCommand("ls /proc | grep '^[0-9]'"))
    var pids: [String] = []

    @Option(
        name: [.customShort("t", allowingJoined: true), .customLong("tid")],
        help: ArgumentHelp("Threads to sample.", valueName: "TID,…"))
    var tids: [String] = []

    @Flag(name: [.customShort("a"), .customLong("all-cpus")], help: "All processes on all CPUs.")
    var everything = false

    @Option(
        name: [.customShort("u", allowingJoined: true), .customLong("user")],
        help: ArgumentHelp("Processes of one user, by name or number.", valueName: "USER"),
        completion: .shellCommand("getent passwd | cut -d: -f1"))
    var users: [String] = []

    @Option(
        name: [.customShort("C", allowingJoined: true), .customLong("cpu")],
        help: ArgumentHelp("Only these CPUs: 0,2-3.", valueName: "LIST"))
    var cpus: [String] = []

    @Option(
        name: [.customShort("e", allowingJoined: true), .customLong("event")],
        help: ArgumentHelp(
            "Event to sample, several by repeating or with commas; {A,B}: A samples, B is counted beside it; "
                + ":u and :k for one side only. Default: cycles, else cpu-clock, else task-clock.", valueName: "EVENT"),
        completion: .list(EventSpec.knownNames))
    var events: [String] = []

    @Option(
        name: [.customShort("F", allowingJoined: true), .customLong("freq")],
        help: ArgumentHelp(
            "Samples per second and CPU, or max. Default: 999; page faults, switches and tracepoints: each one.",
            valueName: "HZ"))
    var frequency: String?

    @Option(
        name: [.customShort("c", allowingJoined: true), .customLong("count")],
        help: ArgumentHelp("One sample every so many events.", valueName: "PERIOD"))
    var period: UInt64?

    @Option(
        name: [.customShort("m", allowingJoined: true), .customLong("mmap-pages")],
        help: ArgumentHelp("Pages of each sample ring, a power of two.", valueName: "PAGES"))
    var pages: Int?

    @Flag(
        name: .customLong("overwrite"), inversion: .prefixedNo,
        help: "Where a ring is full, the newest samples replace the oldest; without it they are refused and counted.")
    var overwrite: Bool?

    @Option(
        name: .customLong("ring-fd"),
        help: ArgumentHelp(
            "Read a software ring handed over by the caller.", valueName: "MEMORY,BELL", visibility: .private))
    var ringFDs: [String] = []

    @Flag(name: [.customShort("i"), .customLong("no-inherit")], help: "Leave out children, living and to come.")
    var noInherit = false

    @Option(
        name: [.customShort("d", allowingJoined: true), .customLong("delay")],
        help: ArgumentHelp("Time between pictures: 0.5, 250ms, 1s. Default: 1s.", valueName: "TIME"))
    var delay: String?

    @Option(
        name: .customLong("window"),
        help: ArgumentHelp(
            "How far back a picture looks: 10s (default); all that is kept; decay: the older the less it counts.",
            valueName: "TIME"))
    var window: String?

    @Option(
        name: [.customShort("r", allowingJoined: true), .customLong("realtime")],
        help: ArgumentHelp(
            "Real-time priority (SCHED_RR) of perftop itself. Default: 1 where that is permitted; 0: as it was started.",
            valueName: "PRIO"))
    var realTime: Int?

    @Flag(name: [.customShort("b"), .customLong("batch")], help: "Write frames to standard output; needs no terminal.")
    var batch = false

    @Option(
        name: [.customShort("n", allowingJoined: true), .customLong("frames")],
        help: ArgumentHelp("Stop after so many frames (implies --batch).", valueName: "N"))
    var frames: Int?

    @Option(
        name: .customLong("format"),
        help: ArgumentHelp("text, json or csv (implies --batch).", valueName: "NAME"),
        completion: .list(FormatName.allCases.map(\.rawValue)))
    var format: String?

    @Option(
        name: [.customShort("o", allowingJoined: true), .customLong("output")],
        help: ArgumentHelp("Write to a file (implies --batch).", valueName: "FILE"), completion: .file())
    var output: String?

    @Option(
        name: [.customShort("s", allowingJoined: true), .customLong("sort")],
        help: ArgumentHelp("Column to sort by; help lists them. Default: self.", valueName: "KEY"),
        completion: .list(Column.sortKeys.map(\.rawValue)))
    var sort: String?

    @Option(
        name: .customLong("group-by"),
        help: ArgumentHelp(
            "What makes a row; help lists all. Default: as the view has it: process,module,function.", valueName: "KEYS"
        ), completion: .list(GroupKey.allCases.map(\.rawValue)))
    var grouping: String?

    @Option(
        name: .customLong("columns"),
        help: ArgumentHelp(
            "The columns that tables on the screen begin with; help lists them. Default: all.", valueName: "KEYS"),
        completion: .list(Column.allCases.map(\.rawValue)))
    var columns: String?

    @Option(
        name: .customLong("filter"),
        help: ArgumentHelp(
            "Show only what this describes: name, !name, /regex/, module:libc, pid:7, self>1; blanks: and, |: or.",
            valueName: "EXPR"))
    var filter: String?

    @Option(name: .customLong("limit"), help: ArgumentHelp("At most so many rows per frame.", valueName: "N"))
    var limit: Int?

    @Option(
        name: .customLong("view"),
        help: ArgumentHelp(
            "View to begin with: functions (default), processes, modules, threads, cpus or rings.", valueName: "NAME"),
        completion: .list(View.allCases.filter(\.isBuilt).map(\.name)))
    var view: String?

    @Option(
        name: .customLong("symbols"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Sample nothing: tell step by step how addresses of a process (-p) or of the kernel come to their names.",
            valueName: "ADDRESS"))
    var addresses: [String] = []

    @Option(
        name: .customLong("color"), help: ArgumentHelp("auto (default), always or never.", valueName: "WHEN"),
        completion: .list(ColorChoice.allCases.map(\.rawValue)))
    var color: String?

    @Option(
        name: .customLong("theme"),
        help: ArgumentHelp(
            "auto (default): as the terminal says of its background; dark, light, contrast or mono.", valueName: "NAME"),
        completion: .list(Theme.allCases.map(\.rawValue)))
    var theme: String?

    @Flag(name: .customLong("ascii"), inversion: .prefixedNo, help: "Draw with ASCII alone.")
    var ascii: Bool?

    @Flag(
        name: .customLong("mouse"), inversion: .prefixedNo,
        help: "Take clicks and the wheel (default), or leave the mouse to the terminal.")
    var mouse: Bool?

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "Read defaults from this file. Default: ~/.config/perftop/config.toml, where there is one.",
            valueName: "FILE"), completion: .file(extensions: ["toml"]))
    var config: String?

    @Flag(name: .customLong("no-config"), help: "Read no defaults from a file.")
    var noConfig = false

    @Flag(name: .customLong("print-config"), help: "Print a file of defaults, with comments.")
    var printConfig = false

    @Flag(name: .customLong("print-man"), help: ArgumentHelp("Print the manual page.", visibility: .private))
    var printMan = false

    @Option(
        name: .customLong("print-completions"),
        help: ArgumentHelp("Print completions for a shell.", valueName: "SHELL", visibility: .private))
    var completions: String?

    @Flag(name: [.customShort("V"), .customLong("version")], help: "Print the version.")
    var version = false

    @Flag(name: .customLong("leave-running"), help: "Let COMMAND go on after q or the last frame.")
    var leaveRunning = false

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("Start this command and profile it; its exit status is ours.", valueName: "COMMAND"))
    var command: [String] = []
}

extension Arguments {
    /// Some options make sense only for reports.
    var asksForBatch: Bool { batch || frames != nil || format != nil || output != nil }
}
