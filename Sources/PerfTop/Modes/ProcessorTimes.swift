internal import Glibc
internal import TopView

/// Reads what the machine's processors did, from the first line of `/proc/stat`.
struct ProcessorTimes {
    /// Kept open: the file is new each time it is read from its start.
    private let file = unsafe open("/proc/stat", O_RDONLY | O_CLOEXEC)
    private var before: [UInt64] = []

    /// The load since the last call; nil at the first, and where the kernel does not tell.
    mutating func load() -> MachineLoad? {
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = unsafe pread(file, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        // user nice system idle iowait irq softirq steal: the guest's times behind them are in user already.
        let times = words.dropFirst().prefix(8).compactMap { UInt64($0) }
        guard words.first == "cpu", times.count == 8 else { return nil }
        defer { before = times }
        guard before.count == 8 else { return nil }
        let passed = zip(times, before).map { $0 > $1 ? Double($0 - $1) : 0 }
        let all = passed.reduce(0, +)
        guard all > 0 else { return nil }
        return MachineLoad(
            user: 100 * (passed[0] + passed[1]) / all, kernel: 100 * passed[2] / all,
            interrupts: 100 * (passed[5] + passed[6]) / all)
    }
}
