import Foundation
import Testing

extension EndToEnd {
    /// A file system over the folder of a mapped file that never answers whoever asks it.
    @Suite("names: behind a file system that does not answer", .needsPerf, .needsCompiler, .needs(whyNoFUSE))
    struct SilentFolders {
        @Test("it is not asked, and a signal ends all at once", arguments: [("here", SIGTERM), ("apart", SIGINT)])
        func notAsked(place: String, signal: Int32) throws {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let program = try Program.silent.copy(to: folder, as: "program")
            defer { _ = unsafe umount2(folder.path, Int32(MNT_DETACH)) }
            let computing = try program.start([place], until: "ready")
            let watched = try Watched(["-p", "\(computing.pid)", "-d", "0.3"])
            try watched.wait("samples of it") { frames in
                frames.flatMap(\.rows).contains { $0.process == "program" && $0.selfSamples > 100 }
            }
            let frames = try watched.interrupt(by: signal, within: 1.5)
            #expect(frames.flatMap(\.rows).contains { $0.symbol == "computes" }, "\(frames.last?.rows.prefix(5) ?? [])")
            #expect(!computing.errors.contains("asked"))
        }

        /// A program on an overlay whose lower layer is a file system that falls silent.
        private final class Stacked {
            let folder: URL
            let computing: Running

            init() throws {
                folder = try Scratch.folder()
                for name in ["lower", "upper", "work", "merged"] {
                    let inner = folder.appendingPathComponent(name)
                    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: false)
                }
                computing = try Program.stacked.start([folder.path], until: "ready")
            }

            deinit {
                computing.stop()
                for name in ["merged", "lower"] {
                    unsafe umount2(folder.appendingPathComponent(name).path, Int32(MNT_DETACH))
                }
                try? FileManager.default.removeItem(at: folder)
            }

            func fallSilent() throws {
                let words = computing.output.split(whereSeparator: \.isWhitespace)
                kill(try #require(words.dropFirst().first.flatMap { Int32($0) }), SIGUSR1)
            }
        }

        @Test("a file on a stacked file system is read by another process")
        func stacked() throws {
            let scene = try Stacked()
            let frames = try sample(["-p", "\(scene.computing.pid)", "-n", "1", "-d", "1"])
            #expect(frames.flatMap(\.rows).samples(of: "computes") > 0)
        }

        @Test("over many runs no more are left behind than by one", .slow)
        func strays() throws {
            let scene = try Stacked()
            try scene.fallSilent()
            func stuck() -> Int {
                let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
                return all.count { pid in
                    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else {
                        return false
                    }
                    return stat.contains("(perftop-files) D")
                }
            }
            for _ in 0..<12 {
                let watched = try Watched(["-p", "\(scene.computing.pid)", "-d", "0.3"])
                try watched.wait("a note") { frames in
                    frames.contains { $0.notes.contains { $0.contains("does not answer") } }
                }
                _ = try watched.interrupt(by: SIGTERM, within: 1.5)
            }
            #expect(stuck() <= 8)
        }

        @Test("--symbols is ended by a signal as well where it falls silent")
        func symbols() throws {
            let scene = try Stacked()
            let maps = try String(contentsOfFile: "/proc/\(scene.computing.pid)/maps", encoding: .utf8)
            let line = try #require(maps.split(separator: "\n").first { $0.contains(" r-xp ") })
            try scene.fallSilent()
            let asked = try Running(
                Machine.binary, ["--symbols", "0x" + line.prefix { $0 != "-" }, "-p", "\(scene.computing.pid)"])
            let outcome = asked.finish(within: 20)
            #expect(outcome.status == 0 && outcome.output.contains("does not answer"), "\(outcome)")
        }

        @Test(
            "where it falls silent, it is said, the process that waits there is left behind, and a signal ends the rest at once"
        )
        func fallsSilent() throws {
            let scene = try Stacked()
            try scene.fallSilent()
            let watched = try Watched(["-p", "\(scene.computing.pid)", "-d", "0.3"])
            try watched.wait("a note") { frames in
                frames.contains {
                    $0.notes.contains { $0.contains("does not answer (processes left behind there: 1)") }
                }
            }
            let frames = try watched.interrupt(by: SIGTERM, within: 1.5)
            #expect(frames.flatMap(\.rows).contains { $0.process == "program" })
            #expect(!frames.flatMap(\.rows).contains { $0.symbol == "computes" })
        }
    }
}

private let whyNoFUSE: String? = {
    if geteuid() != 0 { return "mounting needs root" }
    return unsafe access("/dev/fuse", W_OK) == 0 ? nil : "no /dev/fuse"
}()
