/// What came up while a session went on and should be known, each sentence once.
///
/// What changes the numbers has room of its own: a crowd of files and processes without names does not keep it from being
/// said. Of those some are named, and the others counted.
struct SessionNews {
    private var ofNumbers: [String] = []
    private var ofNames: [String] = []
    /// Sentences of either kind that find no room.
    private var earlier = 0
    private var more = 0
    /// What was said or counted of names, by its hash; bounded, then all the rest counts as one.
    private var seen: Set<Int> = []

    private static let numbersLimit = 32
    private static let namesLimit = 16
    private static let seenLimit = 4096

    /// The rate changed, or what is sampled: the newest hold.
    mutating func addOfNumbers(_ sentence: String) {
        if ofNumbers.contains(sentence) { return }
        ofNumbers.append(sentence)
        if ofNumbers.count > Self.numbersLimit {
            ofNumbers.removeFirst()
            earlier += 1
        }
    }

    /// Something has no names.
    mutating func addOfNames(_ sentence: String) {
        guard seen.count < Self.seenLimit, seen.insert(sentence.hashValue).inserted else { return }
        if ofNames.count < Self.namesLimit { ofNames.append(sentence) } else { more += 1 }
    }

    var sentences: [String] {
        var all = ofNumbers
        if earlier > 0 { all.append("\(earlier) earlier changes of what is sampled are not listed") }
        all += ofNames
        if more > 0 {
            let count = seen.count < Self.seenLimit ? "\(more)" : "at least \(more)"
            all.append("and \(count) more files or processes like these have no names")
        }
        return all
    }
}
