import Foundation
import Testing

extension EndToEnd {
    /// perftop where `/proc`, clocks and users are not what it would think.
    @Suite("namespaces other than ours", .needsPerf, .needsCompiler, .needs(whyNoUnshare))
    struct Namespaces {
        /// Runs perftop and a program beside each other in namespaces; `$!` is the program's number there.
        private func inside(
            _ namespaces: [String], setup: String = "", as user: [String] = [], arguments: String
        ) throws -> (frame: Report?, outcome: Outcome) {
            let script = """
                \(setup)
                \"$1\" 20 >/dev/null & p=$!
                shift; perftop=$1; shift
                \"$@\" \"$perftop\" \(arguments) --batch --format json -n 1 -d 1; s=$?
                kill $p; exit $s
                """
            var words = ["unshare"]
            words += namespaces
            words += ["sh", "-c", script, "sh", Program.burn.path, Machine.binary]
            words += user.isEmpty ? ["env"] : user
            let outcome = try run("/usr/bin/env", words, within: 40)
            return (try Report.frames(outcome.output).last, outcome)
        }

        @Test("a /proc of another pid namespace", arguments: ["-p $p", "-a"])
        func foreignProc(target: String) throws {
            let (frame, outcome) = try inside(["-pf"], arguments: target)
            let report = try #require(frame, "\(outcome.errors)")
            let samples = report.rows.filter { $0.process == "burn" }.reduce(0) { $0 + $1.selfSamples }
            // On a busy machine it has a small part of the second.
            #expect(samples > 20, "\(report.rows.prefix(4)) \(report.notes)")
            let named = report.rows.filter { $0.process == "burn" && $0.kind == "user" && $0.module == "burn" }
            #expect(!named.isEmpty && named.allSatisfy { !$0.symbol.hasPrefix("[") }, "\(report.rows.prefix(4))")
            #expect(!report.notes.contains { $0.contains("/proc") }, "\(report.notes)")
        }

        @Test(
            "no /proc at all, and one without the kernel's part",
            arguments: ["umount -l /proc", "mount -t proc -o subset=pid proc /proc"])
        func lackingProc(setup: String) throws {
            let (frame, outcome) = try inside(["-pf", "-m"], setup: setup, arguments: "-p $p")
            let report = try #require(frame, "\(outcome.errors)")
            #expect(
                report.userPercent { $0.process == "burn" && $0.module == "burn" } > 80,
                "\(report.rows) \(report.notes)")
        }

        @Test("without the right to mount one it is said, and no name is wrong", .needs(whyNoUsers))
        func said() throws {
            let user = [
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "+perfmon",
                "--ambient-caps", "+perfmon", "env",
            ]
            let (frame, outcome) = try inside(["-pf"], as: user, arguments: "-a")
            guard let report = frame else {
                // The binary or its folder may be root's alone.
                try #require(outcome.errors.contains("Permission denied"), "\(outcome.errors)")
                try Test.cancel("another user may not run the program that is tested here")
            }
            #expect(report.notes.contains { $0.contains("/proc here is of another pid namespace") }, "\(report.notes)")
            for row in report.rows {
                let name = row.process ?? ""
                #expect(["sh", "burn", "perftop", "env", "setpriv"].contains(name) || name.hasPrefix("["), "\(row)")
            }
        }

        @Test(
            "clocks of a time namespace",
            arguments: [["--monotonic", "500000", "--boottime", "900000"], ["--boottime", "70000"]])
        func time(offsets: [String]) throws {
            let (frame, outcome) = try inside(["-T", "-f"] + offsets, arguments: "-p $p")
            let report = try #require(frame, "\(outcome.errors)")
            #expect(
                report.userPercent { $0.process == "burn" && $0.module == "burn" } > 80,
                "\(report.rows) \(report.notes)")
            #expect(report.rings.allSatisfy { $0.lagMs < 60_000 }, "\(report.rings.map(\.lagMs))")
        }
    }
}

private let whyNoUnshare: String? = {
    if geteuid() != 0 { return "namespaces need root" }
    guard Machine.has("unshare"), Machine.has("setpriv") else { return "unshare or setpriv is not installed" }
    let outcome = try? run("/usr/bin/env", ["unshare", "-pfT", "--monotonic", "1", "true"])
    return outcome?.status == 0 ? nil : "no namespaces here: \(outcome?.errors ?? "")"
}()
