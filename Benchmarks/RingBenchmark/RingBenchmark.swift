import AllocationCounter
import Glibc
import SampleEngine

/// What a record costs from a software ring to its cell: ring-benchmark [--quick] [--json] [SCENARIO…]
///
/// Exit status 1: a goal was missed. `--quick` does little and judges no time: only allocations and counts.
@main
struct RingBenchmark {
    private static let goal = 100.0
    /// What an idle ring may add to a wake-up, in nanoseconds.
    private static let goalOfIdle = 25.0

    private var missed: [String] = []
    private var results: [String] = []

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        let names = arguments.filter { !$0.hasPrefix("-") }
        let known = Scenario.allCases.map(\.rawValue) + ["wakeups"]
        guard arguments.allSatisfy({ $0 == "--quick" || $0 == "--json" || known.contains($0) }) else {
            print("ring-benchmark [--quick] [--json] [SCENARIO…], of \(known.joined(separator: " "))")
            exit(2)
        }
        let isQuick = arguments.contains("--quick")
        var benchmark = RingBenchmark()
        guard countsAllocations() else {
            print("allocations cannot be counted here")
            exit(3)
        }
        let scenarios = Scenario.allCases.filter { names.isEmpty || names.contains($0.rawValue) }
        if !scenarios.isEmpty { try benchmark.measure(scenarios, isQuick) }
        if names.isEmpty || names.contains("wakeups") { try benchmark.measureWakeUps(isQuick) }
        for miss in benchmark.missed { print("MISSED: \(miss)") }
        if arguments.contains("--json") {
            print(
                "{\"version\":1,\"optimized\":\(isOptimized),\"results\":[\(benchmark.results.joined(separator: ","))],"
                    + "\"met\":\(benchmark.missed.isEmpty)}")
        }
        exit(benchmark.missed.isEmpty ? 0 : 1)
    }

    /// In a debug build a loop over rings may allocate.
    private static var isOptimized: Bool {
        #if DEBUG
            false
        #else
            true
        #endif
    }

    /// An instrument that counts nothing would find nothing.
    private static func countsAllocations() -> Bool {
        let before = pt_allocations()
        let text = String(repeating: "a", count: 100 + Int(before % 7))
        return text.utf8.count >= 100 && pt_allocations() > before
    }

    private mutating func measure(_ scenarios: [Scenario], _ isQuick: Bool) throws {
        print(line("records", "ns/record", "least", "M/s", "cells", "allocations", "counted"))
        for scenario in scenarios {
            let outcome = try scenario.run(isQuick ? .quick : .whole)
            let name = scenario.rawValue
            print(
                line(
                    name, fixed(outcome.median), fixed(outcome.least), fixed(1000 / outcome.median),
                    "\(outcome.tally.cells)", "\(outcome.allocations)", outcome.isComplete ? "all" : "NOT ALL"))
            results.append(
                "{\"scenario\":\"\(name)\",\"ns_per_record\":\(fixed(outcome.median)),"
                    + "\"least_ns_per_record\":\(fixed(outcome.least)),"
                    + "\"records_per_second\":\(Int(1e9 / outcome.median)),\"records\":\(outcome.written),"
                    + "\"counted\":\(outcome.tally.samples),\"folded\":\(outcome.tally.folded),"
                    + "\"cells\":\(outcome.tally.cells),\"allocations\":\(outcome.allocations)}")
            // Other load on the machine only adds.
            if !isQuick, outcome.least > Self.goal { missed.append("\(name): more than \(Self.goal) ns per record") }
            if outcome.allocations > 0 { missed.append("\(name): \(outcome.allocations) allocations after warm-up") }
            if !outcome.isComplete { missed.append("\(name): not all records were counted") }
        }
    }

    private mutating func measureWakeUps(_ isQuick: Bool) throws {
        let extent: Extent = isQuick ? .quick : .whole
        print(line("wake-ups", "rings", "ready", "pass ns", "wait ns", "allocations", "counted"))
        var all: [WakeUps] = []
        for total in extent.totals {
            if let refusal = WakeUps.refusal(total: total) {
                print("skipped: \(refusal)")
                continue
            }
            let measured = try WakeUps.run(total: total, extent)
            all += measured
            for one in measured { show(one) }
        }
        guard let fewest = all.map(\.total).min(), let most = all.map(\.total).max(), fewest < most else { return }
        for one in all where one.total == most {
            guard let other = all.first(where: { $0.total == fewest && $0.ready == one.ready }) else { continue }
            let idle = (one.pass - other.pass) / Double(most - fewest)
            print(line("", "\(most)-\(fewest)", "\(one.ready)", fixed(idle), "", "", "for each idle one"))
            results.append("{\"scenario\":\"idle\",\"ready\":\(one.ready),\"ns_per_ring\":\(fixed(idle))}")
            if !isQuick, idle > Self.goalOfIdle {
                missed.append("a ring that is not ready costs \(fixed(idle)) ns, more than \(Self.goalOfIdle)")
            }
        }
    }

    private mutating func show(_ one: WakeUps) {
        print(
            line(
                "", "\(one.total)", "\(one.ready)", fixed(one.pass), fixed(one.wait), "\(one.allocations)",
                one.isComplete ? "all" : "NOT ALL"))
        results.append(
            "{\"scenario\":\"wakeups\",\"rings\":\(one.total),\"ready\":\(one.ready),\"pass_ns\":\(fixed(one.pass)),"
                + "\"wait_ns\":\(fixed(one.wait)),\"allocations\":\(one.allocations)}")
        let name = "\(one.ready) of \(one.total) rings"
        if one.allocations > 0 { missed.append("\(name): \(one.allocations) allocations after warm-up") }
        if !one.isComplete { missed.append("\(name): not all records were counted") }
    }

    /// A row of the table.
    private func line(_ name: String, _ columns: String...) -> String {
        name.padded(-10) + columns.map { $0.padded(12) }.joined()
    }

    /// One decimal.
    private func fixed(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}

extension String {
    /// Filled with spaces to a width, in front; behind where the width is negative.
    fileprivate func padded(_ width: Int) -> String {
        let space = String(repeating: " ", count: max(0, abs(width) - count))
        return width < 0 ? self + space : space + self
    }
}
