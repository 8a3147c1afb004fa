/// What ends or prevents a session, as one line: what was asked, why it failed, what to do.
///
/// A bad record or an unknown address is never one of these: those are counted and shown.
public struct EngineError: Error, Sendable, Equatable {
    /// The class of the failure; it decides the exit status.
    public enum Kind: Sendable, Equatable {
        /// The request itself makes no sense (exit 2).
        case usage
        /// The kernel or the target refused (exit 1).
        case refused
    }

    public let kind: Kind
    /// What was asked, in the user's words: `event sched:sched_swich`.
    public let what: String
    /// Why it failed: `no such tracepoint`.
    public let why: String
    /// What to do about it; empty where nothing can be done.
    public let remedy: String

    public init(_ kind: Kind = .refused, what: String, why: String, remedy: String = "") {
        self.kind = kind
        self.what = what
        self.why = why
        self.remedy = remedy
    }

    /// The whole line, without a newline.
    public var message: String {
        remedy.isEmpty ? "\(what): \(why)" : "\(what): \(why); \(remedy)"
    }
}
