import Foundation
import Testing

extension EndToEnd {
    /// Names as people write them, in full in reports; the languages' own tools are the oracle.
    @Suite("names: languages", .needsPerf)
    struct Languages {
        @Test("C++: templates, lambdas, sorting", .needs(Machine.has("g++") ? nil : "g++ is not installed"))
        func cxx() throws {
            let rows = try hotRows("names.cpp", ["g++", "-O1", "-std=c++17"])
            try expectNames(rows, of: ["c++filt"])
            #expect(rows.contains { $0.symbol.contains("shop::Shelf<double>::fill(unsigned int)") })
        }

        @Test(
            "Rust, both ways of mangling", .needs(Machine.has("rustc") ? nil : "rustc is not installed"),
            arguments: ["legacy", "v0"])
        func rust(mangling: String) throws {
            // Only a compiler of the unstable branch takes the old way by name; the variable says that we know.
            let rows = try hotRows(
                "names.rs", ["rustc", "-O", "-Csymbol-mangling-version=\(mangling)", "-Zunstable-options"],
                environment: ["RUSTC_BOOTSTRAP": "1"])
            try expectNames(rows, of: ["c++filt", "-s", "rust"])
            #expect(rows.contains { $0.symbol.contains("Wheel<") && $0.symbol.contains("turn") })
            #expect(!rows.contains { $0.symbol.contains("17h") }, "the hash is no part of a name")
        }

        @Test("Swift: generics, closures, asynchronous functions", .needs(whyNoSwift))
        func swift() throws {
            let rows = try hotRows("names.swift", ["swiftc", "-O", "-parse-as-library"])
            try expectNames(rows, of: ["swift", "demangle", "--no-sugar", "--compact"])
            #expect(rows.contains { $0.symbol.contains("names.Square.area") })
        }

        /// Compiles a program, and gives its own rows that have a name.
        private func hotRows(
            _ source: String, _ command: [String], environment: [String: String] = [:]
        ) throws -> [Report.Row] {
            let running = try Running(
                Fixture.build(command, sources: [Program.source(source)], as: "names", environment: environment))
            try running.wait(for: "ready")
            let frame = try sampleShares(["-p", "\(running.pid)"])
            let isOwn = { (row: Report.Row) in row.module == "names" && row.rawSymbol != nil }
            #expect(frame.userPercent(where: isOwn) > 50, "\(frame.rows.prefix(5))")
            return frame.rows.filter(isOwn)
        }

        /// The crate's and the function's hash, which tell a linker something and nobody else.
        private var hash: Regex<Substring> { /::h[0-9a-f]{16}$|\[[0-9a-f]{8,16}\]/ }

        private func expectNames(_ rows: [Report.Row], of tool: [String]) throws {
            // Parts of functions are marked in a way of our own.
            let plain = rows.filter { !$0.symbol.hasSuffix("]") }
            let told = try run("/usr/bin/env", tool + plain.map { try #require($0.rawSymbol) }).outputLines
            try #require(told.count == plain.count && !plain.isEmpty)
            for (row, told) in zip(plain, told) {
                #expect(row.symbol == told.replacing(hash, with: ""), "\(row.rawSymbol ?? "")")
            }
        }
    }
}

private let whyNoSwift: String? = {
    let outcome = try? run("/usr/bin/env", ["swift", "demangle", "$s4main3fooyyF"])
    return outcome?.status == 0 && Machine.has("swiftc") ? nil : "the Swift compiler is not installed"
}()
