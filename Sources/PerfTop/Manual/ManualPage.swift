internal import SampleEngine
internal import TopView

/// perftop(1), made from the tables that the program itself works with: options, keys, columns, settings.
enum ManualPage {
    /// Day on which the words that stand here were changed last.
    private static let date = "2026-11-24"

    /// What the command line looks like, and what is sampled then.
    static let uses = [
        ("perftop [OPTIONS]", "everything this user may see"),
        ("perftop [OPTIONS] -p PID,…", "processes, their threads and their children"),
        ("perftop [OPTIONS] -- COMMAND…", "start a command and profile it; its exit status is ours"),
    ]

    /// The page in man(7).
    static func source(version: String) -> String {
        var page = Roff()
        page.title("PERFTOP", date: date, version: "perftop \(version)")
        page.section("NAME")
        page.paragraph("perftop - a live sampling profiler for the terminal")
        page.section("SYNOPSIS")
        page.synopsis(uses.map(\.0))
        describe(&page)
        page.section("OPTIONS")
        for option in OptionHelp.all { page.option(option.term, option.text) }
        addScreen(&page)
        addWords(&page)
        addConfiguration(&page)
        addSurroundings(&page)
        return page.source
    }

    private static func describe(_ page: inout Roff) {
        page.section("DESCRIPTION")
        page.paragraph(
            "perftop reads the rings of the kernel's performance counters and shows, within a second and at almost no "
                + "cost, which functions use the processors, by their right names, and what had to be dropped.")
        for (use, meaning) in uses { page.option(use, meaning + ".") }
        page.paragraph(
            "Where standard output is no terminal, where TERM is dumb, and where an option says that it implies --batch, "
                + "frames are written to standard output in the stead of a screen. Every loss is in every report.")
    }

    private static func addScreen(_ page: inout Roff) {
        page.section("VIEWS")
        for view in View.allCases where view.isBuilt {
            let keys = GroupKey.allCases.filter { view.grouping?.contains($0) ?? false }.map(\.rawValue)
            let rows = keys.isEmpty ? "a ring" : keys.joined(separator: ", ")
            page.item(view.name, "Key \(view.rawValue). What makes a row: \(rows).")
        }
        page.section("KEYS")
        page.paragraph("^A is A pressed together with Ctrl.")
        for section in Binding.Section.allCases {
            page.subsection(section.rawValue)
            for binding in Binding.all where binding.section == section {
                page.item(binding.keys.map(\.name).joined(separator: "  "), binding.help)
            }
        }
        page.section("ON THE SCREEN")
        page.paragraph("Filters, below key \\ and for --filter, are written as said here.")
        for (word, meaning) in TopModel.legend { page.item(word, meaning) }
    }

    private static func addWords(_ page: inout Roff) {
        page.section("COLUMNS")
        page.paragraph("For --columns, and for -s without those that only a screen has: change and trend.")
        for column in Column.allCases { page.item(column.rawValue, column.explanation) }
        page.section("GROUPS")
        page.paragraph("For --group-by, in any combination, with commas.")
        for key in GroupKey.allCases { page.item(key.rawValue, key.explanation) }
    }

    private static func addConfiguration(_ page: inout Roff) {
        page.section("CONFIGURATION")
        page.paragraph(
            "A file of defaults for options is read where it exists, and never written. It is TOML; --print-config prints "
                + "one in which everything is commented out. What the command line says always wins. A key that does not "
                + "exist is a warning; a value that the option would reject is a usage error. A file that belongs to "
                + "neither you nor root, that others can write to, or that is larger than 64 KiB is left out with a warning."
        )
        for option in ConfigurableOption.all {
            page.item("\(option.key) = \(option.example)", option.explanation)
        }
    }

    private static func addSurroundings(_ page: inout Roff) {
        page.section("EXIT STATUS")
        page.item("0", "It was left, or has written all that was asked for.")
        page.item("1", "A failure at run time: permissions, a process that is gone, a terminal that cannot be used.")
        page.item("2", "The command line or the configuration file makes no sense.")
        page.paragraph(
            "With a command its own status, unless it was ended at your wish; a fatal signal is raised again.")
        page.section("ENVIRONMENT")
        page.item("TERM", "The terminal's kind; dumb means --batch.")
        page.item("NO_COLOR", "Where it is set and not empty, there is no color unless --color always.")
        page.item("LC_ALL, LC_CTYPE, LANG", "Whether signs beyond ASCII can be shown.")
        page.item("XDG_CONFIG_HOME", "Where the configuration is, if it is an absolute path.")
        page.section("FILES")
        page.item("~/.config/perftop/config.toml", "Defaults for options, where XDG_CONFIG_HOME is not set.")
        page.item("/tmp/perf-PID.map", "Names of the code that a process makes at run time.")
        page.item("/usr/lib/debug", "Separate debug files.")
        page.item("/proc/sys/kernel/perf_event_paranoid", "What a plain user may sample.")
        page.section("EXAMPLES")
        page.example([
            "perftop -p 1234",
            "perftop -- make -j8",
            "perftop -a --batch -n 1 -d 5 --limit 20",
            "perftop -p 1234 --format json -o profile.jsonl",
            "perftop -a -e sched:sched_switch --group-by process",
            "perftop -a -e '{cpu-clock,page-faults}'",
            "perftop --filter 'module:libc !memcpy self>1'",
        ])
        page.section("SEE ALSO")
        page.paragraph("perf-top(1), perf-list(1), perf_event_open(2), capabilities(7)")
    }
}
