extension UInt64 {
    /// The sum, or the largest value where it would not fit: a hostile period must not wrap or trap.
    package func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
