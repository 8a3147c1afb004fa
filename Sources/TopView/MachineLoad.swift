/// What the processors of the whole machine did during a span of time, whoever is profiled: percent of all of them.
public struct MachineLoad: Sendable, Equatable {
    /// Programs, their niced part included.
    public let user: Double
    /// The kernel on behalf of programs.
    public let kernel: Double
    /// Interrupts and what they left to be done at once.
    public let interrupts: Double

    /// What is no number, or more than everything, counts as far as there is room.
    public init(user: Double, kernel: Double, interrupts: Double) {
        func share(_ value: Double, of room: Double) -> Double { value.isFinite ? min(max(value, 0), room) : 0 }
        self.user = share(user, of: 100)
        self.kernel = share(kernel, of: 100 - self.user)
        self.interrupts = share(interrupts, of: 100 - self.user - self.kernel)
    }

    /// Percent of the time that some work was done.
    public var busy: Double { user + kernel + interrupts }

    /// `[|||||||####*     41.2%]`: each kind has a sign of its own, so that no color is needed to tell them apart.
    func bar(cells: Int) -> String {
        let number = Numbers.fixed(busy, 1) + "%"
        // Cumulative, so that no rounding makes the whole longer or shorter than its parts.
        let ends = [user, user + kernel, busy].map { Int(($0 / 100 * Double(cells)).rounded()) }
        var text = ""
        for (sign, end) in zip(["|", "#", "*"], ends) where end > text.utf8.count {
            text += String(repeating: sign, count: end - text.utf8.count)
        }
        // The number has room of its own: it never hides the end of a full bar.
        text += String(repeating: " ", count: cells - text.utf8.count + 6 - number.utf8.count)
        return "[" + text + number + "]"
    }
}

/// The machine's load by the moments at which it was asked for, as far back as samples are kept.
struct LoadHistory: Sendable {
    private var loads: [(wallClock: UInt64, load: MachineLoad)] = []
    private static var limit: Int { 600 }

    mutating func add(_ load: MachineLoad, at wallClock: UInt64) {
        if loads.count >= Self.limit { loads.removeFirst(Self.limit / 4) }
        loads.append((wallClock, load))
    }

    /// The load at a moment: the newest that was known then.
    func load(at wallClock: UInt64) -> MachineLoad? {
        (loads.last { $0.wallClock <= wallClock } ?? loads.first)?.load
    }
}
