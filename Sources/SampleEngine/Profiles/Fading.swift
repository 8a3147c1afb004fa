/// How much older samples count: each as one, or half with every half-life.
///
/// In fixed-point numbers, because a sample that has faded is less than one.
struct Fading {
    private let halfLife: UInt64?
    private let unit: UInt64
    /// What a sample of the present age counts, in parts of the unit.
    private(set) var scale: UInt64

    init(halfLife: UInt64?) {
        self.halfLife = halfLife
        unit = halfLife == nil ? 1 : 1 << 16
        scale = unit
    }

    /// What comes now is so many nanoseconds old.
    mutating func age(_ age: UInt64) {
        guard let halfLife else { return }
        let whole = unit >> min(age / max(halfLife, 1), 63)
        // Between two powers of two a straight line is near enough: 6 % beside it at the most.
        let part = min(age % max(halfLife, 1) / max(halfLife / 64, 1), 64)
        scale = whole - whole * part / 128
    }

    /// Whole samples of so many parts.
    func samples(_ parts: UInt64) -> UInt64 { unit == 1 ? parts : parts / unit + (parts % unit * 2 >= unit ? 1 : 0) }
}
