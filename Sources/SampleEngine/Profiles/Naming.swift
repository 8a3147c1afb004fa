/// How many samples of a table have a name, and what the others have in its stead; innermost frames only.
public struct Naming: Equatable, Sendable {
    /// A function's own name.
    public private(set) var named: UInt64 = 0
    /// A function told by its range alone, `[fn 0x1150]`.
    public private(set) var ranges: UInt64 = 0
    /// Code made at run time by a process that tells no names, `[jit 0x…]`.
    public private(set) var jit: UInt64 = 0
    /// Nothing.
    public private(set) var unknown: UInt64 = 0
    /// Nothing yet: the names are being read.
    public private(set) var unread: UInt64 = 0

    enum Class {
        case named, range, jit, unknown, unread

        init(of function: Function) {
            switch (function.source, function.kind) {
            case (.unwindTable, _): self = .range
            case (.none, .jit): self = .jit
            // A guest's code, and what nobody can tell whose it is, are named for what they are.
            case (.none, .guest), (.none, .mixed): self = .named
            case (.none, _): self = .unknown
            default: self = .named
            }
        }
    }

    mutating func add(_ samples: UInt64, _ kind: Class) {
        switch kind {
        case .named: named &+= samples
        case .range: ranges &+= samples
        case .jit: jit &+= samples
        case .unknown: unknown &+= samples
        case .unread: unread &+= samples
        }
    }
}

/// Places that were sampled and whose names are still being looked for.
public struct NamingBacklog: Sendable, Equatable {
    public let places: Int
    /// How many files, and other kinds of space, they are in.
    public let spaces: Int
    /// The module that is read next.
    public let next: String

    public init(places: Int, spaces: Int, next: String) {
        self.places = places
        self.spaces = spaces
        self.next = next
    }
}
