/// The code that the kernel was heard to make at run time: what an address of it belongs to.
///
/// The newest registration of an address wins. What the kernel gave up stays findable: samples of it may still need a
/// name, and nothing else is known of its addresses until something new is registered there.
package struct KernelCodeTable: Sendable {
    /// In the order of registration.
    private var codes: [(code: KernelCode, isGone: Bool)] = []

    package init() {}

    private static let limit = 4096

    /// Bytes of memory held.
    package var byteCount: Int { codes.reduce(0) { $0 + 80 + $1.code.name.count } }

    /// Number of pieces of code kept.
    package var count: Int { codes.count }

    /// Takes in what the kernel told.
    ///
    /// - Returns: the addresses whose name may be another one from now on; nil where none is.
    package mutating func note(_ code: KernelCode) -> Range<UInt64>? {
        if code.isGone {
            if let known = codes.lastIndex(where: { $0.code.start == code.start && !$0.isGone }) {
                codes[known].isGone = true
            }
            return nil
        }
        codes.removeAll { $0.code.start == code.start && $0.code.end == code.end }
        if codes.count >= Self.limit { codes.remove(at: codes.firstIndex { $0.isGone } ?? 0) }
        codes.append((code, false))
        return code.start..<code.end
    }

    /// The code at an address.
    package func find(_ address: UInt64) -> KernelCode? {
        codes.last { $0.code.start <= address && address < $0.code.end }?.code
    }
}
