/// What begins at an address relative to the base of its image.
protocol Starting {
    var start: UInt32 { get }
}

extension SymbolCandidate: Starting {}

/// A range packed as `start << 32 | end`.
extension UInt64: Starting {
    @inline(__always) var start: UInt32 { UInt32(truncatingIfNeeded: self >> 32) }
}

/// Sorts by start: radix, stable, as few digits as the largest start needs.
func sortByStart<Element: Starting>(_ elements: inout [Element]) {
    var isSorted = true
    var (previous, largest) = (UInt32(0), UInt32(0))
    for element in elements {
        isSorted = isSorted && element.start >= previous
        previous = element.start
        largest = max(largest, previous)
    }
    if isSorted { return }
    // Below this the counting tables cost more than the elements.
    if elements.count < 512 {
        elements.sort { $0.start < $1.start }
        return
    }
    // Digits of 14 bits sort most images in two rounds, but their counts fill the nearest cache.
    let width: UInt32 = elements.count < 32_768 ? 11 : 14
    var scratch = elements
    var shift: UInt32 = 0
    while shift < 32, largest >> shift > 0 {
        var places = [UInt32](repeating: 0, count: 1 << Int(width))
        for element in elements { places[Int(element.start >> shift & (1 << width - 1))] += 1 }
        var sum: UInt32 = 0
        for digit in places.indices { (places[digit], sum) = (sum, sum + places[digit]) }
        scatter(elements, to: &scratch, places: &places, shift: shift, mask: 1 << width - 1)
        swap(&elements, &scratch)
        shift += width
    }
}

/// Moves each element to the next free place of its digit.
private func scatter<Element: Starting>(
    _ elements: [Element], to result: inout [Element], places: inout [UInt32], shift: UInt32, mask: UInt32
) {
    // Spans, so that a shared buffer is tested for once, not at every store.
    let from = elements.span
    var to = result.mutableSpan
    var places = places.mutableSpan
    for index in from.indices {
        let slot = Int(from[index].start >> shift & mask)
        let place = places[slot]
        to[Int(place)] = from[index]
        places[slot] = place &+ 1
    }
}
