package import SampleEngine

extension Symbolizer {
    /// What a location is called, with all the slow work done at once.
    package mutating func name(at location: Location, now: Instant = .now) -> String {
        if let answer = ask(location, at: now) { return answer.symbol.name }
        while true {
            if let named = takeAnswers().last { return named.answer.symbol.name }
            let errands = takeErrands(at: now)
            if errands.isEmpty { return "" }
            for errand in errands { receive(errand.run(.unlimited), at: now) }
        }
    }
}
