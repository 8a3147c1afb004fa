/// The road to an address's name, step by step; kept only where somebody asked to be told.
package struct Explanation: Sendable {
    package private(set) var steps: [String] = []
    /// Whether anybody wants to be told.
    let isWanted: Bool

    /// - Parameter isWanted: false: `add` costs one test and keeps nothing.
    package init(isWanted: Bool) { self.isWanted = isWanted }

    /// Adds a step. Foreign text in it has passed `displayText`.
    @inline(__always)
    package mutating func add(_ step: @autoclosure () -> String) {
        if isWanted { steps.append(step()) }
    }
}
