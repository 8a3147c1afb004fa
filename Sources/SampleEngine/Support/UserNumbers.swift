/// Which numbers of users tell one user (user_namespaces(7)).
///
/// In a user namespace all users that it does not map are shown as one, 65534: two of that number need not be the same.
package struct UserNumbers: Sendable {
    /// The number that stands for all others, nil where every user has its own.
    private let stand: UInt32?

    /// As this process sees them.
    package static let ours = UserNumbers(
        map: (try? fileBytes("/proc/self/uid_map", limit: 65_536)) ?? [],
        overflow: fileNumber("/proc/sys/kernel/overflowuid").flatMap { UInt32(exactly: $0) } ?? 65_534)

    /// - Parameter map: `INSIDE OUTSIDE COUNT` on each line; nothing where it cannot be read.
    package init(map: [UInt8], overflow: UInt32) {
        let lines = map.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        }
        stand = lines == [["0", "0", "4294967295"]] ? nil : overflow
    }

    /// Whether a number is one user's.
    package func tell(_ user: UInt32) -> Bool { user != stand }
}
