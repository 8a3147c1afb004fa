import Foundation
import Testing

extension EndToEnd {
    /// Names of root's processes, with a plain user beside them who has the same path, the same build-id and other names in a
    /// mount namespace of his own.
    @Suite(
        "names: what another user would have them be", .needsPerfOfAll, .needsCompiler, .needs(whyNoUsers),
        .needs(whyNoUserNamespace))
    struct ForeignNames {
        enum Lie: CaseIterable { case debugFile, image }

        /// A root with one program, stripped, and what the other user has in its stead.
        private final class Jail {
            let folder: URL
            let root: String
            var program: String { root + "/bin/app" }

            init() throws {
                folder = try Scratch.folder()
                root = folder.path + "/jail"
                for place in ["bin", "usr/lib/debug"] {
                    try FileManager.default.createDirectory(
                        atPath: "\(root)/\(place)", withIntermediateDirectories: true)
                }
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
                let whole = try Program.staticTwofold.copy(to: folder, as: "whole").path
                let forged = folder.path + "/forged"
                try prepare("strip", "-o", program, whole)
                try prepare(
                    "objcopy", "--redefine-sym", "old_a=blame_root", "--redefine-sym", "old_b=blame_root_too", whole,
                    forged)
                try prepare("objcopy", "--only-keep-debug", forged, forged + ".debug")
                try prepare("chmod", "a+rx", forged, program)
            }

            deinit { try? FileManager.default.removeItem(at: folder) }

            private func prepare(_ words: String...) throws {
                let outcome = try run("/usr/bin/env", words)
                try #require(outcome.status == 0, "\(words): \(outcome.errors)")
            }

            func victim() throws -> Running {
                let running = try Running("/usr/bin/env", ["chroot", root, "/bin/app", "60", "name", "victim"])
                try running.wait(for: "ready")
                return running
            }

            func attacker(_ lie: Lie, by user: User = .plain) throws -> Running {
                let id = try buildID()
                let place = "\(root)/usr/lib/debug/.build-id/\(id.prefix(2))"
                let lying =
                    lie == .image
                    ? "mount --bind \(folder.path)/forged \(program)"
                    : "mount -t tmpfs -o mode=755 none \(root)/usr/lib/debug && mkdir -p \(place) && "
                        + "cp \(folder.path)/forged.debug \(place)/\(id.dropFirst(2)).debug"
                let script = "\(lying) && exec chroot \(root) /bin/app 60 name attacker"
                let running = try Running(
                    "/usr/bin/env", user.prefix + ["unshare", user == .root ? "-m" : "-Urm", "sh", "-c", script])
                try running.wait(for: "ready")
                return running
            }

            private func buildID() throws -> String {
                let notes = try run("/usr/bin/env", ["readelf", "-n", program])
                let words = notes.output.split { $0.isWhitespace }
                let place = try #require(words.firstIndex(of: "ID:"), "\(notes.output)")
                return String(words[place + 1])
            }
        }

        @Test("they stay their own, whoever comes first", arguments: Lie.allCases, [true, false])
        func lent(lie: Lie, isAttackerFirst: Bool) throws {
            let names = try names(of: Jail(), lie, isAttackerFirst, by: .plain)
            #expect(!names.victim.contains { $0.hasPrefix("blame") }, "\(names)")
            #expect(names.victim.contains { $0.hasPrefix("[fn ") }, "\(names)")
        }

        @Test(
            "nor when they are gone by the time root's begins, in a root that has the number of theirs",
            arguments: Lie.allCases)
        func gone(lie: Lie) throws {
            let jail = try Jail()
            let watched = try Watched(["-a", "-d", "0.4"])
            try watched.wait("a frame") { !$0.isEmpty }
            func sampled(_ process: String) -> (([Report]) -> Bool) {
                { frames in
                    frames.flatMap(\.rows).filter { $0.process == process && $0.module == "app" }.samples > 200
                }
            }
            let attacker = try jail.attacker(lie)
            try watched.wait("samples of the attacker", until: sampled("attacker"))
            attacker.stop()
            // The first free number of a mount is the next one's.
            let victim = try Running(
                "/usr/bin/env", ["unshare", "-m", "chroot", jail.root, "/bin/app", "60", "name", "victim"])
            try victim.wait(for: "ready")
            try watched.wait("samples of the victim", until: sampled("victim"))
            let names = Set(try watched.interrupt().flatMap(\.rows).filter { $0.process == "victim" }.map(\.symbol))
            #expect(!names.contains { $0.hasPrefix("blame") }, "\(names)")
        }

        @Test("what root has put into a root of its own names what runs in there, and nothing else")
        func installed() throws {
            let names = try names(of: Jail(), .debugFile, true, by: .root)
            #expect(names.attacker.contains("blame_root"), "\(names)")
            #expect(!names.victim.contains { $0.hasPrefix("blame") }, "\(names)")
        }

        private func names(
            of jail: Jail, _ lie: Lie, _ isAttackerFirst: Bool, by user: User
        ) throws -> (victim: Set<String>, attacker: Set<String>) {
            let watched = try Watched(["-a", "-d", "0.4"])
            try watched.wait("a frame") { !$0.isEmpty }
            func sampled(_ process: String) -> (([Report]) -> Bool) {
                { frames in
                    frames.flatMap(\.rows).filter { $0.process == process && $0.module == "app" }
                        .reduce(0) { $0 + $1.selfSamples } > 200
                }
            }
            let first = try isAttackerFirst ? jail.attacker(lie, by: user) : jail.victim()
            try watched.wait("samples of the first", until: sampled(isAttackerFirst ? "attacker" : "victim"))
            let second = try isAttackerFirst ? jail.victim() : jail.attacker(lie, by: user)
            try watched.wait("samples of both") { sampled("attacker")($0) && sampled("victim")($0) }
            let frames = try watched.interrupt()
            first.stop()
            second.stop()
            func names(_ process: String) -> Set<String> {
                Set(frames.flatMap(\.rows).filter { $0.process == process }.map(\.symbol))
            }
            return (names("victim"), names("attacker"))
        }
    }
}

/// Why a plain user cannot have namespaces of his own here, or nil.
private let whyNoUserNamespace: String? = {
    if whyNoUsers != nil { return nil }
    let outcome = try? run("/usr/bin/env", User.plain.prefix + ["unshare", "-Urm", "true"])
    return outcome?.status == 0 ? nil : "no user namespaces for plain users here: \(outcome?.errors ?? "")"
}()
