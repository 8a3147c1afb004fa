/// Gives each function and module its number, and forgets those that nothing refers to.
///
/// A number that was given up is used again with another serial: who still has the old one finds nothing, never another
/// function.
struct NameTable: ~Copyable {
    private(set) var names = Names()
    private var functions = Numbers()
    private var modules = Numbers()

    /// Longest name kept, in bytes; what is longer was made to fill memory, and no screen shows it.
    private static let nameLimit = 1024

    /// Bytes that functions, modules and processes take, their texts included.
    var byteCount: Int {
        functions.byteCount + modules.byteCount + names.processes.values.reduce(0) { $0 + 96 + $1.name.utf8.count }
    }

    /// What processes are called. Read only: whoever changed it through a getter and a setter would copy all for each one.
    var processes: [Generation: ProcessFacts] { names.processes }

    mutating func note(_ facts: ProcessFacts, of generation: Generation) { names.processes[generation] = facts }

    /// Forgets the processes that are not among these.
    mutating func keepOnly(processes used: Set<Generation>) {
        names.processes = names.processes.filter { used.contains($0.key) }
    }

    subscript(id: FunctionID) -> Function { names.functions[Int(id.index)] }

    mutating func intern(_ symbol: Symbol) -> FunctionID {
        let module = modules.intern(symbol.module, in: &names.modules, &names.moduleSerials)
        let function = Function(
            name: Self.cut(symbol.name), shortName: symbol.shortName.map(Self.cut),
            rawName: symbol.rawName.map(Self.cut), module: names.moduleID(at: module), kind: symbol.kind,
            source: symbol.source)
        let place = functions.intern(function, in: &names.functions, &names.functionSerials)
        return names.functionID(at: place)
    }

    /// Forgets the functions that are not among these, and the modules of none that is.
    mutating func keepOnly(_ used: Set<FunctionID>) {
        let all = names
        var usedModules: Set<ModuleID> = []
        functions.keepOnly(used.count, in: &names.functions) { place in
            let isUsed = used.contains(all.functionID(at: place))
            if isUsed { usedModules.insert(all.functions[Int(place)].module) }
            return isUsed
        }
        modules.keepOnly(usedModules.count, in: &names.modules) { usedModules.contains(all.moduleID(at: $0)) }
    }

    private static func cut(_ name: String) -> String {
        name.utf8.count <= nameLimit ? name : displayText(name, limit: nameLimit)
    }
}

/// What has a number by its place in an array of `Names`.
private protocol Numbered: Hashable, Sendable {
    /// What stands where nothing stands: no cell refers to it.
    static var gone: Self { get }
    /// Bytes that it takes.
    var cost: Int { get }
}

/// Where each value of one kind stands, and which places are free.
private struct Numbers: ~Copyable {
    /// Bytes that the values take.
    private(set) var byteCount = 0
    private var index = HashIndex()
    private var free: [UInt32] = []

    /// The place of a value, which it gets where it has none.
    mutating func intern<Value: Numbered>(
        _ value: Value, in values: inout PagedArray<Value>, _ serials: inout PagedArray<UInt32>
    ) -> UInt32 {
        let hash = Self.hash(value)
        if let known = index.find(hash, where: { values[$0] == value }) { return UInt32(known) }
        byteCount += value.cost
        let place: UInt32
        if let reused = free.popLast() {
            place = reused
            values[Int(place)] = value
            serials[Int(place)] &+= 1
        } else {
            place = UInt32(values.count)
            values.append(value)
            serials.append(0)
        }
        index.insert(hash, entry: Int(place)) { Self.hash(values[$0]) }
        return place
    }

    /// Forgets the values that are not used.
    mutating func keepOnly<Value: Numbered>(
        _ count: Int, in values: inout PagedArray<Value>, where isUsed: (UInt32) -> Bool
    ) {
        var kept = HashIndex(capacity: 2 * count)
        free = []
        for place in values.indices {
            if isUsed(UInt32(place)) {
                kept.insert(Self.hash(values[place]), entry: place) { Self.hash(values[$0]) }
                continue
            }
            free.append(UInt32(place))
            if values[place] == Value.gone { continue }
            byteCount -= values[place].cost
            values[place] = Value.gone
        }
        // The lowest are used first, so that what is there stays together.
        free.reverse()
        index = kept
    }

    private static func hash(_ value: some Hashable) -> UInt64 { UInt64(bitPattern: Int64(value.hashValue)) }
}

extension Function: Numbered {
    static let gone = Function(name: "", module: ModuleID(0), kind: .unknown)

    var cost: Int { 96 + name.utf8.count + (shortName?.utf8.count ?? 0) + (rawName?.utf8.count ?? 0) }
}

extension Module: Numbered {
    static let gone = Module(name: "")

    var cost: Int { 96 + name.utf8.count + path.utf8.count + buildID.utf8.count }
}
