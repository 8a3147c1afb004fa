import SampleEngine
import SampleEngineTestSupport
import Testing

/// The error of a call that must fail; nil where it does not.
private func failure<Value>(_ call: () throws(EngineError) -> Value) -> EngineError? {
    do throws(EngineError) {
        _ = try call()
        return nil
    } catch {
        return error
    }
}

@Suite("EventSpec: events as perf writes them")
struct EventSpecTests {
    /// Numbers as perf_event_open(2) lists them.
    @Test(
        "perf's names of software and generic hardware events, synonyms included",
        arguments: [
            ("cycles", .hardware(0)), ("cpu-cycles", .hardware(0)), ("instructions", .hardware(1)),
            ("cache-references", .hardware(2)), ("cache-misses", .hardware(3)), ("branches", .hardware(4)),
            ("branch-instructions", .hardware(4)), ("branch-misses", .hardware(5)), ("bus-cycles", .hardware(6)),
            ("stalled-cycles-frontend", .hardware(7)), ("stalled-cycles-backend", .hardware(8)),
            ("ref-cycles", .hardware(9)), ("cpu-clock", .software(0)), ("task-clock", .software(1)),
            ("page-faults", .software(2)), ("faults", .software(2)), ("context-switches", .software(3)),
            ("cs", .software(3)), ("cpu-migrations", .software(4)), ("migrations", .software(4)),
            ("minor-faults", .software(5)), ("major-faults", .software(6)), ("alignment-faults", .software(7)),
            ("emulation-faults", .software(8)), ("cgroup-switches", .software(11)),
        ] as [(String, EventSpec.Source)])
    func names(text: String, source: EventSpec.Source) throws {
        let spec = try EventSpec.parse(text)
        #expect(spec.source == source)
        #expect(spec.user && spec.kernel)
        #expect(spec.text == text)
    }

    @Test(
        "Modifiers choose the side; the text says so again",
        arguments: [
            ("cycles:u", true, false, "cycles:u"), ("cycles:k", false, true, "cycles:k"),
            ("cycles:uk", true, true, "cycles"), ("cycles:ku", true, true, "cycles"),
            ("sched:sched_switch:u", true, false, "sched:sched_switch:u"),
            ("sched:sched_switch", true, true, "sched:sched_switch"),
        ])
    func modifiers(text: String, user: Bool, kernel: Bool, shown: String) throws {
        let spec = try EventSpec.parse(text)
        #expect(spec.user == user)
        #expect(spec.kernel == kernel)
        #expect(spec.text == shown)
        #expect(try EventSpec.parse(shown) == spec, "what is shown can be typed")
    }

    @Test(
        "Two plain words are a tracepoint", arguments: ["syscalls:sys_enter_read", "raw_syscalls:sys_enter", "a-b:c-d"])
    func tracepoints(text: String) throws {
        let words = text.split(separator: ":").map(String.init)
        #expect(try EventSpec.parse(text).source == .tracepoint(subsystem: words[0], name: words[1]))
    }

    @Test(
        "An unknown name is a usage error that offers the closest",
        arguments: [
            ("cycels", "cycles"), ("cpuclock", "cpu-clock"), ("context-switch", "context-switches"),
            ("instuctions", "instructions"),
        ])
    func unknown(text: String, offered: String) {
        let error = failure { () throws(EngineError) in try EventSpec.parse(text) }
        #expect(error?.kind == .usage)
        #expect(error?.what == "event '\(text)'")
        #expect(error?.remedy.contains(offered) == true)
    }

    @Test(
        "Nothing but plain words becomes part of a path, and nothing raw part of a message",
        arguments: [
            "", ":", "cycles:", ":u", "cycles:x", "a:b:c", "../..:id", "sched:..", "sched:a/b", "a:b\u{1b}[2J", "a\nb",
            "{cycles,\u{1b}}", "{cycles}", "sched:é", "cycles:uu:", " cycles",
        ])
    func refused(text: String) {
        let error = failure { () throws(EngineError) in try EventSpec.parse(text) }
        // `cycles:x` looks like a tracepoint: whether there is one, tracefs says.
        guard let error else {
            #expect(text == "cycles:x")
            return
        }
        #expect(error.kind == .usage)
        #expect(displayText(error.message) == error.message)
    }

    @Test("The defaults are hardware cycles, then the clocks every machine has")
    func defaults() {
        #expect(EventSpec.defaults.map(\.text) == ["cycles", "cpu-clock", "task-clock"])
    }
}

@Suite("EventIDs: from the kernel's id to the event")
struct EventIDTests {
    @Test("Every id finds its event, in any order; others none, the largest and zero included")
    func find() {
        var ids = EventIDs()
        #expect(ids.find(.max) == nil)
        #expect(ids.find(0) == nil)
        for id in 1...500 as ClosedRange<UInt64> { ids.insert(id * 7, event: Int(id) % 3) }
        var random = SeededRandom(1)
        for _ in 0..<5000 {
            let id = UInt64(random.below(4000))
            #expect(ids.find(id)?.event == (id > 0 && id % 7 == 0 && id <= 3500 ? Int(id / 7) % 3 : nil))
        }
        #expect(ids.find(.max) == nil)
    }

    @Test(
        "Ids of one ring are as far apart as there are CPUs: they are spread all the same",
        arguments: [1, 4, 128, 512, 4096])
    func spread(apart: UInt64) {
        let homes = Set((1...1000 as ClosedRange<UInt64>).map { EventIDs.hash($0 * apart) % 2048 })
        // A thousand thrown at random into 2,048 places meet 790 of them; the low bits alone of ids 512 apart meet 4.
        #expect(homes.count > 600)
    }
}

@Suite("Target: lists of ids and CPUs")
struct TargetTests {
    @Test("Ids are positive numbers separated by commas, each once, in the order given")
    func ids() throws {
        #expect(try Target.ids("12,345", option: "-p") == [12, 345])
        #expect(try Target.ids("7,3,7", option: "-p") == [7, 3])
        #expect(try Target.ids("2147483647", option: "-p") == [.max])
    }

    @Test(
        "Anything else is a usage error that quotes the word",
        arguments: ["", ",", "1,", ",1", "0", "-1", "abc", "1 2", "2147483648", "1;2", "0x10", "\u{1b}"])
    func badIDs(text: String) {
        let error = failure { () throws(EngineError) in try Target.ids(text, option: "-p") }
        #expect(error?.kind == .usage)
        #expect(error.map { displayText($0.message) == $0.message } == true)
    }

    @Test("CPU 0 is online; a list may repeat itself and comes out in order")
    func cpus() throws {
        #expect(try Target.cpus("0") == [0])
        #expect(try Target.cpus("0,0-0,0") == [0])
    }

    @Test(
        "What is no list of CPUs is refused",
        arguments: [
            "", ",", "a", "-", "1-", "-1", "3-1", "0-1-2", "0,,1", "0 1", "99999999", "0-70000", "9223372036854775808",
        ])
    func badCPUs(text: String) { #expect(failure { () throws(EngineError) in try Target.cpus(text) }?.kind == .usage) }

    @Test("A CPU that is not online is named, with what there is")
    func offlineCPU() {
        let error = failure { () throws(EngineError) in try Target.cpus("0,65535") }
        #expect(error?.what == "CPU 65535")
        #expect(error?.remedy.contains("0-") == true)
    }

    @Test("A user is known by name or number")
    func user() throws {
        #expect(try Target.user("root").who == .user(name: "root", id: 0))
        #expect(try Target.user("12345").who == .user(name: "12345", id: 12345))
        #expect(failure { () throws(EngineError) in try Target.user("no such user \u{1b}") }?.kind == .usage)
    }
}
