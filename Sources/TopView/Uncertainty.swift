public import SampleEngine

extension Table {
    /// How far chance may have moved the shares, where that is far: `few samples: shares ±29 points`.
    ///
    /// The same words on the screen and in every report; nil where there is nothing to say.
    public var uncertainty: String? {
        guard samples > 0, let equalSamples, equalSamples > 0 else { return nil }
        let isUnequal = equalSamples < Double(samples) / 4
        guard equalSamples < Self.few || isUnequal && equalSamples < 10 * Self.few else { return nil }
        // A share of n samples lies 19 times in 20 within 1/√n of the truth: half of them at the worst, two deviations.
        let points = Numbers.fixed(min(100 / equalSamples.squareRoot(), 100), 0)
        return "\(isUnequal ? "very unequal periods" : "few samples"): shares ±\(points) points"
    }

    /// Below so many a tenth of the picture may be chance.
    private static var few: Double { 100 }
}
