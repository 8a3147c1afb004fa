import Glibc
import SampleEngine

/// What names cost: name-benchmark [--quick] [FILE]
///
/// FILE: an ELF image with symbols, by default the compiler that built this program, if it is in the PATH. Exit
/// status 1: a goal was missed. `--quick` measures once and judges nothing.
@main
struct NameBenchmark {
    /// Symbols read, and addresses looked up, in millions per second.
    private static let goal = 20.0
    /// Symbols of a pass, in millions per second: 2 million in 150 ms.
    private static let passGoal = 13.3

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        let isQuick = arguments.contains("--quick")
        guard let path = arguments.first(where: { !$0.hasPrefix("-") }) ?? compiler() else {
            print("name-benchmark [--quick] FILE: no compiler in the PATH, so name an ELF image")
            exit(2)
        }
        var missed = false
        let memoryBefore = peakMemory()
        func show(_ what: String, _ value: Double, _ unit: String, goal: Double? = nil) {
            let verdict = goal.map { value >= $0 ? "met    ≥ \($0)" : "MISSED ≥ \($0)" } ?? ""
            if let goal, value < goal { missed = true }
            print(what + String(repeating: " ", count: max(1, 34 - what.count)) + fixed(value) + " " + unit, verdict)
        }
        let rounds = isQuick ? 1 : 9
        var times: [Double] = []
        var read: ImageSymbols?
        for _ in 0..<rounds {
            read = nil
            let began = processorSeconds()
            let image = try open(path)
            times.append(processorSeconds() - began)
            read = image
        }
        guard let image = read, let least = times.min(), let range = image.codeRange else { exit(2) }
        print("\(path): \(image.symbolCount) symbols, \(image.byteCount / 1024) KiB kept")
        show("table", least * 1e3, "ms")
        if !image.isSparse {
            // Of one that is not kept, reading ends early and so has no rate.
            show("symbols", Double(image.symbolCount) / least / 1e6, "M/s", goal: isQuick ? nil : goal)
        }
        show("memory besides, at the most", Double(peakMemory() - memoryBefore) / 1024, "MiB")
        if image.isSparse {
            measurePasses(image, range, rounds: rounds, goal: isQuick ? nil : passGoal) { show($0, $1, $2, goal: $3) }
            show("memory besides, at the most", Double(peakMemory() - memoryBefore) / 1024, "MiB")
            exit(missed ? 1 : 0)
        }

        let addresses = randomAddresses(in: range, count: 1 << 20)
        var best = 0.0
        var hits = 0
        for _ in 0..<rounds {
            let began = processorSeconds()
            hits = 0
            for address in addresses where image.hasFunction(at: address) { hits += 1 }
            best = max(best, Double(addresses.count) / (processorSeconds() - began) / 1e6)
        }
        show("look-ups, random addresses", best, "M/s", goal: isQuick ? nil : goal)
        show("of which in a function", 100 * Double(hits) / Double(addresses.count), "%")

        let few = addresses.prefix(isQuick ? 1000 : 200_000)
        let began = processorSeconds()
        for address in few { _ = image.answer(at: address) }
        show("names read from the file", Double(few.count) / (processorSeconds() - began) / 1e6, "M/s")
        exit(missed ? 1 : 0)
    }

    /// Of an image that is too large to be kept, its tables are passed over for a batch of addresses.
    private static func measurePasses(
        _ image: ImageSymbols, _ range: Range<UInt64>, rounds: Int, goal: Double?,
        _ show: (String, Double, String, Double?) -> Void
    ) {
        let addresses = randomAddresses(in: range, count: 512)
        var least = Double.infinity
        var hits = 0
        for _ in 0..<rounds {
            let began = processorSeconds()
            let answers = image.answers(at: addresses, meter: ReadingMeter())
            least = min(least, processorSeconds() - began)
            hits = answers.count { if case .none = $0 { false } else { true } }
        }
        show("pass for \(addresses.count) addresses", least * 1e3, "ms", nil)
        show("symbols passed over", Double(image.symbolCount) / least / 1e6, "M/s", goal)
        show("of which in a function", 100 * Double(hits) / Double(addresses.count), "%", nil)
    }

    /// The most memory that the program has had so far, in KiB.
    private static func peakMemory() -> Int {
        var usage = rusage()
        _ = unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss
    }

    private static func open(_ path: String) throws -> ImageSymbols {
        let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else {
            unsafe perror(path)
            exit(2)
        }
        return try ImageSymbols(reading: Descriptor(owning: number))
    }

    /// The program behind `swift`: a large one with all its symbols.
    private static func compiler() -> String? {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        for folder in path.split(separator: ":") where unsafe access("\(folder)/swift-frontend", R_OK) == 0 {
            return "\(folder)/swift-frontend"
        }
        return nil
    }

    /// Spread over all code, the same in every run (SplitMix64).
    private static func randomAddresses(in range: Range<UInt64>, count: Int) -> [ImageAddress] {
        var state: UInt64 = 1
        return (0..<count).map { _ in
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return ImageAddress(range.lowerBound + (mixed ^ mixed >> 31) % UInt64(range.count))
        }
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// One decimal.
    private static func fixed(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
