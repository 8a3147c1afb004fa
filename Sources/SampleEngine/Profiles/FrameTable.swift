/// Every frame that was sampled and is still referred to, once: its number for the session, and its name as far as it is
/// known.
///
/// A name is given once and then holds, so that what was counted keeps it. Two things are asked again: a place whose
/// answer was a stand-in and may get better, for a while; and code made at run time, where its maker has written new
/// names since. There, a frame that had a name keeps it for the samples it has, and new samples get a new frame:
///
///     samples at 0x7f00:   ──a──a──a──┊──b──b──►      one place, two frames
///     the map says:        a          ┊ b
struct FrameTable: ~Copyable {
    private(set) var frames = PagedArray<Frame>()
    /// Finds the frame that new samples of a place belong to.
    private var index = HashIndex(capacity: 1024)
    /// Places without a name, and those with a stand-in that a later look may better.
    private var open: [Location: OpenPlace] = [:]
    /// Places to be asked for; what is to be asked first stands last.
    private var unasked: [Location] = []
    /// How many places have no name.
    private(set) var unnamedCount = 0
    /// Frames in code that was made at run time, by the space of their addresses.
    private var changeable: [SpaceID: Set<StackID>] = [:]
    /// Frames whose place is asked for anew, and the number of the last question before.
    private var renewed: [Location: (since: UInt64, frames: Set<StackID>)] = [:]
    /// Questions so far: an answer to one that was asked before is of what was there before.
    private var questions: UInt64 = 0

    private struct OpenPlace {
        var frames: [StackID]
        /// The number of the last question before: what answers that one says nothing of these frames.
        let since: UInt64
        var isNamed = false
        /// When to look again; nil while it is asked for.
        var due: Instant?
        var looks = 0
    }

    /// Looks at one place, the last after about a minute: 0.25, 0.5, 1, … seconds apart.
    private static var lookLimit: Int { 8 }
    private static var firstPause: UInt64 { 250_000_000 }
    private static var doubtLimit: Int { 4096 }

    /// The frame's number; a new one waits for its name.
    mutating func intern(_ entry: StackEntry) -> StackID {
        if let known = find(entry) { return known }
        let id = StackID(UInt32(frames.count))
        let place = open[entry.location]
        let standIn = place.flatMap { place in place.isNamed ? place.frames.first : nil }
            .flatMap { frames[Int($0.index)].function }
        frames.append(Frame(location: entry.location, function: standIn, caller: entry.caller))
        let all = frames
        index.insert(Self.hash(entry), entry: Int(id.index)) { Self.hash(all[$0].entry) }
        if place == nil {
            open[entry.location] = OpenPlace(frames: [id], since: questions)
            unasked.append(entry.location)
            unnamedCount += 1
        } else {
            open[entry.location]?.frames.append(id)
        }
        return id
    }

    private func find(_ entry: StackEntry) -> StackID? {
        index.find(Self.hash(entry)) { frames[$0].entry == entry }.map { StackID(UInt32($0)) }
    }

    private static func hash(_ entry: StackEntry) -> UInt64 {
        let caller = entry.caller.map { UInt64($0.index) + 1 } ?? 0
        return mixed(entry.location.value, UInt64(entry.location.space.number) << 32 | caller)
    }

    /// New samples of its place belong to another frame from now on.
    private mutating func leave(_ id: StackID) {
        let all = frames
        index.remove(Self.hash(all[Int(id.index)].entry), entry: Int(id.index)) { Self.hash(all[$0].entry) }
    }

    // MARK: Naming

    /// Nothing waits for a name.
    var isNamed: Bool { unnamedCount == 0 }

    /// The space of a place without a name; nil where all have one.
    var unnamedSpaces: (count: Int, one: SpaceID)? {
        if isNamed { return nil }
        var spaces: Set<SpaceID> = []
        for (location, place) in open where !place.isNamed { spaces.insert(location.space) }
        return spaces.first.map { (spaces.count, $0) }
    }

    /// Whether some place is still to be asked for.
    var hasUnasked: Bool { !unasked.isEmpty }

    /// The next place to ask for, and the number of the question.
    mutating func takeUnasked() -> (location: Location, question: UInt64)? {
        guard let location = unasked.popLast() else { return nil }
        questions += 1
        return (location, questions)
    }

    /// Puts what weighs most last, where asking begins; the kernel first, whose list of names takes long to read.
    mutating func orderUnasked(by cells: [Cell]) {
        guard unasked.count > 1 else { return }
        var weights: [Location: UInt64] = [:]
        for cell in cells {
            let frame = frames[Int(cell.stack.index)]
            if frame.function != nil { continue }
            weights[frame.location] = (weights[frame.location] ?? 0).addingSaturating(cell.period)
        }
        // Looked up once each, not with every comparison.
        let ranked = unasked.map { place in
            (place: place, isKernel: place.space == .kernel, weight: weights[place] ?? 0)
        }
        unasked = ranked.sorted { left, right in
            left.isKernel == right.isKernel ? left.weight < right.weight : left.isKernel
        }.map(\.place)
    }

    /// Gives the frames of a place their name, or a stand-in for now.
    ///
    /// - Parameters:
    ///   - question: the number of the one that is answered.
    ///   - isChangeable: what lies there may be something else later.
    mutating func name(
        _ location: Location, _ function: FunctionID, answering question: UInt64, isFinal: Bool, isChangeable: Bool,
        now: Instant
    ) {
        guard var place = open[location], question > place.since else { return }
        open[location] = nil
        for id in place.frames { frames[Int(id.index)].function = function }
        if isChangeable { changeable[location.space, default: []].formUnion(place.frames) }
        if !place.isNamed { unnamedCount -= 1 }
        if isFinal || place.looks >= Self.lookLimit || open.count >= unnamedCount + Self.doubtLimit { return }
        place.isNamed = true
        place.due = now.advanced(byNanoseconds: Self.firstPause << UInt64(place.looks))
        place.looks += 1
        open[location] = place
    }

    /// Lets the places with stand-ins be asked for whose time has come.
    mutating func doubt(at now: Instant) {
        if open.count == unnamedCount { return }
        for (location, place) in open where place.due.map({ $0 <= now }) ?? false {
            open[location]?.due = nil
            unasked.append(location)
        }
    }

    // MARK: Code made at run time

    /// Whether any name may change.
    var hasChangeable: Bool { !changeable.isEmpty }

    /// Whether names of a space may change.
    func isChangeable(_ space: SpaceID) -> Bool { changeable[space] != nil }

    /// Asks anew for the places at addresses that have other names now.
    mutating func renew(_ changed: [Range<UInt64>], in space: SpaceID) {
        guard let candidates = changeable[space], !changed.isEmpty else { return }
        for id in candidates {
            let location = frames[Int(id.index)].location
            guard changed.contains(where: { $0.contains(location.value) }) else { continue }
            // What is on its way may be of before the change.
            let known = renewed[location]
            if known?.since != questions { unasked.append(location) }
            renewed[location] = (questions, (known?.frames ?? []).union([id]))
        }
    }

    /// Whether frames wait for their new name.
    var isRenewing: Bool { !renewed.isEmpty }

    /// The frames that were asked for anew at a place, once.
    mutating func takeRenewed(at location: Location, answering question: UInt64) -> Set<StackID> {
        guard let place = renewed[location], question > place.since else { return [] }
        renewed[location] = nil
        return place.frames
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
        if find(frame.entry) == id { leave(id) }
        changeable[frame.location.space]?.remove(id)
    }

    /// Keeps the names of all frames of some spaces to the samples they have; new samples get new frames, and no answer
    /// to what was asked before names these.
    ///
    /// Looks through everything there is: for what hardly ever happens.
    /// - Parameter spaces: with what stands for a name that has not come and can be read no more.
    mutating func retire(_ spaces: [SpaceID: FunctionID]) {
        for number in frames.indices {
            guard let lost = spaces[frames[number].location.space] else { continue }
            let id = StackID(UInt32(number))
            if find(frames[number].entry) == id { leave(id) }
            if frames[number].function == nil { frames[number].function = lost }
        }
        for (location, place) in open where spaces[location.space] != nil {
            if !place.isNamed { unnamedCount -= 1 }
            open[location] = nil
        }
        renewed = renewed.filter { spaces[$0.key.space] == nil }
        unasked.removeAll { spaces[$0.space] != nil }
    }

    // MARK: Bounded memory

    /// Bytes of memory held.
    var byteCount: Int {
        let changeableCount = changeable.values.reduce(0) { $0 + $1.count }
        let renewedCount = renewed.values.reduce(0) { $0 + $1.frames.count }
        return frames.count * 56 + open.count * 160 + unasked.count * 16 + changeableCount * 12
            + changeable.count * 64 + renewed.count * 80 + renewedCount * 12
    }

    /// The functions that any frame has.
    var functions: Set<FunctionID> {
        var used: Set<FunctionID> = []
        for index in frames.indices { if let function = frames[index].function { used.insert(function) } }
        return used
    }

    /// Forgets the frames that no cell of these slices uses; numbers change, so the slices are rewritten.
    mutating func keepOnly(usedBy slices: inout [Slice]) {
        var newIDs: [StackID?] = Array(repeating: nil, count: frames.count)
        var kept = PagedArray<Frame>()
        var found: [StackID] = []
        func keep(_ old: StackID) -> StackID {
            if let known = newIDs[Int(old.index)] { return known }
            let frame = frames[Int(old.index)]
            let caller = frame.caller.map(keep)
            let id = StackID(UInt32(kept.count))
            let isFound = find(frame.entry) == old
            kept.append(Frame(location: frame.location, function: frame.function, caller: caller))
            // A frame whose place has another name by now is found by nobody.
            if isFound { found.append(id) }
            newIDs[Int(old.index)] = id
            return id
        }
        slices = slices.map { slice in
            slice.with(
                cells: slice.cells.map { cell in
                    var cell = cell
                    cell.stack = keep(cell.stack)
                    return cell
                })
        }
        frames = kept
        index = HashIndex(capacity: 2 * found.count)
        for id in found {
            index.insert(Self.hash(kept[Int(id.index)].entry), entry: Int(id.index)) { Self.hash(kept[$0].entry) }
        }
        open = open.compactMapValues { place in
            var place = place
            place.frames = place.frames.compactMap { newIDs[Int($0.index)] }
            return place.frames.isEmpty ? nil : place
        }
        unnamedCount = open.values.count { !$0.isNamed }
        renewed = renewed.compactMapValues { old in
            let left = Set(old.frames.compactMap { newIDs[Int($0.index)] })
            return left.isEmpty ? nil : (old.since, left)
        }
        unasked = unasked.filter { open[$0] != nil || renewed[$0] != nil }
        changeable = changeable.compactMapValues { old in
            let left = Set(old.compactMap { newIDs[Int($0.index)] })
            return left.isEmpty ? nil : left
        }
    }
}
