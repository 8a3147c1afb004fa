/// Choices made by a row of bytes; at its end all are 0.
package struct ByteInput: Sendable {
    private let all: [UInt8]
    private var place = 0

    package init(_ bytes: [UInt8]) { all = bytes }

    package var isAtEnd: Bool { place >= all.count }

    package mutating func byte() -> UInt8 {
        guard place < all.count else { return 0 }
        place += 1
        return all[place - 1]
    }

    package mutating func below(_ bound: Int) -> Int { Int(byte()) % bound }

    package mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in byte() } }

    /// Often near a power of two, where sums overflow.
    package mutating func number() -> UInt64 {
        switch below(4) {
        case 0: return UInt64(byte())
        case 1: return bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        case 2: return 1 << UInt64(below(64)) &+ UInt64(byte()) &- 128
        default: return 0 &- UInt64(byte()) << UInt64(below(56))
        }
    }
}
