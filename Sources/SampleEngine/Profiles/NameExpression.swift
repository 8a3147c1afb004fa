/// A regular expression over names, without a way to make it slow.
///
/// Names come from whoever is profiled, and a picture asks thousands of them: all ways through the expression are
/// followed at once (Thompson's construction), so that time grows with length of name times length of expression and
/// never faster. There are no back references for that reason.
///
/// It knows `. [a-z] [^…] ( ) | * + ? {2,5} ^ $ \d \w \s \D \W \S`; a backslash takes any other sign literally.
struct NameExpression: Sendable {
    private enum Step: Sendable {
        case scalar(UInt32)
        case any
        case set(Int)
        case split(Int, Int)
        case jump(Int)
        case start, end
        case found
    }

    fileprivate struct ScalarSet: Sendable {
        var ranges: [ClosedRange<UInt32>] = []
        var isNegated = false

        func contains(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } != isNegated }
    }

    fileprivate indirect enum Node {
        case scalar(UInt32)
        case any
        case set(ScalarSet)
        case start, end
        case sequence([Node])
        case choice([Node])
        case repeated(Node, least: Int, most: Int?)
    }

    /// Longest expression in steps, and longest beginning of a name that is looked at.
    private static var stepLimit: Int { 1000 }
    private static var nameLimit: Int { 1024 }

    let matchesCase: Bool
    private var steps: [Step] = []
    private var sets: [ScalarSet] = []

    init(_ source: [Unicode.Scalar]) throws(FilterError) {
        var parser = ExpressionParser(source)
        let node = try parser.parse()
        matchesCase = parser.hasCapital
        try add(node)
        steps.append(.found)
    }

    private mutating func add(_ node: Node) throws(FilterError) {
        guard steps.count < Self.stepLimit else { throw FilterError(at: 0, "this expression is too large") }
        switch node {
        case .scalar(let value): steps.append(.scalar(matchesCase ? value : Self.lowercase(value)))
        case .any: steps.append(.any)
        case .start: steps.append(.start)
        case .end: steps.append(.end)
        case .set(let set):
            sets.append(set)
            steps.append(.set(sets.count - 1))
        case .sequence(let nodes): for node in nodes { try add(node) }
        case .choice(let nodes):
            var jumps: [Int] = []
            for (index, node) in nodes.enumerated() {
                guard index < nodes.count - 1 else {
                    try add(node)
                    break
                }
                let split = steps.count
                steps.append(.split(split + 1, 0))
                try add(node)
                jumps.append(steps.count)
                steps.append(.jump(0))
                steps[split] = .split(split + 1, steps.count)
            }
            for jump in jumps { steps[jump] = .jump(steps.count) }
        case .repeated(let node, let least, let most):
            for _ in 0..<least { try add(node) }
            guard let most else {
                let split = steps.count
                steps.append(.split(0, 0))
                try add(node)
                steps.append(.jump(split))
                steps[split] = .split(split + 1, steps.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<most {
                splits.append(steps.count)
                steps.append(.split(0, 0))
                try add(node)
            }
            for split in splits { steps[split] = .split(split + 1, steps.count) }
        }
    }

    /// Whether it matches anywhere in the name.
    func isFound(in name: String) -> Bool {
        var present = StepList(steps.count)
        var next = StepList(steps.count)
        var pending: [Int] = []
        var isFirst = true
        var scalars = name.unicodeScalars.prefix(Self.nameLimit).makeIterator()
        var upcoming = scalars.next()
        while true {
            follow(0, into: &present, &pending, isFirst: isFirst, isLast: upcoming == nil)
            if present.isFound { return true }
            guard let scalar = upcoming else { return false }
            upcoming = scalars.next()
            let value = scalar.value
            let folded = matchesCase ? value : Self.lowercase(value)
            for step in present.members where accepts(step, value, folded) {
                follow(step + 1, into: &next, &pending, isFirst: false, isLast: upcoming == nil)
            }
            if next.isFound { return true }
            swap(&present, &next)
            next.removeAll()
            isFirst = false
        }
    }

    private func accepts(_ step: Int, _ value: UInt32, _ folded: UInt32) -> Bool {
        switch steps[step] {
        case .scalar(let wanted): wanted == folded
        case .any: true
        case .set(let set):
            sets[set].isNegated
                ? sets[set].contains(value) && sets[set].contains(folded) && sets[set].contains(upper(folded))
                : sets[set].contains(value) || sets[set].contains(folded) || sets[set].contains(upper(folded))
        default: false
        }
    }

    private func upper(_ value: UInt32) -> UInt32 {
        !matchesCase && (0x61...0x7a).contains(value) ? value - 0x20 : value
    }

    /// Adds a step and every step that is reached from it without a character.
    private func follow(
        _ step: Int, into list: inout StepList, _ pending: inout [Int], isFirst: Bool, isLast: Bool
    ) {
        pending.append(step)
        while let step = pending.popLast() {
            guard list.insert(step) else { continue }
            switch steps[step] {
            case .jump(let target): pending.append(target)
            case .split(let left, let right):
                pending.append(right)
                pending.append(left)
            case .start where isFirst: pending.append(step + 1)
            case .end where isLast: pending.append(step + 1)
            case .found: list.isFound = true
            default: break
            }
        }
    }

    private static func lowercase(_ value: UInt32) -> UInt32 {
        if value < 0x80 { return (0x41...0x5a).contains(value) ? value + 0x20 : value }
        let lower = Unicode.Scalar(value)?.properties.lowercaseMapping.unicodeScalars
        return lower?.count == 1 ? lower?.first?.value ?? value : value
    }

    /// The steps that are alive at one place of a name.
    private struct StepList {
        private(set) var members: [Int] = []
        private var isMember: [Bool]
        var isFound = false

        init(_ count: Int) { isMember = Array(repeating: false, count: count) }

        mutating func insert(_ step: Int) -> Bool {
            if isMember[step] { return false }
            isMember[step] = true
            members.append(step)
            return true
        }

        mutating func removeAll() {
            for member in members { isMember[member] = false }
            members.removeAll(keepingCapacity: true)
        }
    }
}

/// Reads an expression; an error names the place in it, counted from 0.
private struct ExpressionParser {
    private typealias Node = NameExpression.Node
    private let source: [Unicode.Scalar]
    private var place = 0
    private var depth = 0
    private(set) var hasCapital = false

    init(_ source: [Unicode.Scalar]) { self.source = source }

    mutating func parse() throws(FilterError) -> NameExpression.Node {
        if source.isEmpty { throw FilterError(at: 0, "the expression is empty") }
        let node = try choice()
        if place < source.count { throw FilterError(at: place, "this ) closes nothing") }
        return node
    }

    private var next: Unicode.Scalar? { place < source.count ? source[place] : nil }

    private mutating func choice() throws(FilterError) -> Node {
        var nodes = [try sequence()]
        while next == "|" {
            place += 1
            nodes.append(try sequence())
        }
        return nodes.count == 1 ? nodes[0] : .choice(nodes)
    }

    private mutating func sequence() throws(FilterError) -> Node {
        var nodes: [Node] = []
        while let scalar = next, scalar != "|", scalar != ")" { nodes.append(try repetition()) }
        return .sequence(nodes)
    }

    private mutating func repetition() throws(FilterError) -> Node {
        let start = place
        var node = try atom()
        var isRepeated = false
        while let scalar = next, "*+?{".unicodeScalars.contains(scalar) {
            if isRepeated { throw FilterError(at: place, "what is repeated already cannot be repeated again") }
            isRepeated = true
            switch scalar {
            case "*": node = .repeated(node, least: 0, most: nil)
            case "+": node = .repeated(node, least: 1, most: nil)
            case "?": node = .repeated(node, least: 0, most: 1)
            default:
                node = try counted(node, from: start)
                continue
            }
            place += 1
        }
        return node
    }

    /// `{3}`, `{2,5}`, `{2,}`
    private mutating func counted(_ node: Node, from start: Int) throws(FilterError) -> Node {
        let open = place
        place += 1
        guard let least = number() else { throw FilterError(at: open, "a count is missing after {") }
        var most: Int? = least
        if next == "," {
            place += 1
            most = number()
        }
        guard next == "}" else { throw FilterError(at: open, "this { is not closed") }
        place += 1
        guard least <= 100, most ?? 0 <= 100, most ?? least >= least else {
            throw FilterError(at: open, "a count is from 0 to 100, the smaller one first")
        }
        return .repeated(node, least: least, most: most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, ("0"..."9").contains(digit) {
            value = min((value ?? 0) * 10 + Int(digit.value - 48), 1000)
            place += 1
        }
        return value
    }

    private mutating func atom() throws(FilterError) -> Node {
        guard let scalar = next else { throw FilterError(at: place, "the expression ends too early") }
        place += 1
        switch scalar {
        case ".": return .any
        case "^": return .start
        case "$": return .end
        case "*", "+", "?", "{": throw FilterError(at: place - 1, "there is nothing before this \(scalar)")
        case "[": return .set(try set())
        case "(":
            let open = place - 1
            depth += 1
            guard depth <= 32 else { throw FilterError(at: open, "too many ( inside each other") }
            let node = try choice()
            guard next == ")" else { throw FilterError(at: open, "this ( is not closed") }
            depth -= 1
            place += 1
            return node
        case "\\":
            let (ranges, isNegated, literal) = try escape()
            if let literal { return .scalar(literal.value) }
            return .set(NameExpression.ScalarSet(ranges: ranges, isNegated: isNegated))
        default:
            note(scalar)
            return .scalar(scalar.value)
        }
    }

    private mutating func note(_ scalar: Unicode.Scalar) { hasCapital = hasCapital || scalar.properties.isUppercase }

    private mutating func escape() throws(FilterError) -> ([ClosedRange<UInt32>], Bool, Unicode.Scalar?) {
        guard let scalar = next else { throw FilterError(at: place - 1, "nothing follows this \\") }
        place += 1
        let digits: [ClosedRange<UInt32>] = [0x30...0x39]
        switch scalar {
        case "d", "D": return (digits, scalar == "D", nil)
        case "w", "W": return (digits + [0x41...0x5a, 0x5f...0x5f, 0x61...0x7a, 0x80...0x10ffff], scalar == "W", nil)
        case "s", "S": return ([0x20...0x20], scalar == "S", nil)
        case _ where scalar.properties.isAlphabetic || ("0"..."9").contains(scalar):
            throw FilterError(at: place - 2, "\\\(scalar) has no meaning here")
        default: return ([], false, scalar)
        }
    }

    private mutating func set() throws(FilterError) -> NameExpression.ScalarSet {
        let open = place - 1
        var set = NameExpression.ScalarSet()
        if next == "^" {
            set.isNegated = true
            place += 1
        }
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            place += 1
            var low = scalar
            if scalar == "\\" {
                let (ranges, isNegated, literal) = try escape()
                guard let literal else {
                    guard !isNegated else { throw FilterError(at: place - 2, "not inside of [ ]") }
                    set.ranges += ranges
                    continue
                }
                low = literal
            }
            note(low)
            var high = low
            if next == "-", place + 1 < source.count, source[place + 1] != "]" {
                high = source[place + 1]
                place += 2
                note(high)
                guard high >= low else { throw FilterError(at: place - 3, "this range runs backwards") }
            }
            set.ranges.append(low.value...high.value)
        }
        guard next == "]" else { throw FilterError(at: open, "this [ is not closed") }
        place += 1
        return set
    }
}
