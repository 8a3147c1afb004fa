internal import CLinuxShims
internal import Glibc

/// Whether two processes have one and the same page of memory at an address (`/proc/PID/pagemap`, proc(5)).
///
/// fork(2) leaves the pages of both in common until one of them writes; exec(2) and mmap(2) give new ones. So a page in
/// common says all at once: one was forked from the other, neither has become another program since, and the mapping was
/// not made anew. It reads no memory of theirs, which could keep us waiting. Page numbers are shown with CAP_SYS_ADMIN
/// alone: without, the answer is no.
enum SharedPage {
    static func isShared(_ address: UInt64, by one: Int32, and other: Int32, proc: String) -> Bool {
        guard let first = frame(address, of: one, proc), frame(address, of: other, proc) == first else { return false }
        // It may have been given away, and back to the other, between the two.
        return frame(address, of: one, proc) == first
    }

    /// Number of the page in the machine's memory; nil where it is not there, or is hidden.
    private static func frame(_ address: UInt64, of pid: Int32, _ proc: String) -> UInt64? {
        let page = UInt64(max(4096, sysconf(Int32(_SC_PAGESIZE))))
        // Whoever opened it is whom the kernel asks when it is read.
        guard let opened = try? systemCall(raising: .pages, { unsafe pt_open("\(proc)/\(pid)/pagemap", O_RDONLY) })
        else {
            return nil
        }
        let file = Descriptor(owning: opened)
        var entry: UInt64 = 0
        guard unsafe pread(file.number, &entry, 8, off_t(address / page * 8)) == 8, entry >> 63 == 1 else { return nil }
        let number = entry & 0x7f_ffff_ffff_ffff
        return number == 0 ? nil : number
    }
}
