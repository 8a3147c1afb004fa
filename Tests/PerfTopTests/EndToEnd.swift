import Foundation
import Testing

/// Tests of the real program. One after the other: they measure shares of processor time and own cost.
@Suite("end to end", .serialized, .needs(whyNoProgram))
enum EndToEnd {}

/// Why there is nothing to test, or nil: one plain reason instead of fifty failures.
private let whyNoProgram: String? = {
    guard FileManager.default.isExecutableFile(atPath: Machine.binary) else { return "no program at \(Machine.binary)" }
    return nil
}()
