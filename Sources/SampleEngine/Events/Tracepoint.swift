internal import Glibc

/// Finds tracepoints below tracefs.
enum Tracepoint {
    /// tracefs itself, and where old kernels show it through debugfs.
    private static let roots = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]

    /// The number perf_event_open(2) wants for a tracepoint.
    static func id(subsystem: String, name: String) throws(EngineError) -> UInt64 {
        let what = "event '\(subsystem):\(name)'"
        var denied = false
        for root in roots {
            do throws(Errno) {
                let bytes = try fileBytes("\(root)/events/\(subsystem)/\(name)/id", limit: 64)
                if let id = number(in: bytes) { return id }
            } catch {
                if error == .access || error == .permission { denied = true }
            }
        }
        if denied, let access {
            throw EngineError(
                what: what, why: "only root may read \(roots[0])", remedy: "use sudo, or: \(access)")
        }
        if let root = roots.first(where: { !directoryNames($0 + "/events").isEmpty }) {
            throw EngineError(what: what, why: "no such tracepoint", remedy: suggestion(subsystem, name, below: root))
        }
        throw EngineError(
            what: what, why: "tracefs is not mounted",
            remedy: "mount it: \(access ?? "mount -t tracefs nodev \(roots[0])")")
    }

    /// What an `id` file says.
    static func number(in bytes: [UInt8]) -> UInt64? {
        UInt64(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
    }

    /// What lets a plain user read tracefs, nil for root.
    ///
    /// It takes the group: files of single tracepoints are closed to others whatever the mode of the mount.
    static var access: String? {
        if geteuid() == 0 { return nil }
        var (here, above) = (stat(), stat())
        let isKnown = unsafe stat(roots[0], &here) == 0 && stat("/sys/kernel", &above) == 0
        let isMounted = isKnown && here.st_dev != above.st_dev
        let group = "mode=750,gid=\(getegid())"
        return "sudo mount " + (isMounted ? "-o remount,\(group) " : "-t tracefs -o \(group) nodev ") + roots[0]
    }

    /// Whether tracepoints can be looked up.
    static var isReadable: Bool { roots.contains { !directoryNames($0 + "/events").isEmpty } }

    private static func suggestion(_ subsystem: String, _ name: String, below root: String) -> String {
        let subsystems = directoryNames(root + "/events")
        guard subsystems.contains(subsystem) else {
            let near = closest(to: subsystem, among: subsystems)
            return near.isEmpty ? "" : "did you mean subsystem \(near.joined(separator: ", "))?"
        }
        let all = directoryNames("\(root)/events/\(subsystem)").filter { $0 != "enable" && $0 != "filter" }
        let near = closest(to: name, among: all)
        return near.isEmpty ? "" : "did you mean \(near.map { "\(subsystem):\($0)" }.joined(separator: ", "))?"
    }
}
