import Glibc
import SampleEngine
import SampleEngineTestSupport

/// Writes into a software ring that another process handed over: ring-writer MEMORY WAKE COMMAND…, the first two being
/// descriptors. Commands, one after the other:
///
///     samples COUNT ADDRESS PID EVENT   so many samples at an address in user mode, as fast as there is room
///     kernel COUNT ADDRESS PID EVENT    the same in kernel mode
///     reserve                           reserves a record and leaves it open
///     die                               ends by SIGKILL
///     wait                              says "ready" and waits for a line
@main
struct RingWriterProgram {
    private var words = CommandLine.arguments.dropFirst().makeIterator()

    private mutating func number() -> Int64 {
        guard let word = words.next(), let number = Int64(word) else { fatalError("a number is missing") }
        return number
    }

    private mutating func write(_ ring: SoftwareRing, _ writer: RingWriter, mode: RecordHeader.Mode) {
        let (count, address, pid, event) = (number(), UInt64(number()), Int32(number()), Int(number()))
        for _ in 0..<count {
            let record = RecordBuilder.sample(
                id: ring.events[event].id, address: address, pid: pid, thread: pid,
                time: (ring.injectedClock ?? .now).nanoseconds, mode: mode.rawValue)
            while unsafe writer.write(record.span.bytes, event: event) == .refused { sched_yield() }
        }
    }

    private mutating func run() throws {
        let memory = Descriptor(owning: Int32(number()))
        let ring = try SoftwareRing(memory: memory, wake: Descriptor(owning: Int32(number())))
        let writer = try ring.writer()
        while let command = words.next() {
            switch command {
            case "samples": write(ring, writer, mode: .user)
            case "kernel": write(ring, writer, mode: .kernel)
            case "reserve": _ = writer.output.reserve(64, writer.slot)
            case "die": kill(getpid(), SIGKILL)
            case "wait":
                print("ready")
                fflush(nil)
                _ = readLine()
            default: fatalError("no command \(command)")
            }
        }
    }

    static func main() throws {
        var program = RingWriterProgram()
        try program.run()
    }
}
