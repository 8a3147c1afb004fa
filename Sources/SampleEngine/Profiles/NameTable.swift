/// Gives each function and module its number, and forgets those that nothing refers to.
///
/// A number that was given up is used again with another serial: who still has the old one finds nothing, never another
/// function.
struct NameTable: ~Copyable {
    private(set) var names = Names()
    /// Bytes that functions and modules take, their texts included.
    private(set) var byteCount = 0
    private var functions = HashIndex()
    private var modules = HashIndex()
    private var freeFunctions: [UInt32] = []
    private var freeModules: [UInt32] = []

    /// Longest name kept, in bytes; what is longer was made to fill memory, and no screen shows it.
    private static let nameLimit = 1024

    var processes: [Generation: ProcessFacts] {
        get { names.processes }
        set { names.processes = newValue }
    }

    subscript(id: FunctionID) -> Function { names.functions[Int(id.index)] }

    mutating func intern(_ symbol: Symbol) -> FunctionID {
        intern(
            Function(
                name: Self.cut(symbol.name), shortName: symbol.shortName.map(Self.cut),
                rawName: symbol.rawName.map(Self.cut),
                module: intern(symbol.module), kind: symbol.kind, source: symbol.source))
    }

    private mutating func intern(_ module: Module) -> ModuleID {
        let hash = Self.hash(module)
        if let known = modules.find(hash, where: { names.modules[$0] == module }) {
            return names.moduleID(at: UInt32(known))
        }
        byteCount += Self.cost(module)
        let index: UInt32
        if let free = freeModules.popLast() {
            index = free
            names.modules[Int(index)] = module
            names.moduleSerials[Int(index)] &+= 1
        } else {
            index = UInt32(names.modules.count)
            names.modules.append(module)
            names.moduleSerials.append(0)
        }
        let all = names.modules
        modules.insert(hash, entry: Int(index)) { Self.hash(all[$0]) }
        return names.moduleID(at: index)
    }

    private mutating func intern(_ function: Function) -> FunctionID {
        let hash = Self.hash(function)
        if let known = functions.find(hash, where: { names.functions[$0] == function }) {
            return names.functionID(at: UInt32(known))
        }
        byteCount += Self.cost(function)
        let index: UInt32
        if let free = freeFunctions.popLast() {
            index = free
            names.functions[Int(index)] = function
            names.functionSerials[Int(index)] &+= 1
        } else {
            index = UInt32(names.functions.count)
            names.functions.append(function)
            names.functionSerials.append(0)
        }
        let all = names.functions
        functions.insert(hash, entry: Int(index)) { Self.hash(all[$0]) }
        return names.functionID(at: index)
    }

    // MARK: Bounded memory

    /// Forgets the functions that are not among these, and the modules of none that is.
    mutating func keepOnly(_ used: Set<FunctionID>) {
        var usedModules: Set<ModuleID> = []
        var kept = HashIndex(capacity: 2 * used.count)
        let all = names.functions
        var free: [UInt32] = []
        for index in all.indices {
            let id = names.functionID(at: UInt32(index))
            if used.contains(id) {
                usedModules.insert(all[index].module)
                kept.insert(Self.hash(all[index]), entry: index) { Self.hash(all[$0]) }
                continue
            }
            free.append(UInt32(index))
            if all[index] == Self.gone { continue }
            byteCount -= Self.cost(all[index])
            names.functions[index] = Self.gone
        }
        // The lowest are used first, so that what is there stays together.
        freeFunctions = free.reversed()
        functions = kept
        keepOnly(usedModules)
    }

    private mutating func keepOnly(_ used: Set<ModuleID>) {
        var kept = HashIndex(capacity: 2 * used.count)
        let all = names.modules
        var free: [UInt32] = []
        for index in all.indices {
            if used.contains(names.moduleID(at: UInt32(index))) {
                kept.insert(Self.hash(all[index]), entry: index) { Self.hash(all[$0]) }
                continue
            }
            free.append(UInt32(index))
            if all[index] == Self.goneModule { continue }
            byteCount -= Self.cost(all[index])
            names.modules[index] = Self.goneModule
        }
        freeModules = free.reversed()
        modules = kept
    }

    /// What stands where nothing stands: no cell refers to it.
    private static let gone = Function(name: "", module: ModuleID(0), kind: .unknown)
    private static let goneModule = Module(name: "")

    private static func cost(_ function: Function) -> Int {
        96 + function.name.utf8.count + (function.shortName?.utf8.count ?? 0) + (function.rawName?.utf8.count ?? 0)
    }

    private static func cost(_ module: Module) -> Int {
        96 + module.name.utf8.count + module.path.utf8.count + module.buildID.utf8.count
    }

    private static func hash(_ value: some Hashable) -> UInt64 { UInt64(bitPattern: Int64(value.hashValue)) }

    private static func cut(_ name: String) -> String {
        name.utf8.count <= nameLimit ? name : displayText(name, limit: nameLimit)
    }
}
