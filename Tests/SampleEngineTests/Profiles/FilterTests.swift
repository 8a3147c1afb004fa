import SampleEngine
import SampleEngineTestSupport
import Testing

/// The filter language, as the prompt and `--filter` read it.
@Suite struct FilterTests {
    private let profile: Profile = {
        var builder = SyntheticProfile()
        builder.add("memcpy", module: "libc.so.6", process: "nginx", pid: 10, samples: 500)
        builder.add("ngx_write", module: "nginx", process: "nginx", pid: 10, samples: 300)
        builder.add("memcpy", module: "libc.so.6", process: "redis", pid: 20, samples: 120)
        builder.add("operator|(A const&, B)", module: "redis", process: "redis", pid: 20, samples: 60)
        builder.add("std::vector<int>::at", module: "redis", process: "redis", pid: 20, samples: 15)
        builder.add("Éclair", module: "pâtisserie", process: "bakery", pid: 30, samples: 5)
        return builder.next()
    }()

    private func table(_ text: String, by grouping: Set<GroupKey> = [.process, .module, .function]) throws -> Table {
        profile.table(by: grouping, matching: try Filter(text))
    }

    /// Samples of each row tell which one it is.
    @Test(
        "an expression and the rows it leaves",
        arguments: [
            ("", [500, 300, 120, 60, 15, 5]), ("   ", [500, 300, 120, 60, 15, 5]),
            ("memcpy", [500, 120]), ("MEMCPY", []), ("nginx", [500, 300]), ("!nginx", [120, 60, 15, 5]),
            ("memcpy nginx", [500]), ("memcpy !nginx", [120]), ("ngx | vector", [300, 15]), ("ngx|vector", [300, 15]),
            ("nginx memcpy | bakery", [500, 5]), ("!memcpy !nginx", [60, 15, 5]),
            ("/^mem/", [500, 120]), ("/x_w|clair$/", [300, 5]), ("!/^mem/", [300, 60, 15, 5]), ("/Mem/", []),
            ("/^[a-z]+cpy$/ process:redis", [120]), ("/\\/|std/", [15]),
            ("module:libc", [500, 120]), ("module:nginx", [300]), ("process:nginx", [500, 300]),
            ("function:nginx", []), ("function:/^ngx_/", [300]), ("module:\"pâti\"", [5]), ("éclair", [5]),
            ("pid:20", [120, 60, 15]), ("!pid:20 !pid:10", [5]), ("tid:30", [5]),
            ("cpu:0", [500, 300, 120, 60, 15, 5]),
            ("cpu:1", []), ("user:1000 ngx", [300]), ("user:0", []),
            ("self>12", [500, 300]), ("self>=12", [500, 300, 120]), ("self<1.5", [5]), ("self<=1.5", [15, 5]),
            ("!self>=12", [60, 15, 5]), ("samples>100 redis", [120]), ("total<1", [5]),
            ("self>40 | bakery", [500, 5]), ("redis self<5 | self>40", [500, 15]),
            ("\"operator|(A\"", [60]), ("vector<int>", [15]), ("std::vector", [15]), ("module::x", []),
        ] as [(String, [UInt64])])
    func language(text: String, samples: [UInt64]) throws {
        #expect(try table(text).rows.map(\.selfSamples) == samples)
    }

    @Test(
        "what is not understood is named by its character, counted from 1",
        arguments: [
            ("/abc", 1, "no closing /"), ("a /b(c/", 5, "( is not closed"), ("a | /x*+/", 8, "repeated"),
            ("/a)/", 3, "closes nothing"), ("/[a/", 2, "[ is not closed"), ("/a\\q/", 3, "no meaning"),
            ("//", 2, "empty"), ("/*a/", 2, "nothing before"), ("/a{2/", 3, "not closed"), ("/[z-a]/", 3, "backwards"),
            ("\"ab", 1, "not closed"), ("a \"\"", 3, "nothing stands between"), ("a |", 3, "after this |"),
            ("| a", 1, "before this |"), ("a || b", 4, "before this |"), ("a !", 3, "after this !"),
            ("! a", 1, "after this !"), ("pid:x", 5, "not a number"), ("pid:", 4, "after pid:"),
            ("cpu:99999999", 5, "not a number"), ("self>", 5, "number has to follow"), ("self>abc", 6, "not a number"),
            ("a self>=", 8, "number has to follow"), ("/(a{100}){100}/", 2, "too large"),
        ])
    func errors(text: String, character: Int, reason: String) {
        do {
            _ = try Filter(text)
            Issue.record("\(text) was understood")
        } catch {
            #expect(error.place + 1 == character && error.reason.contains(reason), "\(text): \(error.sentence)")
            #expect(error.sentence.hasPrefix("character \(character): "))
        }
    }

    /// A term and its opposite share out all samples, whatever makes a row.
    @Test func aTermAndItsOppositeAreEverything() throws {
        let keys = GroupKey.allCases
        for text in ["memcpy", "module:libc", "pid:10", "/s$/", "tid:20", "process:redis", "kind:kernel"] {
            for choice in 1..<(1 << keys.count) {
                let grouping = Set(keys.indices.filter { choice >> $0 & 1 == 1 }.map { keys[$0] })
                let (shown, hidden) = (try table(text, by: grouping), try table("!" + text, by: grouping))
                let samples = (shown.rows + hidden.rows).reduce(0) { $0 + $1.selfSamples }
                #expect(samples == 1000, "\(text) by \(grouping)")
                #expect(shown.samples == 1000 && shown.rowsInside == hidden.rowsInside)
            }
        }
    }

    /// A term about functions holds in a table of processes too: it judges samples, not rows.
    @Test func termsJudgeSamplesWhateverMakesARow() throws {
        #expect(try table("memcpy", by: [.process]).rows.map(\.process) == ["nginx", "redis"])
        #expect(try table("memcpy", by: [.process]).rows.map(\.selfPercent) == [50, 12])
        #expect(try table("memcpy self>40", by: [.process]).rows.map(\.process) == ["nginx"])
        #expect(try table("memcpy", by: [.pid]).rows.map(\.pid) == [10, 20])
    }

    @Test(
        "a field that is mistyped by a letter or two is refused, with what was meant",
        arguments: [
            ("kin:jit", "kind"), ("!kin:jit", "kind"), ("kinds:jit", "kind"), ("a | pidd:7", "pid"),
            ("modul:libc", "module"),
            ("proces:nginx", "process"), ("funtcion:f", "function"), ("threads:4", "thread"), ("usr:0", "user"),
            ("com:nginx", "comm"), ("dos:libc", "dso"), ("syms:f", "sym"), ("kin:", "kind"), ("cpus:1", "cpu"),
            ("mod:libc", "module"), ("co:x", "comm"),
        ])
    func mistyped(text: String, meant: String) throws {
        let error = #expect(throws: FilterError.self) { try Filter(text) }
        #expect(error?.reason.contains("did you mean \(meant):") == true, "\(error?.reason ?? "")")
        let word = text.drop { "!a| ".contains($0) }
        #expect(error?.reason.contains("\"\(word)\"") == true, "how to look for it as a text")
        #expect((try? Filter("\"\(word)\"")) != nil)
    }

    @Test(
        "anything else with colons is a text",
        arguments: [
            "std::x", "JS:*f", "py::f", "kworker/0:1", "f(a:b:)", "a::b::c", "std::", "::x", ":x", "x:y:z", "pid::x",
            "Kin:jit", "kin::jit", "LazyCompile:~f", "kind_of:x", "http://kin:8", "objectAtIndex:", "-[NSArray kin:x:]",
        ])
    func colonsInNames(text: String) throws {
        var builder = SyntheticProfile()
        for (number, word) in text.split(separator: " ").enumerated() {
            _ = number
            builder.add("before \(word) after", module: "m", process: "p", samples: 1)
        }
        builder.add("other", module: "m", process: "p", samples: 1)
        let words = text.split(separator: " ").map(String.init)
        let shown = try builder.next().table(by: [.function], matching: Filter(words.joined(separator: " | "))).rows
        #expect(shown.count == words.count && shown.allSatisfy { $0.function != "other" })
    }

    @Test(
        "perf's words are understood",
        arguments: [
            ("comm:ngin", "process:ngin"), ("dso:libc", "module:libc"), ("sym:mem", "function:mem"),
            ("symbol:mem", "function:mem"),
        ])
    func wordsOfPerf(text: String, same: String) throws {
        let (left, right) = (try table(text), try table(same))
        #expect(left.rows.map(\.key) == right.rows.map(\.key) && !left.rows.isEmpty)
    }

    @Test func kindsOfCodeAreTermsToo() throws {
        var builder = SyntheticProfile()
        builder.add("read", module: "libc.so.6", process: "cat", samples: 3)
        builder.add("vfs_read", module: "[kernel]", process: "cat", kind: .kernel, samples: 5)
        builder.add("JS:*f", module: "[jit]", process: "node", pid: 8, kind: .jit, samples: 7)
        let profile = builder.next()
        func shown(_ text: String) throws -> [String] {
            profile.table(by: [.function], matching: try Filter(text)).rows.map(\.function).sorted()
        }
        #expect(try shown("kind:kernel") == ["vfs_read"])
        #expect(try shown("!kind:kernel") == ["JS:*f", "read"])
        let either = try shown("kind:jit | cat kind:user")
        #expect(either == ["JS:*f", "read"])
    }

    @Test func anythingTypedIsReadOrRefused() {
        var random = SeededRandom(7)
        let signs = Array("ab|!/\"\\()[]{}*+?^$.-:<>= 019self pid:module:é解".unicodeScalars)
        for _ in 0..<5_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<random.below(24) { text.append(signs[random.below(signs.count)]) }
            do {
                _ = profile.table(by: [.function], matching: try Filter(String(text)))
            } catch {
                #expect(error.place >= 0 && error.place <= text.count, "\(String(text)): \(error.sentence)")
            }
        }
    }

    /// The same answers as the standard library's regular expressions, where those know the expression.
    @Test func expressionsMeanWhatTheyMeanElsewhere() throws {
        var random = SeededRandom(11)
        let pieces = ["a", "b", "c", ".", "[ab]", "[^a]", "(a|b)", "(ab|c)", "\\d", "\\w", "1", "(a|)", "_"]
        let counts = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{2,}"]
        for _ in 0..<250 {
            var source = random.below(5) == 0 ? "^" : ""
            for _ in 0...random.below(4) {
                source += pieces[random.below(pieces.count)] + counts[random.below(counts.count)]
                if random.below(8) == 0 { source += "|" }
            }
            if random.below(5) == 0 { source += "$" }
            let (filter, regex) = (try Filter("function:/\(source)/"), try Regex(source))
            for _ in 0..<12 {
                let name = String((0..<random.below(9)).map { _ in "abc1_".randomElement(using: &random) ?? "a" })
                var builder = SyntheticProfile()
                builder.add(name, module: "", process: "", samples: 1)
                let isFound = !builder.next().table(by: [.function], matching: filter).rows.isEmpty
                let isExpected = try regex.firstMatch(in: name) != nil
                #expect(isFound == isExpected, "/\(source)/ in \(name)")
            }
        }
    }

    /// Expressions that take others for ever.
    @Test(arguments: ["/(a+)+$/", "/(a|aa)+b/", "/.*.*.*.*.*.*x/", "/(a?){50}a{50}b/", "/(.+)+c/"])
    func noExpressionTakesForEver(text: String) throws {
        var builder = SyntheticProfile()
        for length in 980..<1000 {
            builder.add(String(repeating: "a", count: length) + "!", module: "m", process: "p", samples: 1)
        }
        let (profile, filter) = (builder.next(), try Filter(text))
        let took = processorTime { _ = profile.table(by: [.function], matching: filter) }
        #expect(took < .seconds(20), "\(took)")
        let again = processorTime { _ = profile.table(by: [.function], matching: filter) }
        #expect(again < .milliseconds(100), "its answers are remembered: \(again)")
    }
}
