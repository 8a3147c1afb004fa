/// What kind of code a row stands for.
///
/// `mixed` is no place's, but a row's that holds several.
public enum CodeKind: String, Sendable, Hashable, CaseIterable { case user, kernel, guest, jit, unknown, mixed }

/// A file with code, the kernel or one of its modules, or a stand-in such as `[jit]`. All text is sanitized.
public struct Module: Hashable, Sendable {
    /// Last path component, or a name in brackets for what is not a file.
    public let name: String
    public let path: String
    /// Lower-case hex, empty where there is none.
    public let buildID: String

    public init(name: String, path: String = "", buildID: String = "") {
        self.name = name
        self.path = path
        self.buildID = buildID
    }
}
