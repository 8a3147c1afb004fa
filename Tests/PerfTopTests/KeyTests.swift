import Foundation
import Testing
import TopView

extension EndToEnd {
    /// On a real terminal every key does what help says of it.
    @Suite(
        "keys in tmux", .needsPerf, .needsTmux,
        .needs(Machine.has("g++") ? nil : "g++ is not installed: its long names are what keys move"))
    struct Keys {
        /// What an action is pressed for, and how the screen gets there and back.
        private struct Step {
            let actions: Set<Action>
            let keys: [String]
            let shows: String
            var hides = "\u{0}"
            var back: [String] = []
        }

        /// In this order: each begins with the table of functions, unless the one before leaves something open.
        private static let steps = [
            Step(actions: [.help], keys: ["?"], shows: "Help: keys, lines 1 to"),
            Step(actions: [.down], keys: ["j", "Down"], shows: "lines 3 to"),
            Step(actions: [.up], keys: ["k", "Up"], shows: "lines 1 to"),
            Step(actions: [.pageDown], keys: ["C-f"], shows: "lines 2[0-9] to"),
            Step(actions: [.pageUp], keys: ["C-b"], shows: "lines 1 to"),
            Step(actions: [.halfPageDown], keys: ["C-d"], shows: "lines 1[0-9] to"),
            Step(actions: [.halfPageUp], keys: ["C-u"], shows: "lines 1 to"),
            Step(actions: [.last], keys: ["G"], shows: "LOST"),
            Step(actions: [.first], keys: ["g"], shows: "lines 1 to"),
            Step(actions: [.back], keys: ["Escape"], shows: "SELF%", hides: "Help: keys"),

            Step(actions: [.filter], keys: ["\\"], shows: "(?m)^Filter: "),
            Step(actions: [.textStart], keys: ["f", "i", "l", "C-a", "/"], shows: "Filter: /fil"),
            Step(actions: [.textRight], keys: ["Right", "x"], shows: "Filter: /fxil"),
            Step(actions: [.eraseLeft], keys: ["BSpace"], shows: "Filter: /fil"),
            Step(actions: [.textEnd], keys: ["C-e", "l", "/"], shows: "Filter: /fill/ .*[1-9] of"),
            Step(actions: [.textLeft], keys: ["Left", "Left", "x"], shows: "Filter: /filxl/"),
            Step(actions: [.eraseRight], keys: ["C-d"], shows: "Filter: /filx/"),
            Step(actions: [.eraseToEnd], keys: ["C-k"], shows: "Filter: /filx "),
            Step(actions: [.eraseWord], keys: ["Space", "o", "C-w"], shows: "Filter: /filx "),
            Step(actions: [.eraseAll], keys: ["C-u", "f", "i", "l", "l"], shows: "Filter: fill "),
            Step(actions: [.accept], keys: ["Enter"], shows: "filter: fill"),
            Step(actions: [], keys: ["Escape"], shows: "SELF%", hides: "filter: fill"),
            Step(actions: [.earlierText], keys: ["\\", "Up"], shows: "Filter: fill "),
            Step(actions: [.laterText], keys: ["Down"], shows: "Filter:  ", back: ["Escape"]),

            Step(actions: [.search], keys: ["/", "_", "_", "Enter"], shows: "match 1 of .*: __"),
            Step(actions: [.searchNext], keys: ["n"], shows: "match 2 of"),
            Step(actions: [.searchPrevious], keys: ["N"], shows: "match 1 of"),
            Step(actions: [.searchSame], keys: ["#"], shows: "match \\d of .*: .*__.*loop", back: ["Escape", "g"]),

            Step(actions: [.sortMenu], keys: ["s"], shows: "Sort by"),
            Step(actions: [], keys: ["G", "Enter"], shows: "FUNCTION△", hides: "Sort by"),
            Step(actions: [.invert], keys: ["I"], shows: "FUNCTION▽"),
            Step(actions: [.sortLeft], keys: ["<"], shows: "MODULE△"),
            Step(actions: [.sortRight], keys: [">"], shows: "FUNCTION△", back: ["s", "g", "Enter"]),

            Step(actions: [.freeze], keys: ["Space"], shows: "PAUSED +since"),
            Step(actions: [.earlier], keys: ["["], shows: "HISTORY +at"),
            Step(actions: [.later], keys: ["]"], shows: "PAUSED +since", back: ["Space"]),
            Step(actions: [.reach], keys: ["z"], shows: "LIVE +since "),
            Step(actions: [], keys: ["z"], shows: "half-life 5s", back: ["z"]),
            Step(
                actions: [.delay], keys: ["d", "C-u", "2", "5", "0", "m", "s", "Enter"],
                shows: "a picture every 250ms"),
            Step(actions: [], keys: ["d", "x", "Enter"], shows: "is no time from 1ms to 1h"),
            Step(actions: [.reset], keys: ["R"], shows: "CHANGE", back: ["z", "z"]),

            Step(actions: [.group], keys: ["b"], shows: "Group by"),
            Step(actions: [.toggle], keys: ["G", "Space"], shows: "\\[x\\] user", back: ["Space", "Enter"]),
            Step(actions: [.columns], keys: ["c"], shows: "Columns"),
            Step(
                actions: [], keys: ["j", "j", "Space", "Enter"], shows: "SELF%", hides: "SAMPLES",
                back: ["c", "j", "j", "Space", "Enter"]),
            Step(actions: [.pin], keys: ["j", "p"], shows: "(?m)^.◆.*\\d"),
            Step(actions: [.unpin], keys: ["U"], shows: "SELF%", hides: "◆"),
            Step(actions: [.follow], keys: ["F"], shows: "following ", back: ["F", "g"]),
            Step(actions: [.codeSide], keys: ["K"], shows: "filter: !kind:kernel"),
            Step(actions: [], keys: ["K"], shows: "filter: kind:kernel", back: ["K"]),
            Step(actions: [.threadRows], keys: ["T"], shows: "by function\\+module\\+process\\+thread", back: ["T"]),
            Step(actions: [.nextEvent], keys: ["e"], shows: "page-faults.*\\[2/2\\]", back: ["e"]),
            Step(actions: [.nameRight], keys: ["}"], shows: "(?m)^.*names +…"),
            Step(actions: [.nameLeft], keys: ["{"], shows: "SELF%", hides: "names +…"),
            Step(actions: [.nameEnd], keys: ["C-e"], shows: "(?m)^.*names +…"),
            Step(actions: [.nameStart], keys: ["C-a"], shows: "SELF%", hides: "names +…"),
            Step(actions: [.meters], keys: ["m"], shows: "rings ok", hides: "CPU \\[", back: ["m"]),
            Step(actions: [.mouse], keys: ["M"], shows: "the mouse is the terminal's", back: ["M"]),
            Step(actions: [.export], keys: ["w"], shows: "Write to: perftop.txt", back: ["Escape"]),
            Step(actions: [.drill], keys: ["Enter"], shows: "named\\s+by", back: ["Escape"]),
            Step(actions: [.redraw], keys: ["C-l"], shows: "SELF%"),

            Step(actions: [.flame], keys: ["2"], shows: "2 Flame: this view is not built yet"),
            Step(actions: [.tree], keys: ["3"], shows: "3 Tree: this view is not built yet"),
            Step(actions: [.callers], keys: ["4"], shows: "4 Callers: this view is not built yet"),
            Step(actions: [.processes], keys: ["5"], shows: "\\[5 Proc"),
            Step(actions: [.modules], keys: ["6"], shows: "\\[6 Mod"),
            Step(actions: [.threads], keys: ["7"], shows: "\\[7 Thr"),
            Step(actions: [.cpus], keys: ["8"], shows: "\\[8 CPU"),
            Step(actions: [.rings], keys: ["9"], shows: "\\[9 Ring"),
            Step(actions: [.nextView], keys: ["Tab"], shows: "\\[1 Func"),
            Step(actions: [.previousView], keys: ["BTab"], shows: "\\[9 Ring"),
            Step(actions: [.functions], keys: ["1"], shows: "\\[1 Func"),
        ]

        private func names() throws -> Running {
            try Running(
                Fixture.build(["g++", "-O1", "-std=c++17"], sources: [Program.source("names.cpp")], as: "names"))
        }

        @Test("every key does what help says")
        func everyKey() throws {
            let program = try names()
            let tmux = try Tmux(
                ["-p", "\(program.pid)", "-e", "cpu-clock", "-e", "page-faults", "-d", "0.5"], columns: 110, lines: 26)
            // Two pictures, so that there is a past to step back to.
            try tmux.expect("rows and a past") { _ in
                try tmux.type("[")
                return try tmux.screen().contains("HISTORY")
            }
            try tmux.press("Space")
            for step in Self.steps {
                try tmux.press(step.keys)
                try tmux.expect("\(step.keys) shows \(step.shows)") { screen in
                    screen.range(of: step.shows, options: .regularExpression) != nil
                        && screen.range(of: step.hides, options: .regularExpression) == nil
                }
                if !step.back.isEmpty { try tmux.press(step.back) }
            }
            try tmux.press("q")
            try tmux.expect("q leaves") { $0.contains("status=0\n") && $0.contains("settings=same") }

            // Those left are answers, which the export asks for, and ways out.
            let tried = Self.steps.reduce(into: Set<Action>()) { $0.formUnion($1.actions) }
            #expect(Set(Action.allCases).subtracting(tried) == [.quit, .leave, .yes, .no])
        }

        /// A screen in a pseudo terminal, which takes single bytes.
        private func shown(_ program: Running) throws -> (Terminal, Child) {
            let terminal = try Terminal()
            let child = try terminal.start(
                ["-p", "\(program.pid)"],
                environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": nil])
            terminal.expectShown("alpha")
            return (terminal, child)
        }

        /// "é" of a Latin-1 terminal, a byte that is in no text, half of a surrogate pair, a character that ends too early.
        @Test(
            "what is no text is no hang-up, and takes no key with it",
            arguments: [[0xe9], [0xff], [0xed, 0xa0, 0x80], [0xf0, 0x9f], [0x80, 0], [0xc0, 0x80]] as [[UInt8]])
        func noText(bytes: [UInt8]) throws {
            let program = try Program.burn.start()
            let (terminal, child) = try shown(program)
            // Each is read by itself, as from a slow line: the screen has answered the help key by then.
            for count in 1...5 {
                let place = terminal.output.count
                terminal.type(bytes + [UInt8(ascii: count % 2 == 1 ? "?" : "q")])
                terminal.expect(count % 2 == 1 ? "Help: keys" : "alpha", from: place)
            }
            terminal.type(Array("qq".utf8))
            terminal.finish(child)
            #expect(child.status == 0)
        }

        @Test("letters of other scripts are typed as they are, in whatever pieces they come")
        func letters() throws {
            let program = try Program.burn.start()
            let (terminal, child) = try shown(program)
            terminal.type("\\x")
            terminal.expectShown("Filter: x")
            for byte in Array("é€😀".utf8) {
                terminal.type([byte])
                let isTaken = waitUntil(within: 30) { terminal.bytesToRead == 0 }
                #expect(isTaken)
            }
            terminal.expectShown("é€😀")
            terminal.type("\u{3}")
            terminal.finish(child)
            #expect(child.status == 0)
        }

        @Test("the table is written to a file, and over one only when that is wanted")
        func export() throws {
            let program = try Program.burn.start()
            let folder = try Scratch.folder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let tmux = try Tmux(["-p", "\(program.pid)"], columns: 140, lines: 30)
            try tmux.expect("rows") { Screen.isRow($0, "alpha") && Screen.isRow($0, "beta") }
            func write(_ name: String) throws {
                try tmux.press("w", "C-u")
                try tmux.type(folder.path + "/" + name)
                try tmux.press("Enter")
            }
            func contents(_ name: String) -> String {
                (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
            }
            try write("a.csv")
            try tmux.expect("it says so") { $0.contains("written to \(folder.path)/a.csv") }
            #expect(contents("a.csv").hasPrefix("frame,time,") && contents("a.csv").contains(",alpha,burn,burn,"))
            try write("a.json")
            try tmux.expect("it says so") { $0.contains("a.json") && $0.contains("written to") }
            let json = try JSONSerialization.jsonObject(with: Data(contents("a.json").utf8)) as? [String: Any]
            #expect((json?["rows"] as? [[String: Any]])?.contains { $0["symbol"] as? String == "alpha" } == true)

            try "mine".write(to: folder.appendingPathComponent("b.txt"), atomically: true, encoding: .utf8)
            try write("b.txt")
            try tmux.expect("it asks") { $0.contains("Write over it? y yes, n no:") && $0.contains("b.txt") }
            try tmux.press("n")
            try tmux.expect("nothing happens") { $0.contains("nothing was written") }
            #expect(contents("b.txt") == "mine")
            try write("b.txt")
            try tmux.expect("it asks again") { $0.contains("Write over it?") }
            try tmux.press("y")
            try tmux.expect("it is replaced") { $0.contains("written to \(folder.path)/b.txt") }
            #expect(contents("b.txt").hasPrefix("# perftop frame 1"))

            unsafe mkfifo(folder.path + "/fifo", 0o600)
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/link.txt", withDestinationPath: folder.path + "/b.txt")
            for (name, reason) in [
                ("fifo", "that is no regular file"), ("link.txt", "that is no regular file"),
                ("no/where", "no such file or directory"),
            ] {
                try write(name)
                try tmux.expect("\(name) is refused") { $0.contains("was not written: \(reason)") }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(Set(left) == ["a.csv", "a.json", "b.txt", "fifo", "link.txt"], "nothing half-written stays")
            try tmux.press("C-c")
            try tmux.expect("^C leaves at once") { $0.contains("status=0\n") && $0.contains("settings=same") }
        }

        /// The terminal is told to report presses; tmux passes on what is typed as a terminal would send it.
        @Test("clicks choose and sort, M lets the mouse go")
        func mouse() throws {
            let program = try Program.burn.start()
            let tmux = try Tmux(["-p", "\(program.pid)"], columns: 120, lines: 30)
            try tmux.expect("rows") { Screen.isRow($0, "alpha") && Screen.isRow($0, "beta") }
            func press(_ text: String) throws {
                // Tabs have shorter names while a word about names that are being read stands beside them.
                try tmux.expect("\(text) is there") { $0.contains(text) }
                let lines = try tmux.screen().split(separator: "\n", omittingEmptySubsequences: false)
                let line = try #require(lines.firstIndex { $0.contains(text) }, "\(text) is not on the screen")
                let place = try #require(lines[line].range(of: text))
                let column = lines[line].distance(from: lines[line].startIndex, to: place.lowerBound)
                let cell = String([33 + column, 33 + line].compactMap { Unicode.Scalar($0).map(Character.init) })
                // The first button goes down, and up again.
                for button in [" ", "#"] { try tmux.type("\u{1b}[M" + button + cell) }
            }
            try press("FUNCTION")
            try tmux.expect("sorted by it") { $0.contains("FUNCTION△") }
            try press("FUNCTION")
            try tmux.expect("turned round") { $0.contains("FUNCTION▽") }
            try press("beta")
            try tmux.expect("the row is chosen") { screen in
                screen.split(separator: "\n").contains { $0.hasPrefix("▶") && $0.hasSuffix("beta") }
            }
            try press("5 Processes")
            try tmux.expect("the view") { $0.contains("[5 Processes]") }
            try tmux.type("M")
            try tmux.expect("it is let go") { $0.contains("the mouse is the terminal's") }
            try tmux.press("q")
            try tmux.expect("q leaves") { $0.contains("status=0\n") && $0.contains("settings=same") }
        }
    }
}
