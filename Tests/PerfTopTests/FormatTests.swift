import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing
import TopView
import perftop

/// Reports of profiles made by hand: what a real run shows too rarely.
@Suite("report formats")
struct FormatTests {
    private func frame(_ builder: inout SyntheticProfile, _ number: Int, filter: String = "") throws -> BatchFrame {
        var options = ReportOptions()
        options.filter = try Filter(filter)
        return BatchFrame(builder.next(), event: 0, number: number, options: options)
    }

    /// A line's fields by the names in the header; none of them is quoted here.
    private func fields(_ line: Substring) throws -> [String: String] {
        let header = CSVFormat().preamble(ReportOptions()).dropLast().split(separator: ",").map(String.init)
        let values = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        try #require(header.count == values.count)
        return Dictionary(uniqueKeysWithValues: zip(header, values))
    }

    @Test("csv: new columns stand behind the old ones")
    func header() {
        let header = CSVFormat().preamble(ReportOptions())
        #expect(header.hasPrefix("frame,time,interval_s,event,kind,self_percent,total_percent,self_samples,total_sam"))
        #expect(header.hasSuffix(",counts,health,counted,notes\n"))
    }

    @Test("csv: every line says what its frame lost, counted and notes")
    func rows() throws {
        var builder = SyntheticProfile(notes: ["one", "two"])
        builder.add("spin", module: "m", process: "p", samples: 3)
        builder.add("turn", module: "m", process: "p", samples: 1)
        builder.counted = [77]
        builder.rings[1].kernelLost = 640
        let lines = CSVFormat().text(try frame(&builder, 1)).split(separator: "\n")
        #expect(try lines.map { try fields($0)["symbol"] } == ["spin", "turn"])
        for line in lines {
            let fields = try fields(line)
            #expect(fields["lost"] == "640")
            #expect(fields["health"] == "LOST 3.1% of samples: ring of CPU 1 full; try -m 512")
            #expect(fields["counted"] == "77")
            #expect(fields["notes"] == "one | two")
        }
    }

    @Test(
        "csv: what a spreadsheet would work out is text there, and as it is in JSON",
        arguments: ["=1+1", "+x", "-x", "-1", "@x", "\tx", "\rx", "plain", "x=1", "'=", "1-1", "[x"])
    func formulas(name: String) throws {
        var builder = SyntheticProfile(events: [EventInUse(name: name, frequency: 999, period: nil)])
        builder.add(name, module: name, process: name, pid: 77, samples: 3)
        let isFormula = "=+-@\t\r".contains(name.first ?? " ")
        var options = ReportOptions()
        options.grouping.insert(.pid)
        let frame = BatchFrame(builder.next(), event: 0, number: 1, options: options)
        let line = CSVFormat().text(frame)
        let shown = isFormula ? "'" + name : name
        let quoted = name.contains("\r") ? "\"\(shown)\"" : shown
        let fields = line.split(separator: ",")
        // Event, function, module and process; the pid is a number.
        #expect(fields.count { $0 == quoted } == 4 && fields.contains("77"), "\(line)")
        let json = try JSONSerialization.jsonObject(with: Data(try JSONFormat().text(frame).utf8)) as? [String: Any]
        let row = try #require((json?["rows"] as? [[String: Any]])?.first)
        #expect(row["process"] as? String == name && row["symbol"] as? String == name)
    }

    @Test("csv: a frame without rows is one line of zeros, with its losses", arguments: [false, true])
    func noRows(isFiltered: Bool) throws {
        var builder = SyntheticProfile()
        builder.rings[0].samples = 0
        builder.rings[1].samples = 0
        builder.rings[1].kernelLost = 640
        if isFiltered { builder.add("spin", module: "m", process: "p", samples: 3) }
        let lines = CSVFormat().text(try frame(&builder, 4, filter: "nothing")).split(separator: "\n")
        try #require(lines.count == 1)
        let fields = try fields(lines[0])
        #expect(fields["frame"] == "4" && fields["event"] == "cycles" && fields["lost"] == "640")
        #expect(fields["health"] == "LOST 100.0% of samples: ring of CPU 1 full; try -m 512")
        for name in ["self_percent", "total_percent"] { #expect(fields[name] == "0.00") }
        for name in ["self_samples", "total_samples"] { #expect(fields[name] == "0") }
        for name in ["kind", "process", "module", "symbol", "counts", "counted", "notes"] {
            #expect(fields[name]?.isEmpty == true, "\(name)")
        }
    }

    @Test("json: what rows are not grouped by is left out, and several kinds are mixed")
    func absentFields() throws {
        var builder = SyntheticProfile()
        builder.add("read", module: "libc.so.6", process: "cat", samples: 3)
        builder.add("vfs_read", module: "[kernel]", process: "cat", kind: .kernel, samples: 5)
        let profile = builder.next()
        func rows(_ grouping: Set<GroupKey>) throws -> [String] {
            var options = ReportOptions()
            options.grouping = grouping
            let text = try JSONFormat().text(BatchFrame(profile, event: 0, number: 1, options: options))
            let rows = try #require(text.split(separator: "\"rows\":[").last?.split(separator: "],\"running").first)
            return rows.split(separator: "},").map(String.init)
        }
        let processes = try rows([.process])
        #expect(processes.count == 1 && processes[0].contains("\"kind\":\"mixed\"") && processes[0].contains("\"cat\""))
        for grouping in [[.process], [.function], [.module], [.cpu], [.pid], [.process, .function]] as [Set<GroupKey>] {
            for row in try rows(grouping) {
                #expect(!row.contains("\"\"") && !row.contains("unknown"), "\(row)")
                #expect(row.contains("\"symbol\"") == grouping.contains(.function), "\(row)")
                #expect(row.contains("\"process\"") == grouping.contains(.process), "\(row)")
                #expect(row.contains("\"named_by\"") == grouping.contains(.function), "\(row)")
            }
        }
    }

    @Test("text: a note is printed in the first frame that has it, and not again")
    func notes() throws {
        func notes(_ text: String) -> [Substring] { text.split(separator: "\n").filter { $0.hasPrefix("# note: ") } }
        var builder = SyntheticProfile(notes: ["at once"])
        var format = TextFormat()
        #expect(try notes(format.text(frame(&builder, 1))) == ["# note: at once"])
        #expect(try notes(format.text(frame(&builder, 2))).isEmpty)
        builder.session = SessionFacts(
            target: "pid 1234", events: builder.session.events, notes: ["at once", "later"])
        #expect(try notes(format.text(frame(&builder, 3))) == ["# note: later"])
        #expect(try notes(format.text(frame(&builder, 4))).isEmpty)
    }
}
