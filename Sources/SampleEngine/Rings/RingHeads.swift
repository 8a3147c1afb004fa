/// The heads of several rings side by side: whether anything has come is one load for each, whatever the rings are.
///
/// The rings must outlive this value.
struct RingHeads: ~Copyable {
    private var pages: [SharedWords]
    /// What each head's word said when the ring was read last.
    private var seen: [UInt64]

    init(_ rings: [Ring]) {
        pages = rings.map { $0.reader.controlWords }
        seen = rings.map { $0.reader.headWhenRead }
    }

    /// Visits the number of each ring whose head has moved.
    @inline(__always)
    func eachMoved(_ visit: (Int) -> Void) {
        for number in pages.indices where pages[number].acquire(ControlPage.dataHead) != seen[number] { visit(number) }
    }

    /// Says how far a ring was read; what came and was left is found again.
    mutating func note(_ number: Int, _ reader: borrowing RingReader) { seen[number] = reader.headWhenRead }
}
