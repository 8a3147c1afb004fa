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
    }
}

private let whyNoFUSE: String? = {
    if geteuid() != 0 { return "mounting needs root" }
    return unsafe access("/dev/fuse", W_OK) == 0 ? nil : "no /dev/fuse"
}()
