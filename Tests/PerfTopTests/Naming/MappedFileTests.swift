import Foundation
import Testing

extension EndToEnd {
    /// Which file an address belongs to: the one that was mapped, whatever its path says now. Each program knows what it
    /// computes in, and is the oracle.
    @Suite("names: mapped files", .needsPerf, .needsCompiler)
    struct MappedFiles {
        @Test("a program that was replaced while it runs keeps its own names")
        func replaced() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let running = try Program.oldTwofold.copy(to: folder, as: "program").start(until: "ready")
            _ = try Program.newTwofold.copy(to: folder, as: "other")
            #expect(unsafe rename(folder.path + "/other", folder.path + "/program") == 0)
            try expectOldNames(of: running)
        }

        @Test("a program that has removed its own file")
        func removed() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let running = try Program.oldTwofold.copy(to: folder, as: "program").start(
                ["60", "unlink"], until: "ready")
            try expectOldNames(of: running)
        }

        @Test("a plain user's own program, replaced: its names still, through /proc/PID/exe", .needs(whyNoUsers))
        func replacedPlain() throws {
            let workshop = try Workshop()
            let folder = workshop.folder
            let program = try Program.oldTwofold.copy(to: folder, as: "program")
            let running = try Running("/usr/bin/env", User.plain.prefix + [program.path])
            try running.wait(for: "ready")
            _ = try Program.newTwofold.copy(to: folder, as: "other")
            #expect(unsafe rename(folder.path + "/other", program.path) == 0)
            let frame = try sampleShares(
                ["-p", "\(running.pid)"], by: User.plain.prefix + [workshop.path("perftop")])
            expectShares(frame, "old_a", "old_b")
        }

        @Test("a plain user's own program, replaced in his folder, as root sees it", .needs(whyNoUsers))
        func replacedSeenByRoot() throws {
            let workshop = try Workshop()
            let program = try Program.oldTwofold.copy(to: workshop.plainFolder, as: "program")
            let other = try Program.newTwofold.copy(to: workshop.plainFolder, as: "other")
            var folder = stat()
            try #require(unsafe stat(workshop.plainFolder.path, &folder) == 0)
            for file in [program, other] { try #require(unsafe chown(file.path, folder.st_uid, folder.st_gid) == 0) }
            // Its mapping is told by a record, with a build-id and no inode.
            let watched = try Watched(["-a", "-d", "0.3"])
            try watched.wait("a frame") { !$0.isEmpty }
            let running = try Running("/usr/bin/env", User.plain.prefix + [program.path, "60", "name", "replaced"])
            try running.wait(for: "ready")
            try #require(unsafe rename(other.path, program.path) == 0)
            try watched.wait("its samples") { frames in
                frames.flatMap(\.rows).filter { $0.process == "replaced" && !$0.isKernel }
                    .reduce(0) { $0 + $1.selfSamples } > 100
            }
            let names = Set(try watched.interrupt().flatMap(\.rows).filter { $0.process == "replaced" }.map(\.symbol))
            #expect(names.contains("old_a") && !names.contains("new_x"), "\(names)")
        }

        @Test(
            "a program without a build-id that another one takes the place of, on a file system without devices too",
            .needs(FileManager.default.isWritableFile(atPath: "/dev/shm") ? nil : "/dev/shm cannot be written"),
            arguments: ["/dev/shm", "disk"])
        func replacedAtExec(place: String) throws {
            let folder = try place == "disk" ? Scratch.folder() : URL(fileURLWithPath: "\(place)/perftop-\(getpid())")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let first = try Program.oldNameless.copy(to: folder, as: "program")
            let second = try Program.newNameless.copy(to: folder, as: "other")
            let watched = try Watched(["-d", "0.2", "--", first.path, "60", "become", second.path])
            func samples(_ frames: [Report], where condition: (String) -> Bool) -> Int {
                frames.flatMap(\.rows).filter { condition($0.symbol) }.reduce(0) { $0 + $1.selfSamples }
            }
            try watched.wait("samples of the second") { samples($0) { $0.hasPrefix("new_") } >= 500 }
            let frames = try watched.interrupt()
            let old = samples(frames) { $0.hasPrefix("old_") || $0 == "[file changed]" }
            let new = samples(frames) { $0.hasPrefix("new_") }
            // The first program ran for half a second of its own time, the second for the rest: its names go no further.
            let all = frames.reduce(0) { $0 + $1.samples }
            #expect(old >= 400 && old <= 600, "\(old) of \(all)")
            #expect(old + new >= all * 9 / 10, "\(old) and \(new) of \(all)")
        }

        @Test("a library that is written over in place: whoever maps it afterwards has the new names", .needsPerfOfAll)
        func writtenOver() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let library = try Program.namelessFirst.copy(to: folder, as: "library.so")
            // One perftop sees both: the second is started once the file is another.
            let watched = try Watched(["-a", "-d", "0.5"])
            func samples(_ frames: some Sequence<Report>, of name: String? = nil) -> Int {
                frames.flatMap(\.rows).filter { $0.module == "library.so" && $0.symbol == name ?? $0.symbol }
                    .reduce(0) { $0 + $1.selfSamples }
            }
            let first = try Program.loader.start(["plain", library.path, "mapped_first"], until: "ready")
            try watched.wait("the first library's name") { samples($0, of: "mapped_first") >= 100 }
            first.stop()
            // What is left of it is in the frame that is open now, or in the one behind, and frames may wait for names.
            let gone = Date().addingTimeInterval(0.6).ISO8601Format(
                .iso8601(timeZone: .gmt, includingFractionalSeconds: true))
            try watched.wait("a frame without the first library") { frames in
                frames.last.map { $0.time > gone } ?? false
            }
            let place = watched.frames.prefix { $0.time <= gone }.count
            let copied = try run("/bin/sh", ["-c", #"cat "$0" >"$1""#, Program.namelessSecond.path, library.path])
            try #require(copied.status == 0, "\(copied.errors)")
            let second = try Program.loader.start(["plain", library.path, "mapped_second"], until: "ready")
            try watched.wait("the second library's name") {
                samples($0.dropFirst(place), of: "mapped_second") >= 100
            }
            second.stop()
            let later = watched.frames.dropFirst(place)
            #expect(samples(later, of: "mapped_first") == 0, "\(later)")
            #expect(samples(later, of: "mapped_second") * 10 >= samples(later) * 9, "\(later)")
        }

        @Test(
            "a plain user's library that was replaced: said as such, and never the new one's names", .needs(whyNoUsers))
        func replacedLibrary() throws {
            let workshop = try Workshop()
            let library = try Program.mappedFirst.copy(to: workshop.folder, as: "library.so")
            let loader = try Program.loader.copy(to: workshop.folder, as: "loader")
            let running = try Running(
                "/usr/bin/env", User.plain.prefix + [loader.path, "plain", library.path, "mapped_first"])
            try running.wait(for: "ready")
            _ = try Program.mappedSecond.copy(to: workshop.folder, as: "other.so")
            #expect(unsafe rename(workshop.folder.path + "/other.so", library.path) == 0)
            let frame = try sampleShares(
                ["-p", "\(running.pid)"], by: User.plain.prefix + [workshop.path("perftop")])
            #expect(frame.userPercent(of: "[file changed]") > 90, "\(frame.rows.prefix(3))")
        }

        @Test("a library with a newline, spaces and (deleted) in its name is one module, and its name is escaped")
        func oddName() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let library = try Program.mappedFirst.copy(to: folder, as: "lib\nodd name (deleted)")
            let running = try Program.loader.start(["plain", library.path, "mapped_first"], until: "ready")
            let frame = try sampleShares(["-p", "\(running.pid)"])
            let rows = frame.rows.filter { $0.symbol == "mapped_first" }
            // It was mapped before us, so its name comes from /proc, which writes a newline in octal digits.
            #expect(rows.map(\.module) == ["lib\\012odd name (deleted)"])
            #expect(frame.userPercent(of: "mapped_first") > 90)
            #expect(rows.allSatisfy { !$0.modulePath.contains("\n") })
        }

        @Test(
            "a library however it was loaded",
            arguments: ["plain", "memfd", "fork", "vm", "leader"])
        func loaded(how: String) throws {
            let running = try Program.loader.start(
                [how, Program.mappedFirst.path, "mapped_first"], until: "ready")
            let frame = try sampleShares(["-p", "\(running.pid)"])
            // With fork and vm there are two processes, and -p takes the living child too; after fork each has its own work.
            let names = how == "fork" ? ["own_work", "mapped_first"] : ["mapped_first"]
            #expect(frame.userPercent { names.contains($0.symbol) } > 90, "\(frame.rows.prefix(3))")
            #expect(names.allSatisfy { frame.userPercent(of: $0) > 20 }, "\(frame.rows.prefix(3))")
            #expect(frame.naming.unknown * 50 <= frame.samples)
        }

        @Test(
            "a library that only a forked child has, and one process that shares memory with another", .needsPerfOfAll)
        func loadedByOthers() throws {
            for how in ["fork", "vm"] {
                let running = try Program.loader.start(
                    [how, Program.mappedFirst.path, "mapped_first"], until: "ready")
                let isOwn = { (row: Report.Row) in row.process == "loader" && !row.isKernel }
                let rows = try sampleFrames(["-a"], each: isOwn).rows(where: isOwn)
                running.stop()
                let expected = how == "fork" ? ["mapped_first", "own_work"] : ["mapped_first"]
                for name in expected {
                    #expect(rows.samples(of: name) * 100 > 45 * rows.samples / expected.count, "\(how): \(rows)")
                }
                #expect(rows.samples(of: "[unknown]") * 50 < rows.samples, "\(how): \(rows)")
            }
        }

        @Test("a program of another mount namespace", .needs(whyNoNamespaces))
        func mountNamespace() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let script = """
                mount -t tmpfs none "$1" && cp "$2" "$1/hidden" && exec "$1/hidden"
                """
            let running = try Running(
                "/usr/bin/env",
                ["unshare", "-m", "sh", "-c", script, "sh", folder.path, Program.oldTwofold.path])
            try running.wait(for: "ready")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/hidden"))
            try expectOldNames(of: running)
        }

        @Test("a program on an overlay is one module", .needs(whyNoNamespaces))
        func overlay() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let script = """
                cd "$1" && mount -t tmpfs none . && cd "$1" && mkdir lower upper work merged &&
                cp "$2" lower/program && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none merged &&
                exec merged/program
                """
            let running = try Running(
                "/usr/bin/env",
                ["unshare", "-m", "sh", "-c", script, "sh", folder.path, Program.oldTwofold.path])
            try running.wait(for: "ready")
            let frame = try expectOldNames(of: running)
            #expect(Set(frame.rows.filter { $0.kind == "user" }.map(\.module)) == ["program"])
        }

        @Test("children that live for milliseconds, named by path and build-id", .needsPerfOfAll)
        func shortLives() throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let loop = "while :; do timeout -s KILL 0.005 \(Program.oldTwofold.path) >/dev/null 2>&1; done"
            let running = try Running("/bin/sh", ["-c", loop])
            let isChild = { (row: Report.Row) in row.process == "old-twofold" && !row.isKernel }
            let rows = try sampleFrames(["-a"], each: isChild).rows(where: isChild)
            running.stop()
            #expect(rows.contains { $0.symbol == "old_a" })
            #expect(rows.samples(of: "[unknown]") * 100 <= rows.samples, "\(rows)")
        }

        @Test("a 32-bit process")
        func bits32() throws {
            let running = try Program.tiny32.start()
            let frame = try sampleShares(["-p", "\(running.pid)"])
            expectShares(frame, "tiny_alpha", "tiny_beta")
        }

        @Test("the kernel's own page of code in every process")
        func vdso() throws {
            let running = try Program.clocks.start(until: "ready")
            let frame = try sampleShares(["-p", "\(running.pid)"])
            let inside = frame.rows.filter { $0.module == "[vdso]" }
            #expect(frame.userPercent { $0.module == "[vdso]" } > 30, "\(frame.rows.prefix(4))")
            #expect(inside.allSatisfy { $0.symbol.contains("clock_gettime") || $0.symbol.hasPrefix("[fn") })
        }

        @discardableResult
        private func expectOldNames(of running: Running) throws -> Report {
            let frame = try sampleShares(["-p", "\(running.pid)"])
            expectShares(frame, "old_a", "old_b")
            return frame
        }

        private func expectShares(
            _ frame: Report, _ first: String, _ second: String, sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(
                abs(frame.share(of: first, beside: second) - 75) <= 6, "\(frame.rows.prefix(3))",
                sourceLocation: sourceLocation)
            #expect(
                frame.userPercent(of: first, second) > 90, "\(frame.rows.prefix(3))", sourceLocation: sourceLocation)
            #expect(!frame.rows.contains { $0.symbol.hasPrefix("new_") }, sourceLocation: sourceLocation)
        }
    }
}

/// Why no namespaces can be made here, or nil.
let whyNoNamespaces: String? = {
    if geteuid() != 0 { return "mounting needs root" }
    guard Machine.has("unshare") else { return "unshare is not installed" }
    let outcome = try? run("/usr/bin/env", ["unshare", "-m", "-p", "-f", "true"])
    return outcome?.status == 0 ? nil : "no namespaces here: \(outcome?.errors ?? "")"
}()
