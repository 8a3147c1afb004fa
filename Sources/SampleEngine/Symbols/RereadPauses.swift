/// How long a file is left alone before its tables are read or searched again, so that no file is read all the time: what
/// a table was dropped for is needed again a moment later where more programs run than there is room for.
///
/// The first pause is four times what reading took, each further one twice the one before: in the end a file takes a
/// thirty-second of a processor. What was not asked for a minute begins anew.
package struct RereadPauses<File: Hashable> {
    private var known: [File: (times: Int, until: Instant)] = [:]

    private static var longest: UInt64 { 10_000_000_000 }
    private static var memory: UInt64 { 60_000_000_000 }
    private static var limit: Int { 1024 }

    package init() {}

    /// From when on a file may be read.
    package func end(of file: File) -> Instant { known[file]?.until ?? .beginning }

    /// A file was read.
    ///
    /// - Parameter cost: nanoseconds of processor time that the reading took.
    package mutating func add(_ file: File, cost: UInt64, at now: Instant) {
        if known.count >= Self.limit {
            known = known.filter { now.nanoseconds(since: $0.value.until) < Self.memory }
            if known.count >= Self.limit { known.removeAll() }
        }
        let past = known[file].flatMap { now.nanoseconds(since: $0.until) < Self.memory ? $0 : nil }
        let times = past?.times ?? 0
        let pause = min(min(cost, Self.longest) << UInt64(2 + min(times, 3)), Self.longest)
        known[file] = (times + 1, now.advanced(byNanoseconds: pause))
    }
}
