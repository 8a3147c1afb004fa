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
            try expectNames(rows, of: ["swift", "demangle", "--compact"])
            #expect(rows.contains { $0.symbol.contains("names.Square.area") })
        }

        /// Compiles a program, and gives its own rows that have a name.
        private func hotRows(
            _ source: String, _ command: [String], environment: [String: String?] = [:]
        ) throws -> [Report.Row] {
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let program = folder.path + "/names"
            let built = try run(
                "/usr/bin/env", command + [Program.source(source), "-o", program], environment: environment, within: 120
            )
            try #require(built.status == 0, "\(built.errors)")
            let running = try Running(program)
            let isReady = waitUntil(within: 10) { running.output.contains("ready") }
            try #require(isReady, "\(running.errors)")
            let frame = try sample(["-p", "\(running.pid)", "-n", "1", "-d", "2"])[0]
            let own = frame.rows.filter { $0.module == "names" && $0.rawSymbol != nil }
            #expect(own.reduce(0) { $0 + $1.selfPercent } > 50, "\(frame.rows.prefix(5))")
            return own
        }

        /// The crate's and the function's hash, which tell a linker something and nobody else.
        private var hash: Regex<Substring> { /::h[0-9a-f]{16}$|\[[0-9a-f]{8,16}\]/ }

        private func expectNames(_ rows: [Report.Row], of tool: [String]) throws {
            for row in rows {
                let raw = try #require(row.rawSymbol)
                // Parts of functions are marked in a way of our own.
                if row.symbol.hasSuffix("]") { continue }
                let told = try run("/usr/bin/env", tool + [raw]).output.trimmingCharacters(in: .newlines)
                #expect(row.symbol == told.replacing(hash, with: ""), "\(raw)")
            }
        }
    }
}

private let whyNoSwift: String? = {
    let outcome = try? run("/usr/bin/env", ["swift", "demangle", "$s4main3fooyyF"])
    return outcome?.status == 0 && Machine.has("swiftc") ? nil : "the Swift compiler is not installed"
}()
