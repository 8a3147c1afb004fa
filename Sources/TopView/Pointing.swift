internal import SampleEngine

/// The mouse: what is under the pointer was said by whoever drew it there.
extension TopModel {
    /// Rows that one notch of the wheel moves.
    private static var wheelRows: Int { 3 }

    /// Does what a click or the wheel means at this moment; every one of them has a key as well.
    ///
    /// It is the picture that was drawn last that is clicked at: what has left it since is not hit. The first click
    /// chooses a row, one on the chosen row enters it.
    public mutating func point(_ pointer: Pointer) -> Effect {
        // What is typed is finished or left by keys.
        guard context != .prompt, context != .question else { return .none }
        message = nil
        switch pointer.event {
        case .wheelUp: return turnWheel(.up)
        case .wheelDown: return turnWheel(.down)
        case .press: break
        }
        guard drawnLines.indices.contains(pointer.line),
            let target = drawnLines[pointer.line].target(at: pointer.column)
        else { return .redraw }
        switch target {
        case .action(let action): return press(action)
        case .sort(let index) where context == .table:
            // A click on the sorted column turns the order round, as in every table.
            if isSorted(byColumn: index) { invert() } else { sort(byColumn: index) }
            return .redraw
        case .row(let key) where context == .table && view != .rings:
            guard let index = rows.firstIndex(where: { $0.key == key }) else { return .redraw }
            if index == cursor.index { return perform(.drill) }
            cursor.move(to: index, in: rows.lazy.map(\.key))
            holdOrder()
            return .redraw
        case .ring(let id) where context == .table && view == .rings:
            guard let index = rings.firstIndex(where: { RingID($0) == id }) else { return .redraw }
            if index == ringCursor.index { return perform(.drill) }
            ringCursor.move(to: index, in: rings.lazy.map(RingID.init))
            return .redraw
        case .choice(let purpose, let index) where menu?.purpose == purpose && index < menu?.titles.count ?? 0:
            menu?.index = index
            return perform(menu?.isOn == nil ? .accept : .toggle)
        default: return .redraw
        }
    }

    /// A tab or a word of the bar: only what its keys could do now.
    private mutating func press(_ action: Action) -> Effect {
        let isBound = Binding.all.contains { $0.action == action && $0.contexts.contains(context) }
        return isBound ? perform(action) : .redraw
    }

    mutating func switchMouse() {
        usesMouse.toggle()
        say(
            usesMouse
                ? "the mouse is perftop's; with Shift the terminal selects text"
                : "the mouse is the terminal's; M takes it back")
    }

    private mutating func turnWheel(_ action: Action) -> Effect {
        var effect = Effect.none
        for _ in 0..<Self.wheelRows { effect = perform(action) }
        return effect
    }
}
