/// How unequal the weights of samples are: ten of which one stands for nearly everything tell as much as one.
///
/// Kish's effective sample size, (Σw)² / Σw². The samples of a cell count as equal, for only their sum is kept: where they
/// are not, the result is too large.
struct Spread {
    private var weight = 0.0
    private var squares = 0.0

    mutating func add(_ cell: Cell, _ scale: UInt64) {
        guard cell.count > 0 else { return }
        let sum = Double(cell.period) * Double(scale)
        weight += sum
        squares += sum * sum / Double(cell.count)
    }

    /// So many samples of equal weight would tell as much.
    var equalSamples: Double { squares > 0 ? weight * weight / squares : 0 }
}
