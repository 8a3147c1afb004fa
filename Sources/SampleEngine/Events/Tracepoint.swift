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
                let digits = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
                if let id = UInt64(digits) { return id }
            } catch {
                if error == .access || error == .permission { denied = true }
            }
        }
        if let root = roots.first(where: { !directoryNames($0 + "/events").isEmpty }) {
            throw EngineError(what: what, why: "no such tracepoint", remedy: suggestion(subsystem, name, below: root))
        }
        let readable = unsafe access(roots[0], R_OK) == 0
        if denied || geteuid() != 0, !readable {
            throw EngineError(
                what: what, why: "tracepoints need access to \(roots[0])",
                remedy: "run as root, or: sudo mount -o remount,mode=755 \(roots[0])")
        }
        throw EngineError(
            what: what, why: "tracefs is not mounted", remedy: "mount it: mount -t tracefs nodev \(roots[0])")
    }

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
