import SampleEngine
import SampleEngineTestSupport

@testable import TopView

/// A user without a plan: any key, at any moment, on a terminal of any size, while profiles of any kind come in.
///
/// The same seed is the same walk. What must hold all the while stands in `RandomWalk+Rules.swift`.
struct RandomWalk {
    let seed: UInt64
    let unicode: Bool
    var random: SeededRandom
    var model: TopModel
    var size = (columns: 80, lines: 24)
    private var source: ProfilesOfAllKinds
    private var trail: [Key] = []

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed)
        // Half of the seeds each, and every pair of both.
        unicode = seed & 1 == 0
        let capabilities = Capabilities(unicode: unicode, decoration: random.below(4) > 0, colors: .many)
        var setup = TopModel.Setup(capabilities: capabilities)
        setup.window = seed & 2 == 0 ? 3_000_000_000 : nil
        setup.reach = Reach.allCases[random.below(Reach.allCases.count)]
        setup.view = View.allCases[random.below(View.allCases.count)]
        model = TopModel(setup)
        source = ProfilesOfAllKinds(isOfSeveralEvents: seed & 4 == 0)
    }

    /// Where the walk is, for whoever has to find out why it went wrong.
    var whereabouts: String {
        "seed \(seed), \(size.columns)×\(size.lines), last keys: \(trail.map(\.name).joined(separator: " "))"
    }

    /// Goes so many steps; returns what was wrong, nil where nothing was.
    mutating func go(steps: Int) -> String? {
        for step in 0..<steps {
            if let wrong = self.step(step) { return "\(wrong) (step \(step), \(whereabouts))" }
        }
        return nil
    }

    private mutating func step(_ number: Int) -> String? {
        if number % 5 == 4, let wrong = receive() { return wrong }
        if random.below(3) == 0 { size = anySize() }
        for key in anyKeys() {
            trail = trail.suffix(39) + [key]
            if let wrong = press(key) { return wrong }
        }
        // What only thousands of keys reach is reached by few of them: not every picture is looked at twice.
        if number % 16 == 0, let wrong = wrongWayBack() { return wrong }
        return wrongInPicture() ?? wrongInModel()
    }

    private mutating func receive() -> String? {
        let before = (samples: model.samples, rows: model.rows.map(\.selfSamples), isFrozen: model.isFrozen)
        let load = random.below(2) == 0 ? nil : MachineLoad(user: 31.5, kernel: 8, interrupts: 2)
        let effect = model.receive(source.next(&random), load: load)
        guard before.isFrozen else { return effect == .redraw ? nil : "a live screen did not follow the profile" }
        let isSame = model.samples == before.samples && model.rows.map(\.selfSamples) == before.rows
        return isSame && effect == .none && model.isFrozen ? nil : "a frozen screen followed the profile"
    }

    private mutating func press(_ key: Key) -> String? {
        let (context, effect) = (model.context, model.press(key))
        let wantsToQuit = context == .table && (key == "q" || key == .function(10))
        if (effect == .quit) != wantsToQuit { return "\(effect) after \(key.name) in \(context)" }
        if (effect == .leave) != (key == .control("c")) { return "\(effect) after \(key.name) in \(context)" }
        return nil
    }

    // MARK: Anything

    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[random.below(elements.count)] }

    private static let bound = Binding.all.flatMap(\.keys)
    /// Text in every script, marks without a letter, what is no text at all, and the signs of the filter language.
    private static let scalars: [Unicode.Scalar] =
        Array("az09 解析한ש\u{5b0}م\u{64b}é".unicodeScalars)
        + [
            "\u{301}", "\u{1161}", "\u{200d}", "\u{202e}", "\u{2066}", "\u{feff}", "\u{fe0f}", "🚀", "🏽", "🇩",
            "\u{10ffff}",
        ]
        + ["\u{0}", "\u{7}", "\u{9}", "\u{a}", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}", "\u{2028}", "\u{fffd}"]
        + Array("/!|\":([*+{}^$>=.%\\-".unicodeScalars)
    /// What is typed on purpose, so that more is open than chance alone would open.
    private static let phrases: [[Key]] = [
        ["\\", .control("u"), "f", .enter], ["\\", .control("u"), "!", "z", .enter],
        ["\\", .control("u"), "a", "|", "_", .enter],
        ["\\", .control("u"), "s", "e", "l", "f", ">", "9", .enter], ["\\", .control("u"), "解", .enter],
        ["\\", .control("u"), "/", "(", .enter], ["/", "e", .enter], ["5", .enter], ["6", .enter, "5", .enter],
        ["7", .end, .enter], ["8", .enter], ["[", "[", "["], ["b", " ", .down, " ", .enter], ["c", .down, " ", .enter],
        ["p", .down, "p"], ["}", "}", "}"], ["F", .end], ["9", .enter], ["?", .end],
    ]

    private mutating func anyKeys() -> [Key] {
        switch random.below(20) {
        case 0...9: [pick(Self.bound)]
        case 10...12: [.character(pick(Self.scalars))]
        case 13: [.control(Unicode.Scalar(UInt8(97 + random.below(26))))]
        case 14: [pick([.function(random.below(13)), .insert, .delete, .backspace, .left, .right])]
        // Prompts and menus take most keys for themselves: without these the walk would hardly ever leave them.
        case 15: [pick([.enter, .escape])]
        // And it would soon be deep inside rows that no sample belongs to.
        case 16: Array(repeating: .escape, count: 8) + [pick(["1", "5", "7", "z", " "])]
        default: pick(Self.phrases)
        }
    }

    private mutating func anySize() -> (columns: Int, lines: Int) {
        // Around the smallest size that is enough there is most to go wrong.
        if random.below(4) == 0 { return (17 + random.below(8), 2 + random.below(8)) }
        return (1 + random.below(200), 1 + random.below(60))
    }
}

/// Profiles as they come one after the other: hostile names, several events, none at all, an end.
private struct ProfilesOfAllKinds {
    private var builder: SyntheticProfile
    private let events: Int

    init(isOfSeveralEvents: Bool) {
        var events = [EventInUse(name: hostileNames[2], frequency: 999, period: nil)]
        if isOfSeveralEvents {
            events.append(EventInUse(name: "page:" + hostileNames[4], frequency: nil, period: nil, leader: 0))
            events.append(EventInUse(name: "faults", frequency: nil, period: 100_000))
        }
        self.events = events.count
        builder = SyntheticProfile(target: "pid " + hostileNames[7], events: events, notes: [hostileNames[3], "note"])
        builder.rings[1].event = hostileNames[3]
    }

    mutating func next(_ random: inout SeededRandom) -> Profile {
        builder.state = random.below(6) == 0 ? .exited : .live
        builder.rings[0].kernelLost = random.below(3) == 0 ? UInt64(random.below(1_000_000)) : 0
        for _ in 0..<random.below(3) {
            for _ in 0..<[0, 1, 3, 25][random.below(4)] { addRow(&random) }
            builder.endSlice()
        }
        return builder.next()
    }

    private mutating func addRow(_ random: inout SeededRandom) {
        let kinds: [CodeKind] = [.user, .kernel, .jit, .guest, .unknown]
        let name = hostileNames[random.below(hostileNames.count)] + (random.below(2) == 0 ? "" : "\(random.below(40))")
        builder.add(
            name, raw: name + "raw", module: hostileNames[random.below(hostileNames.count)], path: "/" + name,
            buildID: "ff00", process: hostileNames[random.below(4)], pid: Int32(random.below(5)),
            kind: kinds[random.below(kinds.count)], samples: UInt64(random.below(1 << (1 + random.below(30)))),
            event: UInt16(random.below(events)))
    }
}
