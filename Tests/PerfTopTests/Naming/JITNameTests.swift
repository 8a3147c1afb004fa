import Foundation
import Testing

extension EndToEnd {
    /// Names that compilers write down for code they make at run time; the programs measure themselves.
    @Suite("names: code made at run time", .needsPerf, .needsCompiler)
    struct CodeNames {
        @Test(
            "code in every kind of memory has the name its map tells",
            arguments: ["anonymous", "protected", "moved", "heap", "stack", "double"])
        func kinds(kind: String) throws {
            let made = try Program.jit.start([kind, "90"], until: "ready")
            let frame = try sampleShares(["-p", "\(made.pid)"])
            #expect(abs(frame.share(of: "made_first", beside: "made_second") - 75) <= 6, "\(frame.rows.prefix(3))")
            let named = frame.rows.filter { $0.symbol.hasPrefix("made_") }
            #expect(frame.userPercent { $0.symbol.hasPrefix("made_") } > 90, "\(frame.rows.prefix(3))")
            #expect(named.allSatisfy { $0.kind == "jit" && $0.namedBy == "perf-map" })
            made.stop()
        }

        @Test("code that nobody names is one row for each piece of memory")
        func unnamed() throws {
            let made = try Program.jit.start(["unnamed", "90"], until: "ready")
            let frame = try sampleShares(["-p", "\(made.pid)"])
            made.stop()
            let rows = frame.rows.filter { $0.kind == "jit" }
            #expect(rows.count == 1 && rows[0].symbol.hasPrefix("[jit 0x"), "\(rows)")
            #expect(frame.userPercent { $0.kind == "jit" } > 90)
            #expect(frame.naming.jitWithoutMap == rows.samples)
        }

        @Test("code that was written over: old samples keep the old name, new ones have the new")
        func rewritten() throws {
            let made = try Program.jit.start(["rewritten", "180"], until: "ready")
            let watched = try Watched(["-p", "\(made.pid)", "-d", "0.5"])
            try watched.wait("samples of the first") { $0.contains { $0.samples > 0 } }
            for frame in watched.frames where frame.samples > 0 {
                #expect(frame.userPercent(of: "made_first") > 90, "\(frame.rows.prefix(3))")
                #expect(frame.percent(of: "made_instead") == 0)
            }
            kill(made.pid, SIGUSR1)
            // The frame in which it happens has both.
            try watched.wait("samples of the second") { $0.contains { $0.percent(of: "made_instead") > 0 } }
            try watched.settle(frames: 2)
            let last = try #require(watched.frames.last { $0.samples > 0 })
            #expect(last.userPercent(of: "made_instead") > 90, "\(last.rows.prefix(3))")
            #expect(last.percent(of: "made_first") == 0)
        }

        @Test("a program's own text in other pages has the file's names", arguments: ["mapped", "remapped"])
        func movedText(how: String) throws {
            let moved = try Program.movedText.start([how, "90"], until: "ready")
            let frame = try sampleShares(["-p", "\(moved.pid)"])
            moved.stop()
            #expect(abs(frame.share(of: "moved_first", beside: "moved_second") - 75) <= 6, "\(frame.rows.prefix(3))")
            #expect(frame.userPercent(of: "moved_first", "moved_second") > 90, "\(frame.rows.prefix(3))")
        }

        @Test(
            "node's own map, also where it numbers itself otherwise", .needs(whyNoNode),
            arguments: whyNoNamespaces == nil ? [false, true] : [false])
        func node(inNamespace: Bool) throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let script = """
                function hotOne(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i) * 1.1; return s }
                const until = Date.now() + 90000; let x = 0;
                console.log('ready');
                while (Date.now() < until) x += hotOne(1e6);
                """
            let file = folder.path + "/hot.js"
            try script.write(toFile: file, atomically: true, encoding: .utf8)
            // It leaves a log where it stands.
            let words = ["-C", folder.path, "node", "--perf-basic-prof", "--no-turbo-inlining", file]
            let outer = inNamespace ? ["unshare", "-p", "-f", "--mount-proc", "env"] : []
            let node = try Running("/usr/bin/env", outer + words)
            try node.wait(for: "ready")
            let pid = inNamespace ? try child(of: node.pid) : node.pid
            let frame = try sampleShares(["-p", "\(pid)"])
            kill(pid, SIGKILL)
            let hot = frame.userPercent { $0.symbol.contains("hotOne") && $0.kind == "jit" }
            #expect(hot > 80, "\(frame.rows.prefix(4))")
            #expect(frame.naming.jitWithoutMap * 100 <= frame.samples)
        }

        @Test("java's own map, asked for while it runs", .needs(whyNoJava), .slow)
        func java() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let source = """
                public class Hot {
                    static long hotLoop(long n) { long s = 0; for (long i = 0; i < n; i++) s += Long.bitCount(i * 31); return s; }
                    public static void main(String[] a) {
                        long end = System.currentTimeMillis() + 90000, x = 0;
                        System.out.println("ready");
                        while (System.currentTimeMillis() < end) x += hotLoop(1000000);
                        System.out.println(x);
                    }
                }
                """
            try source.write(toFile: folder.path + "/Hot.java", atomically: true, encoding: .utf8)
            let java = try Running("/usr/bin/env", ["java", folder.path + "/Hot.java"])
            try java.wait(for: "ready")
            let watched = try Watched(["-p", "\(java.pid)", "-d", "1"])
            try watched.wait("samples") { $0.contains { $0.samples > 0 } }
            let mapped = try run("/usr/bin/env", ["jcmd", "\(java.pid)", "Compiler.perfmap"], within: 60)
            #expect(mapped.status == 0, "\(mapped.errors)")
            // One map is a moment of the compiler's; what it compiles later has no name, and no wrong one.
            try watched.wait("more than half of the time by name") {
                $0.contains { $0.percent { $0.symbol.contains("hotLoop") && $0.kind == "jit" } > 50 }
            }
            java.stop()
        }

        /// The one process that `unshare -f` has started.
        private func child(of pid: Int32) throws -> Int32 {
            let text = try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
            return try #require(text.split(separator: " ").first.flatMap { Int32($0) })
        }
    }
}

private let whyNoNode = Machine.has("node") ? nil : "node is not installed"
private let whyNoJava = Machine.has("java") && Machine.has("jcmd") ? nil : "java is not installed, or no jcmd with it"
