import Foundation
import Testing

/// The one built with the program under test, or else the one built with these tests.
private let path: String = {
    let places = [Machine.binary, Machine.tests].map {
        URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent("ring-benchmark").path
    }
    return places.first { FileManager.default.isExecutableFile(atPath: $0) } ?? places[1]
}()

/// Why there is nothing to test, or nil.
private let whyNot: String? =
    if Machine.hasSanitizer {
        "a sanitizer has an allocator of its own: allocations cannot be counted"
    } else if !FileManager.default.isExecutableFile(atPath: path) {
        "no program at \(path)"
    } else {
        nil
    }

/// What `Benchmarks/RingBenchmark` finds that does not depend on the machine.
@Suite("ring benchmark", .needs(whyNot))
struct RingBenchmarkTests {
    private struct Figures: Decodable {
        struct Result: Decodable {
            let scenario: String
            let records, counted, folded: Int?
            let allocations: Int?
        }
        let optimized: Bool
        let results: [Result]
    }

    @Test("every record is counted in its cell, and once the tables have grown nothing is allocated")
    func quick() throws {
        let outcome = try run(path, ["--quick", "--json"], within: 60)
        let line = try #require(outcome.outputLines.last, "\(outcome.errors)")
        let figures = try JSONDecoder().decode(Figures.self, from: Data(line.utf8))
        #expect(Set(figures.results.map(\.scenario)) == ["one", "kernel", "user", "wakeups", "idle"])
        for result in figures.results {
            if let records = result.records {
                #expect(records > 0 && result.counted == records && result.folded == 0, "\(result)")
            }
            guard let allocations = result.allocations, let records = result.records else { continue }
            // A debug build allocates in the loops over rings, never in those over records.
            #expect(allocations <= (figures.optimized ? 0 : records / 100), "\(result)")
        }
        #expect(!outcome.output.contains("NOT ALL"))
        if figures.optimized { #expect(outcome.status == 0, "\(outcome.output)") }
    }
}
