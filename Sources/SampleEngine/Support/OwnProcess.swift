internal import CLinuxShims
internal import Glibc

/// Resident memory of this process in KiB (`/proc/self/statm`), 0 where it cannot be read.
package func ownResidentKilobytes() -> UInt64 {
    guard let bytes = try? fileBytes("/proc/self/statm", limit: 256) else { return 0 }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
    return pages &* UInt64(max(1024, sysconf(Int32(_SC_PAGESIZE)))) / 1024
}

/// Gives back memory that is free inside of the allocator.
func trimOwnMemory() { pt_trim_memory() }

/// Whether this process sees every process of the machine: its pid namespace is the kernel's first.
package func ownPIDNamespaceIsOutermost() -> Bool {
    var status = stat()
    // PROC_PID_INIT_INO: the first pid namespace has this inode on every kernel.
    return unsafe stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == 0xefff_fffc
}
