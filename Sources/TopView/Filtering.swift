internal import SampleEngine

/// Typing a filter: the table follows with every key, as far as what was typed is understood.
extension TopModel {
    mutating func beginFilter() {
        guard view != .rings else { return say("rings are not filtered") }
        filterBefore = filter
        filterError = nil
        prompt = Prompt(.filter, text: filter.text, history: filterHistory)
    }

    mutating func performInFilterPrompt(_ action: Action) {
        switch action {
        case .accept:
            prompt = nil
            if !filter.isEmpty, filterHistory.last != filter.text {
                filterHistory = filterHistory.suffix(49) + [filter.text]
            }
            if let filterError {
                let kept = filter.isEmpty ? "no filter" : "still \"\(filter.text)\""
                say("\(filterError.sentence); \(kept)")
            }
        case .back:
            prompt = nil
            use(filterBefore)
        default:
            prompt?.edit(action)
            applyFilter()
        }
    }

    /// What is not understood leaves the last good filter as it is.
    mutating func applyFilter() {
        guard let prompt else { return }
        do {
            let typed = try Filter(prompt.text)
            filterError = nil
            if typed != filter { use(typed) }
        } catch {
            filterError = error
        }
    }

    mutating func use(_ filter: Filter) {
        self.filter = filter
        filterError = nil
        forgetOrder()
        fold()
    }

    /// User code alone, then the kernel's, then both: two filters that need not be typed.
    mutating func showNextSide() {
        guard view != .rings else { return say("rings are not filtered") }
        let sides = ["", "!kind:kernel", "kind:kernel"]
        guard let side = sides.firstIndex(of: filter.text) else {
            return say("K works without a filter; in one, kind:kernel and !kind:kernel do the same")
        }
        guard let next = try? Filter(sides[(side + 1) % sides.count]) else { return }
        use(next)
    }
}
