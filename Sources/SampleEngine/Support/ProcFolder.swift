internal import CLinuxShims
internal import Glibc

/// Which folder tells of the processes that we, and the kernel's records, know by their numbers: the one place that knows.
///
/// A `/proc` numbers processes as the pid namespace does that it was mounted for. `unshare --pid` without
/// `--mount-proc`, the host's `/proc` in a container, `nsenter`: there our process 2 is somebody else's 4711, and its
/// 2 somebody else.
package enum ProcFolder {
    /// What stands before `/PID/…`. Where no `/proc` is ours it is a place below which nothing is: no name, and no wrong
    /// one.
    package static let root = isOurs("/proc") ? "/proc" : "/dev/null"

    /// What it takes to see of a process there what everybody may see: nothing, unless it hides others' (hidepid).
    package static let rights: Rights = isHidden(1) ? .processes : []

    /// Whether the folder shows nothing of a process that is there, with our user's own rights.
    private static func isHidden(_ pid: Int32) -> Bool {
        let isThere = kill(pid, 0) == 0 || errno == EPERM
        return isThere && (try? fileBytes("\(root)/\(pid)/comm", limit: 1)) == nil
    }

    /// Whether a folder numbers processes as we do.
    ///
    /// - Parameter pid: our own number.
    package static func isOurs(_ proc: String, pid: Int32 = getpid()) -> Bool {
        guard linkTarget("\(proc)/self", limit: 32).elementsEqual("\(pid)".utf8),
            let status = try? fileBytes("\(proc)/self/status", limit: 65_536)
        else { return false }
        // Two namespaces may give us one number. NSpid has a number for each namespace from the folder's own to the
        // process's; before 4.1 it is not written.
        let line = status.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "NSpid:".utf8) }
        return line.map { $0.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }.count == 2 } ?? true
    }

    // MARK: What it lacks

    /// What keeps `/proc` from telling of processes or of the kernel.
    package enum Lack: CaseIterable, Sendable {
        case missing
        /// It is of another pid namespace.
        case foreign
        /// `subset=pid`: only processes.
        case kernel
        /// `hidepid`: others' processes show nothing to us.
        case others

        /// What it is, what that costs and what to do.
        package var note: String {
            switch self {
            case .missing:
                "no /proc is mounted here: processes that were there before have a number for a name, and most functions "
                    + "none; mount it (mount -t proc proc /proc), or use sudo"
            case .foreign:
                "/proc here is of another pid namespace and numbers processes otherwise: nothing is taken from it, so that "
                    + "names are missing and none is wrong; use sudo, or unshare with --mount-proc"
            case .kernel:
                "/proc here has processes only (subset=pid): functions of the kernel have no names; use sudo"
            case .others:
                "/proc here hides the processes of others (hidepid): they have a number for a name, and most of their "
                    + "functions none; use sudo"
            }
        }
    }

    /// What the present `/proc` lacks, the worst of it; nil where it has all.
    package static func lack() -> Lack? {
        if !isOurs("/proc") {
            // In the folder of an inner namespace we have no number, and `self` leads nowhere.
            return unsafe access("/proc/version", F_OK) == 0 || !linkTarget("/proc/self").isEmpty ? .foreign : .missing
        }
        if unsafe access("/proc/sys/kernel", F_OK) != 0 { return .kernel }
        // The first process of the namespace shows its name to everybody, unless it is hidden.
        if isHidden(1), (try? fileBytes("\(root)/1/comm", limit: 1, raising: .processes)) == nil { return .others }
        return nil
    }

    /// Takes a `/proc` of our own pid namespace where the present one lacks something, if we may mount one: in a mount
    /// namespace of our own, so that nobody else sees it.
    ///
    /// Before there are other threads and `root` was asked for, and after a command was forked: it stays where it is.
    package static func prepare() {
        if isOurs("/proc"), unsafe access("/proc/sys/kernel", F_OK) == 0 { return }
        if Rights.raising(.ownProc, pt_mount_own_proc) == 0 { pt_read_clock_shift() }
    }
}
