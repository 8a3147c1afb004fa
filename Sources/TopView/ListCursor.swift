/// The chosen row of a list whose rows move: it follows a row's identity, not a place.
///
/// A cursor that was put on the first row stays there, so that the top of the list remains the top.
struct ListCursor<Identity: Hashable & Sendable>: Sendable {
    /// Nil while the cursor stays on the first row whatever that is.
    private(set) var identity: Identity?
    private(set) var index = 0
    /// It stays with its row on the first place too, and waits for it while it is gone.
    private(set) var isFollowing = false
    /// First row on the screen.
    private(set) var top = 0

    init() {}

    /// Finds the row again after the list has changed; one that is gone leaves the cursor at its place.
    mutating func follow(_ identities: some RandomAccessCollection<Identity>) {
        guard let wanted = identity else {
            index = 0
            return
        }
        if let found = identities.firstIndex(of: wanted) {
            index = identities.distance(from: identities.startIndex, to: found)
        } else if isFollowing {
            index = max(min(index, identities.count - 1), 0)
        } else {
            move(to: min(index, identities.count - 1), in: identities)
        }
    }

    /// Points at a row wherever it stands after the next change.
    mutating func point(at identity: Identity) { self.identity = identity }

    /// Stays with a row until it is moved.
    mutating func stay(with identity: Identity) {
        self.identity = identity
        isFollowing = true
    }

    /// Puts the cursor on a row, as far as the list goes.
    mutating func move(to wanted: Int, in identities: some RandomAccessCollection<Identity>) {
        isFollowing = false
        index = max(min(wanted, identities.count - 1), 0)
        let place = identities.index(identities.startIndex, offsetBy: index, limitedBy: identities.endIndex)
        identity = index == 0 || place == nil ? nil : place.map { identities[$0] }
    }

    /// Keeps the chosen row inside a window of so many rows, and the window inside the list.
    mutating func show(rows: Int, of count: Int) {
        let rows = max(rows, 1)
        if index < top { top = index }
        if index >= top + rows { top = index - rows + 1 }
        top = max(min(top, count - rows), 0)
    }
}
