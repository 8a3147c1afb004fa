internal import Glibc

/// What to do where the kernel refuses: the exact setting or command, for the user that we are.
extension KernelLimits {
    /// What `setcap` gives to the program, so that it needs no root: to sample, to see what others have mapped, and
    /// where the kernel's functions are. Permitted, not effective: it raises each where it is needed (`Rights`).
    private static let capabilities = "cap_perfmon,cap_sys_ptrace,cap_syslog=p"

    static let containerRemedy = "in a container: --security-opt seccomp=unconfined --cap-add PERFMON"

    /// How to be permitted what needs more than we have.
    ///
    /// - Parameter level: the highest `perf_event_paranoid` at which this would work; nil where no level helps.
    func remedy(level: Int?) -> String {
        let setting = level.map { "sysctl kernel.perf_event_paranoid=\($0)" }
        if isInsideUserNamespace {
            let outside = setting.map { ", or there: sudo \($0)" } ?? ""
            return "root of a user namespace does not count: use sudo outside of the (rootless) container" + outside
        }
        if geteuid() == 0 {
            let host = setting.map { ", or on the host: sudo \($0)" } ?? ""
            return "root without CAP_PERFMON; in a container: --cap-add PERFMON" + host
        }
        return "use sudo" + (setting.map { ", or: sudo \($0)" } ?? "") + ", or for a group: \(Self.setcapForGroup)"
    }

    /// As `remedy(level:)`, for a note beside a picture that shows less than it could.
    func shortRemedy(level: Int) -> String {
        let setting = "sudo sysctl kernel.perf_event_paranoid=\(level)"
        if isInsideUserNamespace { return "outside of the container: \(setting)" }
        if geteuid() == 0 { return "--cap-add PERFMON, or on the host: \(setting)" }
        return "sudo, or \(setting)"
    }

    /// Why functions of processes that we may not read have no names, and what would give them some.
    var namesOfUnreadable: String {
        let why = "processes that you may not read: some functions have no names; with names: "
        if isInsideUserNamespace { return why + "sudo outside of the container" }
        return why + (geteuid() == 0 ? "--cap-add SYS_PTRACE" : "sudo, or \(Self.setcap)")
    }

    /// Why the kernel's functions have no names, and what would give them some.
    var namesOfKernel: String {
        let restriction = fileNumber("/proc/sys/kernel/kptr_restrict") ?? 1
        let why = "kernel functions have no names "
        // At 2 they are hidden from everybody; at 0 they are shown to all who may count the kernel by the setting.
        if mayReadKernelAddresses {
            return why + "(kernel.kptr_restrict is \(restriction)): sudo sysctl kernel.kptr_restrict=1"
        }
        let hidden = restriction > 1 ? ", with sudo sysctl kernel.kptr_restrict=1" : ""
        let setting = paranoid <= 1 ? ", or sudo sysctl kernel.kptr_restrict=0" : ""
        let how: String
        if isInsideUserNamespace {
            how = "sudo outside of the container"
        } else if geteuid() == 0 {
            how = "--cap-add SYSLOG"
        } else {
            how = "sudo, or \(Self.setcap)"
        }
        return why + "(no CAP_SYSLOG): " + how + hidden + setting
    }

    /// Whoever may run such a file sees with it what root sees of others: so it is not for everybody.
    private static var setcapForGroup: String {
        "P=\(ownPath()); sudo chgrp GROUP $P; sudo chmod 750 $P; sudo setcap \(capabilities) $P"
    }

    private static var setcap: String { "sudo setcap \(capabilities) \(ownPath())" }

    private static func ownPath() -> String {
        let bytes = linkTarget("/proc/self/exe")
        return bytes.isEmpty ? "perftop" : displayText(bytes, limit: 400)
    }
}
