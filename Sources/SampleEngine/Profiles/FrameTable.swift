/// Every frame that was ever sampled, once: its number for the session, and its name as far as it is known.
///
/// A name is given once and then holds, so that what was counted keeps it. Two things are asked again: a place whose
/// answer was a stand-in and may get better, for a while; and code made at run time, where its maker has written new
/// names since. There, a frame that had a name keeps it for the samples it has, and new samples get a new frame:
///
///     samples at 0x7f00:   ──a──a──a──┊──b──b──►      one place, two frames
///     the map says:        a          ┊ b
struct FrameTable: ~Copyable {
    private(set) var frames = PagedArray<Frame>()
    private var ids: [StackEntry: StackID] = [:]
    private var unnamed: [StackID] = []
    /// Frames with a stand-in that a later look may better.
    private var doubtful: [StackID: Doubt] = [:]
    /// Frames in code that was made at run time, by the space of their addresses.
    private var changeable: [SpaceID: Set<StackID>] = [:]

    private struct Doubt {
        /// When to look again; nil while it waits among the unnamed.
        var due: Instant?
        var looks = 0
    }

    /// Looks at one place, the last after about a minute: 0.25, 0.5, 1, … seconds apart.
    private static var lookLimit: Int { 8 }
    private static var firstPause: UInt64 { 250_000_000 }
    private static var doubtLimit: Int { 4096 }

    /// The frame's number; a new one waits for its name.
    mutating func intern(_ entry: StackEntry) -> StackID {
        if let known = ids[entry] { return known }
        let id = StackID(UInt32(frames.count))
        frames.append(Frame(location: entry.location, function: nil, caller: entry.caller))
        ids[entry] = id
        unnamed.append(id)
        return id
    }

    // MARK: Naming

    /// Nothing waits for a name.
    var isNamed: Bool { unnamed.isEmpty }

    /// How many frames wait, in how many spaces, and where the next one is.
    var waiting: (places: Int, spaces: Int, next: SpaceID)? {
        guard let next = unnamed.last else { return nil }
        let spaces = Set(unnamed.map { frames[Int($0.index)].location.space })
        return (unnamed.count, spaces.count, frames[Int(next.index)].location.space)
    }

    /// The next frame to name.
    mutating func takeUnnamed() -> StackID? { unnamed.popLast() }

    /// Puts what weighs most last, where naming begins; the kernel first, whose list of names takes long to read.
    mutating func orderUnnamed(by cells: [Cell]) {
        guard unnamed.count > 1 else { return }
        var weights: [StackID: UInt64] = [:]
        for cell in cells where frames[Int(cell.stack.index)].function == nil {
            weights[cell.stack] = (weights[cell.stack] ?? 0).addingSaturating(cell.period)
        }
        func isCheap(_ id: StackID) -> Bool { frames[Int(id.index)].location.space != .kernel }
        unnamed.sort { left, right in
            let cheap = (isCheap(left), isCheap(right))
            return cheap.0 != cheap.1 ? !cheap.0 : (weights[left] ?? 0) < (weights[right] ?? 0)
        }
    }

    /// Gives a frame its name, or a stand-in for now.
    ///
    /// - Parameter isChangeable: what lies there may be something else later.
    mutating func name(_ id: StackID, _ function: FunctionID, isFinal: Bool, isChangeable: Bool, now: Instant) {
        frames[Int(id.index)].function = function
        if isChangeable { changeable[frames[Int(id.index)].location.space, default: []].insert(id) }
        var doubt = doubtful.removeValue(forKey: id) ?? Doubt()
        if isFinal || doubt.looks >= Self.lookLimit || doubtful.count >= Self.doubtLimit { return }
        doubt.due = now.advanced(byNanoseconds: Self.firstPause << UInt64(doubt.looks))
        doubt.looks += 1
        doubtful[id] = doubt
    }

    /// Lets the places with stand-ins be asked for whose time has come.
    mutating func doubt(at now: Instant) {
        if doubtful.isEmpty { return }
        let due = doubtful.filter { $1.due.map { $0 <= now } ?? false }.keys
        for id in due {
            doubtful[id]?.due = nil
            unnamed.append(id)
        }
    }

    // MARK: Code made at run time

    /// Whether any name may change.
    var hasChangeable: Bool { !changeable.isEmpty }

    /// Whether names of a space may change.
    func isChangeable(_ space: SpaceID) -> Bool { changeable[space] != nil }

    /// The frames at addresses that have other names now.
    func touched(by changed: [Range<UInt64>], in space: SpaceID) -> [StackID] {
        guard let frames = changeable[space], !changed.isEmpty else { return [] }
        return frames.filter { id in changed.contains { $0.contains(self.frames[Int(id.index)].location.value) } }
    }

    /// Takes up what a place is called from now on.
    ///
    /// - Parameter hadName: false: the frame had a stand-in, and all its samples get the name.
    mutating func rename(_ id: StackID, _ function: FunctionID, hadName: Bool) {
        let frame = frames[Int(id.index)]
        if frame.function == function { return }
        if !hadName {
            frames[Int(id.index)].function = function
            return
        }
        // Its samples keep the name; new ones will be another frame.
        let entry = StackEntry(location: frame.location, caller: frame.caller)
        if ids[entry] == id { ids[entry] = nil }
        changeable[frame.location.space]?.remove(id)
    }

    /// Keeps the names of all frames of a space to the samples they have; new samples get new frames.
    ///
    /// Looks through everything there is: for what hardly ever happens.
    mutating func retire(_ space: SpaceID) {
        ids = ids.filter { $0.key.location.space != space }
    }

    // MARK: Bounded memory

    /// Forgets the frames that no cell of these slices uses; numbers change, so the slices are rewritten.
    mutating func keepOnly(usedBy slices: inout [Slice]) {
        var newIDs: [StackID?] = Array(repeating: nil, count: frames.count)
        var kept = PagedArray<Frame>()
        var keptIDs: [StackEntry: StackID] = [:]
        func keep(_ old: StackID) -> StackID {
            if let known = newIDs[Int(old.index)] { return known }
            let frame = frames[Int(old.index)]
            let caller = frame.caller.map(keep)
            let id = StackID(UInt32(kept.count))
            kept.append(Frame(location: frame.location, function: frame.function, caller: caller))
            // A frame whose place has another name by now is found by nobody.
            if ids[StackEntry(location: frame.location, caller: frame.caller)] == old {
                keptIDs[StackEntry(location: frame.location, caller: caller)] = id
            }
            newIDs[Int(old.index)] = id
            return id
        }
        slices = slices.map { slice in
            Slice(
                start: slice.start, end: slice.end,
                cells: slice.cells.map { cell in
                    var cell = cell
                    cell.stack = keep(cell.stack)
                    return cell
                }, rings: slice.rings, counted: slice.counted,
                folded: slice.folded, userless: slice.userless, cost: slice.cost)
        }
        frames = kept
        ids = keptIDs
        unnamed = kept.indices.filter { kept[$0].function == nil }.map { StackID(UInt32($0)) }
        doubtful = doubtful.reduce(into: [:]) { left, doubt in
            guard let id = newIDs[Int(doubt.key.index)] else { return }
            left[id] = doubt.value
            // It waited among the unnamed.
            if doubt.value.due == nil { unnamed.append(id) }
        }
        changeable = changeable.compactMapValues { old in
            let left = Set(old.compactMap { newIDs[Int($0.index)] })
            return left.isEmpty ? nil : left
        }
    }
}
