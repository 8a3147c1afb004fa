/// A function of `Names`: where it stands there, and the how manyeth it is that stands there.
///
/// A place is used again once nothing refers to the function any more, so the number of the place alone would take one
/// for another.
public struct FunctionID: Hashable, Sendable {
    public let index: UInt32
    public let serial: UInt32

    public init(_ index: UInt32, serial: UInt32 = 0) {
        self.index = index
        self.serial = serial
    }
}

/// A module of `Names`, told by its place and the how manyeth it is there.
public struct ModuleID: Hashable, Sendable {
    public let index: UInt32
    public let serial: UInt32

    public init(_ index: UInt32, serial: UInt32 = 0) {
        self.index = index
        self.serial = serial
    }
}

/// A function, or the one row that stands for code without a name. All text is sanitized.
public struct Function: Hashable, Sendable {
    /// Demangled; `[fn 0x1150]`, `[jit 0x…]`, `[file changed]` or `[unknown]` where there is no name.
    public let name: String
    /// Without parameters, for rows; nil where that is `name`.
    public let shortName: String?
    /// As the symbol table has it, where that differs from `name`.
    public let rawName: String?
    public let module: ModuleID
    public let kind: CodeKind
    public let source: NameSource

    public init(
        name: String, shortName: String? = nil, rawName: String? = nil, module: ModuleID, kind: CodeKind,
        source: NameSource = .none
    ) {
        self.name = name
        self.shortName = shortName
        self.rawName = rawName
        self.module = module
        self.kind = kind
        self.source = source
    }
}

/// What is known of one process generation. All text is sanitized.
public struct ProcessFacts: Hashable, Sendable {
    public let pid: Int32
    /// The comm of the thread-group leader.
    public let name: String
    /// Effective user id, nil where it could not be read in time.
    public let user: UInt32?

    public init(pid: Int32, name: String, user: UInt32? = nil) {
        self.pid = pid
        self.name = name
        self.user = user
    }
}

/// One frame of a stack: its place, the function found there, and the frame that called it.
public struct Frame: Sendable {
    public let location: Location
    /// Nil until the resolver has looked the location up.
    public var function: FunctionID?
    /// The caller's stack, nil for the outermost frame.
    public let caller: StackID?

    public init(location: Location, function: FunctionID?, caller: StackID? = nil) {
        self.location = location
        self.function = function
        self.caller = caller
    }

    /// Its place and its caller's stack, which tell it from all others.
    var entry: StackEntry { StackEntry(location: location, caller: caller) }
}

/// Every name a profile's cells refer to.
///
/// An id of one profile means the same in every later one, or nothing: what is referred to by nobody makes room.
public struct Names: Sendable {
    public var functions = PagedArray<Function>()
    public var modules = PagedArray<Module>()
    public var processes: [Generation: ProcessFacts] = [:]
    /// How often each place was used before; where none is told, never.
    var functionSerials = PagedArray<UInt32>()
    var moduleSerials = PagedArray<UInt32>()

    public init() {}

    /// The id of the function that stands at a place.
    public func functionID(at index: UInt32) -> FunctionID {
        FunctionID(index, serial: Int(index) < functionSerials.count ? functionSerials[Int(index)] : 0)
    }

    /// The id of the module that stands at a place.
    public func moduleID(at index: UInt32) -> ModuleID {
        ModuleID(index, serial: Int(index) < moduleSerials.count ? moduleSerials[Int(index)] : 0)
    }
}
