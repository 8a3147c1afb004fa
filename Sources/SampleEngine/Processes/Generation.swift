/// One life of a process between two execs: the same pid later, or the same process after exec, is another one.
///
/// Numbers rise for as long as the session lives and are never used again.
public struct Generation: Hashable, Sendable {
    public let number: UInt32
    public init(_ number: UInt32) { self.number = number }

    /// Pid 0: the idle loop, interrupts upon it, and every process outside our pid namespace.
    public static let idle = Generation(0)
    /// Tasks that are already unhashed when they are sampled (pid −1).
    public static let exiting = Generation(1)
    /// Nobody can tell which task: several had the CPU meanwhile.
    public static let otherTasks = Generation(2)
    package static let first: UInt32 = 16

    /// It stands for something else than one life of a process.
    package var isFixed: Bool { number < Self.first }
}
