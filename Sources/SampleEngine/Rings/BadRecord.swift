/// A record that was passed over: the first of its kind on a ring, kept so that one can see what it was.
public struct BadRecord: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Software events that are sampled by several sessions share the fields of a sample in the kernel: where the
        /// other session's counter comes first, id, pid and time are as the other asked for them.
        case foreignID = "foreign-id"
        /// The same, with an id of ours: what the other session asks for beside is added to the size.
        case wrongSize = "wrong-size"
        case tooShort = "too-short"
        case unknownType = "unknown-type"
        /// A header whose size cannot be: all behind it is passed over.
        case brokenHeader = "broken-header"
    }

    public let kind: Kind
    /// Bytes that it had by its header.
    public let size: Int
    /// Its first bytes, 128 at the most.
    public let bytes: [UInt8]

    package init(_ kind: Kind, _ record: RawSpan, size: Int? = nil) {
        self.kind = kind
        self.size = size ?? record.byteCount
        bytes = (0..<min(128, record.byteCount)).map { unsafe record.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }

    /// Two digits for each byte.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Why it could not be read.
    public var reason: String {
        switch kind {
        case .foreignID: "another session's id: it samples the same software event, and its fields are the other's"
        case .wrongSize: "not the size that was asked for: another session samples the same software event"
        case .tooShort: "too short for a sample"
        case .unknownType: "of no known type"
        case .brokenHeader: "its header states no possible size"
        }
    }
}
