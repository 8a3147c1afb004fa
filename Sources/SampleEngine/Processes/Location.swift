/// An address as the program counter holds it at run time.
public struct RuntimeAddress: Hashable, Comparable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// An address as the ELF file's own tables state it (`st_value`, `p_vaddr`).
public struct ImageAddress: Hashable, Comparable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// A position in a file: what a mapping is made of.
public struct FileOffset: Hashable, Comparable, Sendable {
    public let value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// Where addresses have a meaning of their own.
///
///
///     0 …            fixed: kernel, guest, vdso, …
///     16 …           images, numbered by `ImageRegistry` as they are first seen
///     0x4000_0000 …  memory of one generation that is no file: `| generation`
///     0x8000_0000 …  addresses of one generation whose mapping is not known (yet): `| generation`
public struct SpaceID: Hashable, Sendable {
    public let number: UInt32
    public init(_ number: UInt32) { self.number = number }

    /// Kernel text and modules; values are `RuntimeAddress`es.
    public static let kernel = SpaceID(0)
    /// Stands for what was folded because a table was full.
    public static let other = SpaceID(1)
    public static let guest = SpaceID(2)
    /// The kernel's own page of code in every process; values are offsets into it.
    public static let vdso = SpaceID(3)
    /// Stands for what was counted on a CPU while nobody can tell which task ran.
    public static let otherTasks = SpaceID(4)
    package static let firstImage: UInt32 = 16
    package static let imageLimit: UInt32 = 0x2000_0000
    /// Images as processes in roots other than ours have them.
    package static let firstRootedImage = imageLimit
    package static let rootedImageLimit: UInt32 = 0x4000_0000

    package static func anonymous(_ generation: Generation) -> SpaceID { SpaceID(0x4000_0000 | generation.number) }
    package static func unmapped(_ generation: Generation) -> SpaceID { SpaceID(0x8000_0000 | generation.number) }

    /// The generation whose own addresses these are; nil for spaces that processes share.
    package var owner: Generation? { number >= 0x4000_0000 ? Generation(number & 0x3fff_ffff) : nil }
    package var isUnmapped: Bool { number & 0x8000_0000 != 0 }
    package var isImage: Bool { number >= Self.firstImage && number < Self.rootedImageLimit }
}

/// A frame's place, independent of where a process happened to map it: file offset in an image, kernel address,
/// or an address of one process whose mapping is not known (yet).
public struct Location: Hashable, Sendable {
    public let space: SpaceID
    /// A `FileOffset`, or a `RuntimeAddress` where the space is not a file.
    public let value: UInt64

    public init(space: SpaceID, value: UInt64) {
        self.space = space
        self.value = value
    }
}
