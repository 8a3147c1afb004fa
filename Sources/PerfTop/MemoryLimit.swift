internal import Glibc
internal import SampleEngine

/// The shell's limits on memory. Whatever finds none later can only end the program; so it is asked for at the start.
enum MemoryLimit {
    /// What threads' stacks, tables at their bounds, libraries and two CPUs' rings take of the address space: measured (80 to
    /// 100 MB), with as much again for what grows. Of more CPUs the rings become smaller where there is no room.
    private static let needed = 200 << 20

    /// Tries whether there is as much room as perftop needs.
    ///
    /// - Throws: where a limit is in the way. That the machine itself has little is not asked: it may be more in a moment.
    static func check() throws(EngineError) {
        // What is mapped to be written, and private, counts for both limits; it takes no memory as long as nobody writes.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let room = unsafe mmap(nil, needed, PROT_READ | PROT_WRITE, flags, -1, 0)
        if let room = unsafe room, unsafe room != MAP_FAILED {
            unsafe munmap(room, needed)
            return
        }
        let limits = [
            (resource: RLIMIT_AS, option: "-v", kind: "address space"), (RLIMIT_DATA, "-d", "data"),
        ].compactMap { limit in soft(limit.resource).map { (bytes: $0, option: limit.option, kind: limit.kind) } }
        guard let least = limits.min(by: { $0.bytes < $1.bytes }) else { return }
        throw EngineError(
            what: "ulimit \(least.option) \(least.bytes / 1024)",
            why: "perftop needs \(needed >> 20) MB of \(least.kind) beside what it has by now",
            remedy: "ulimit \(least.option) unlimited")
    }

    /// Bytes; nil where there is no limit.
    private static func soft(_ resource: __rlimit_resource) -> UInt64? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur != .max else {
            return nil
        }
        return UInt64(limit.rlim_cur)
    }
}
