import Foundation
import Testing

/// Tests of the real program. One after the other: they measure shares of processor time and own cost.
@Suite("end to end", .serialized, .needs(whyNoProgram))
enum EndToEnd {}

/// Why there is nothing to test, or nil: one plain reason instead of fifty failures.
private let whyNoProgram: String? = {
    guard FileManager.default.isExecutableFile(atPath: Machine.binary) else { return "no program at \(Machine.binary)" }
    let answer = try? run(Machine.binary, ["--version"], within: 10)
    return answer?.status == 0 && answer?.output.isEmpty == true ? "the program does nothing yet" : nil
}()
