import SampleEngine
import Testing

@Suite("EventGroup: lists and groups as perf writes them")
struct EventGroupTests {
    /// What was read, written again with the modifiers spelled out.
    private func read(_ text: String) throws -> [String] {
        try EventGroup.parse(text).map { $0.events.map(\.text).joined(separator: "+") }
    }

    @Test(
        "Events and groups between commas, leaders first",
        arguments: [
            ("cpu-clock", ["cpu-clock"]), ("cpu-clock,cs", ["cpu-clock", "cs"]),
            ("{cpu-clock,cs}", ["cpu-clock+cs"]), ("{cpu-clock}", ["cpu-clock"]),
            ("faults,{cycles,instructions,branches},cs", ["faults", "cycles+instructions+branches", "cs"]),
            ("{sched:sched_switch,page-faults}", ["sched:sched_switch+page-faults"]),
        ])
    func lists(text: String, groups: [String]) throws { #expect(try read(text) == groups) }

    @Test(
        "Modifiers behind a brace hold for all that have none of their own",
        arguments: [
            ("{cycles,instructions}:u", ["cycles:u+instructions:u"]),
            ("{cycles:k,instructions}:u,faults", ["cycles:k+instructions:u", "faults"]),
            ("{sched:sched_switch,faults}:k", ["sched:sched_switch:k+faults:k"]),
        ])
    func modifiers(text: String, groups: [String]) throws { #expect(try read(text) == groups) }

    @Test(
        "What is no list is one usage error that says what",
        arguments: [
            "{", "}", "{cs", "cs}", "{{cs}}", "{cs},", "", ",", "{}", "{,}", "x{cs}", "{cs}x", "{cs}:q", "{cs,cs}",
            "{cs}{faults}", "{cs:u,cs}:u", "\u{1b}{cs",
        ])
    func refused(text: String) {
        do throws(EngineError) {
            let groups = try EventGroup.parse(text)
            Issue.record("read as \(groups)")
        } catch {
            #expect(error.kind == .usage)
            #expect(!error.message.contains("\u{1b}"))
        }
    }
}
