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
/// Ids below `firstImage` are fixed; others are given by `ImageRegistry` as they are first seen.
public struct SpaceID: Hashable, Sendable {
    public let number: UInt32
    public init(_ number: UInt32) { self.number = number }
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
