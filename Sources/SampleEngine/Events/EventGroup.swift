/// Events that are scheduled together: the leader samples, its siblings only count and are read with each sample.
///
/// An event by itself is a group without siblings.
public struct EventGroup: Hashable, Sendable {
    public var leader: EventSpec
    public var siblings: [EventSpec]

    public init(_ leader: EventSpec, siblings: [EventSpec] = []) {
        self.leader = leader
        self.siblings = siblings
    }

    /// Leader first.
    public var events: [EventSpec] { [leader] + siblings }

    /// Reads a list as perf writes it: events and `{groups}` separated by commas, `:u` and `:k` behind either.
    public static func parse(_ text: String) throws(EngineError) -> [EventGroup] {
        var groups: [EventGroup] = []
        for word in try words(text) {
            guard word.hasPrefix("{") else {
                groups.append(EventGroup(try EventSpec.parse(word)))
                continue
            }
            // `words` has made sure that there is one closing brace.
            let parts = word.dropFirst().split(separator: "}", omittingEmptySubsequences: false).map(String.init)
            let names = parts[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            var events: [EventSpec] = []
            for name in names {
                // What stands behind the brace holds for each event that says nothing of its own.
                let event = try EventSpec.parse(EventSpec.hasModifiers(name) ? name : name + parts[1])
                if events.contains(event) {
                    throw EngineError(
                        .usage, what: "event group '\(displayText(word))'", why: "\(event.text) is in it twice")
                }
                events.append(event)
            }
            groups.append(EventGroup(events[0], siblings: Array(events.dropFirst())))
        }
        return groups
    }

    /// The list's words: split at commas outside of braces.
    private static func words(_ text: String) throws(EngineError) -> [String] {
        let unbalanced = EngineError(
            .usage, what: "event '\(displayText(text))'", why: "braces do not match",
            remedy: "write a group as {LEADER,SIBLING,…}, in quotes for the shell")
        var words = [""]
        var isInside = false
        for character in text {
            switch character {
            case "{":
                guard !isInside, words[words.count - 1].isEmpty else { throw unbalanced }
                isInside = true
            case "}":
                guard isInside else { throw unbalanced }
                isInside = false
            case "," where !isInside:
                words.append("")
                continue
            default: break
            }
            words[words.count - 1].append(character)
        }
        if isInside { throw unbalanced }
        return words
    }
}
