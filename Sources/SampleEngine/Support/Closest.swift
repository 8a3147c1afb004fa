/// The candidates nearest to a mistyped word, best first; none that would surprise.
package func closest(to word: String, among candidates: some Sequence<String>, most: Int = 3) -> [String] {
    let limit = max(2, word.count / 3)
    var scored: [(distance: Int, name: String)] = []
    for candidate in candidates {
        if candidate.contains(word), word.count >= 3 {
            scored.append((1, candidate))
        } else if abs(candidate.count - word.count) <= limit {
            let distance = editDistance(Array(word.utf8), Array(candidate.utf8))
            if distance <= limit { scored.append((distance, candidate)) }
        }
    }
    let ordered = scored.sorted { ($0.distance, $0.name.count, $0.name) < ($1.distance, $1.name.count, $1.name) }
    return ordered.prefix(most).map(\.name)
}

/// Insertions, deletions and replacements that turn one word into the other.
package func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let replaced = diagonal + (a == b ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[right.count]
}
