internal import Glibc

/// Reads what `/proc` says of a process. Slow and racy by nature: the resolver's business, never the sampler's.
package struct ProcReader: Sendable {
    let root: String
    private let users: UserNumbers

    /// - Parameter root: another directory in tests.
    package init(root: String = ProcFolder.root, users: UserNumbers = .ours) {
        self.root = root
        self.users = users
    }

    /// A task that still has the process's memory: the leader, or another thread where that one has exited before it.
    ///
    /// `/proc` has a folder for each thread too, though it lists none, with maps, files and root as of the process.
    package func livingTask(of pid: Int32) -> Int32 {
        if hasMemory(pid) { return pid }
        let others = directoryNames("\(root)/\(pid)/task", raising: ProcFolder.rights).prefix(64).compactMap {
            Int32($0)
        }
        return others.first { $0 != pid && hasMemory($0) } ?? pid
    }

    /// An exited leader shows no maps, nor does who is gone.
    func hasMemory(_ task: Int32) -> Bool {
        guard let file = try? fileBytes("\(root)/\(task)/maps", limit: 1, raising: .processes) else { return false }
        return !file.isEmpty
    }

    package func comm(of pid: Int32) -> [UInt8]? {
        guard var bytes = try? fileBytes("\(root)/\(pid)/comm", limit: 64, raising: ProcFolder.rights) else {
            return nil
        }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return bytes
    }

    /// Every process there is now, in no order.
    package func processes() -> [Int32] { directoryNames(root, raising: ProcFolder.rights).compactMap { Int32($0) } }

    /// The process that started it, or that took it in; nil where it is gone.
    package func parent(of pid: Int32) -> Int32? { field(3, ofStat: pid).flatMap { Int32($0) } }

    /// Effective user of a process; nil where it is gone, or its user is one that our user namespace does not show.
    package func user(of pid: Int32) -> UInt32? {
        guard let user = fileOwner("\(root)/\(pid)", raising: ProcFolder.rights) else { return nil }
        return users.tell(user) ? user : nil
    }

    /// Whether it waits and not even SIGKILL ends that (state D, proc_pid_stat(5)).
    func isStuck(_ pid: Int32) -> Bool { field(2, ofStat: pid) == "D" }

    /// When a process started, in nanoseconds of CLOCK_MONOTONIC, to the clock tick (10 ms); nil where it is gone.
    package func startTime(of pid: Int32) -> UInt64? {
        // It counts from the boot, sleep included.
        guard let ticks = startTick(of: pid) else { return nil }
        let perSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        let sinceBoot = ticks.multipliedReportingOverflow(by: 1_000_000_000 / perSecond)
        if sinceBoot.overflow { return nil }
        // In a time namespace it began before the boot as that tells it, perhaps: the numbers wrap, their difference not.
        let started = Int64(bitPattern: sinceBoot.partialValue &- Self.sleptNanoseconds())
        return UInt64(clamping: started)
    }

    /// The same in clock ticks since the boot, which tells one process from another of its number.
    package func startTick(of pid: Int32) -> UInt64? { field(21, ofStat: pid).flatMap { UInt64($0) } }

    /// A field of `/proc/PID/stat`, counted from 0 (proc(5)), behind the comm.
    private func field(_ number: Int, ofStat pid: Int32) -> String? {
        // The comm may hold anything, so fields are counted from its closing bracket.
        guard let bytes = try? fileBytes("\(root)/\(pid)/stat", limit: 4096, raising: ProcFolder.rights),
            let close = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = bytes[(close + 1)...].split(separator: UInt8(ascii: " "))
        return fields.count > number - 2 ? String(decoding: fields[number - 2], as: UTF8.self) : nil
    }

    /// Time the machine has slept since boot: CLOCK_BOOTTIME counts it, CLOCK_MONOTONIC does not.
    ///
    /// With what a time namespace adds to the one: the kernel adds it to start times, for whoever reads them.
    private static func sleptNanoseconds() -> UInt64 {
        var boot = timespec()
        guard unsafe clock_gettime(CLOCK_BOOTTIME, &boot) == 0 else { return 0 }
        let sinceBoot = UInt64(boot.tv_sec) &* 1_000_000_000 &+ UInt64(boot.tv_nsec)
        // Two clocks are read one after the other: to the millisecond it is the same each time.
        let slept = Int64(bitPattern: sinceBoot &- Instant.now.nanoseconds)
        return UInt64(bitPattern: (slept + (slept < 0 ? -500_000 : 500_000)) / 1_000_000 * 1_000_000)
    }

    /// `START-END PERMS OFFSET MAJOR:MINOR INODE   PATH`: exactly five fields, the rest is the path, spaces included.
    package static func parse(line: ArraySlice<UInt8>) -> MapLine? {
        var rest = line
        func field() -> ArraySlice<UInt8> {
            rest = rest.drop { $0 == UInt8(ascii: " ") }
            let field = rest.prefix { $0 != UInt8(ascii: " ") }
            rest = rest.dropFirst(field.count)
            return field
        }
        let range = field().split(separator: UInt8(ascii: "-"))
        let permissions = field()
        guard permissions.count >= 3, range.count == 2,
            let start = hex(range[0]), let end = hex(range[1]), start < end, let offset = hex(field())
        else { return nil }
        let device = field().split(separator: UInt8(ascii: ":"))
        guard device.count == 2, let major = hex(device[0]), let minor = hex(device[1]),
            let inode = UInt64(String(decoding: field(), as: UTF8.self))
        else { return nil }
        let isExecutable = permissions[permissions.startIndex + 2] == UInt8(ascii: "x")
        guard isExecutable || inode != 0 else { return nil }
        return MapLine(
            start: start, end: end, isExecutable: isExecutable, offset: offset,
            device: major & 0xffff_ffff | minor << 32, inode: inode,
            path: Array(rest.drop { $0 == UInt8(ascii: " ") }))
    }

    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
