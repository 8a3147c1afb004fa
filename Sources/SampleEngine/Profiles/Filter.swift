/// Which samples a table shows: the language of the filter prompt and of `--filter`.
///
///     memcpy            function, module or process holds the text      nginx | redis     either
///     !memcpy           none of them does                               nginx libc        both
///     /^_int_|free$/    a regular expression does                       "operator |"      as it stands
///     module:libc  process:nginx  function:/^str/  pid:77  tid:77  cpu:3  user:0  kind:kernel
///     dso:libc     comm:nginx     sym:/^str/       perf's words for three of them
///     self>1  total>=5  samples<100                                     of the rows that are left
///
/// Terms judge samples by their places, so that whatever makes a row shows the same samples; comparisons judge rows.
/// `|` binds loosest and there are no parentheses: names are full of them.
public struct Filter: Sendable, Equatable {
    /// As it was written.
    public let text: String
    /// One of these has to hold; none at all: everything is shown.
    private let alternatives: [Alternative]
    private let terms: [Term]

    /// Shows every sample.
    public static let everything = Filter(text: "", terms: [], alternatives: [])

    /// Reads an expression; what is thrown names the character it does not understand.
    public init(_ text: String) throws(FilterError) {
        var parser = FilterParser(displayText(text))
        self = try parser.parse()
    }

    init(text: String, terms: [Term], alternatives: [Alternative]) {
        self.text = text
        self.terms = terms
        self.alternatives = alternatives
    }

    /// Whether every sample is shown.
    public var isEmpty: Bool { alternatives.isEmpty }

    /// One condition on the place of a sample.
    enum Term: Sendable, Equatable {
        /// Function, module or process.
        case anyName(NamePattern)
        case function(NamePattern)
        case module(NamePattern)
        case process(NamePattern)
        case pid(Int32)
        case thread(Int32)
        case cpu(UInt16)
        case user(UInt32)
        case kind(CodeKind)
    }

    /// Terms and comparisons that have to hold together.
    struct Alternative: Sendable, Equatable {
        /// Terms by their places in the filter's list, one bit each.
        var required: UInt64 = 0
        var excluded: UInt64 = 0
        var comparisons: [Comparison] = []
    }

    /// A condition on a row's numbers.
    struct Comparison: Sendable, Equatable {
        enum Number: String, Sendable { case total, samples, own = "self" }
        enum Operator: String, Sendable { case atLeast = ">=", atMost = "<=", more = ">", less = "<" }

        let number: Number
        let operation: Operator
        let bound: Double

        func holds(_ value: Double) -> Bool {
            switch operation {
            case .atLeast: value >= bound
            case .atMost: value <= bound
            case .more: value > bound
            case .less: value < bound
            }
        }

        /// What holds exactly where this does not.
        var opposite: Comparison {
            let operation: Operator =
                switch operation {
                case .atLeast: .less
                case .atMost: .more
                case .more: .atMost
                case .less: .atLeast
                }
            return Comparison(number: number, operation: operation, bound: bound)
        }
    }

    /// Terms and comparisons together: there is one bit for each.
    static var termLimit: Int { 63 }
}

/// Why an expression is not understood.
public struct FilterError: Error, Equatable {
    /// Counted from 0.
    public let place: Int
    public let reason: String

    init(at place: Int, _ reason: String) {
        self.place = place
        self.reason = reason
    }

    /// `character 7: this ( is not closed`
    public var sentence: String { "character \(place + 1): \(reason)" }
}

// MARK: - Asked by the fold

/// A place of a sample is judged in parts, each one once: which terms hold for its function, for its process, for its
/// cell. All parts' bits together tell which alternatives hold.
extension Filter {
    func marks(function name: String, module: String, kind: CodeKind) -> UInt64 {
        marks {
            switch $0 {
            case .anyName(let pattern): pattern.isFound(in: name) || pattern.isFound(in: module)
            case .function(let pattern): pattern.isFound(in: name)
            case .module(let pattern): pattern.isFound(in: module)
            case .kind(let wanted): kind == wanted
            default: false
            }
        }
    }

    func marks(process name: String, pid: Int32, user: UInt32?) -> UInt64 {
        marks {
            switch $0 {
            case .anyName(let pattern), .process(let pattern): pattern.isFound(in: name)
            case .pid(let wanted): pid == wanted
            case .user(let wanted): user == wanted
            default: false
            }
        }
    }

    func marks(_ cell: Cell) -> UInt64 {
        marks {
            switch $0 {
            case .thread(let wanted): cell.thread == wanted
            case .cpu(let wanted): cell.cpu == wanted
            default: false
            }
        }
    }

    private func marks(_ holds: (Term) -> Bool) -> UInt64 {
        var marks: UInt64 = 0
        for (place, term) in terms.enumerated() where holds(term) { marks |= 1 << UInt64(place) }
        return marks
    }

    /// The alternatives whose terms hold, one bit each; 0 where the place is left out.
    func alternatives(_ marks: UInt64) -> UInt64 {
        var held: UInt64 = 0
        for (place, alternative) in alternatives.enumerated()
        where marks & alternative.required == alternative.required && marks & alternative.excluded == 0 {
            held |= 1 << UInt64(place)
        }
        return held
    }

    /// Whether a row is shown.
    ///
    /// - Parameter held: alternatives that some place of the row fulfills.
    func shows(held: UInt64, selfPercent: Double, totalPercent: Double, samples: UInt64) -> Bool {
        alternatives.enumerated().contains { place, alternative in
            held >> UInt64(place) & 1 == 1
                && alternative.comparisons.allSatisfy {
                    switch $0.number {
                    case .own: $0.holds(selfPercent)
                    case .total: $0.holds(totalPercent)
                    case .samples: $0.holds(Double(samples))
                    }
                }
        }
    }
}
