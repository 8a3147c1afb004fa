/// Where a front end gets its profiles from: a session, or a test.
public protocol ProfileSource: AnyObject, Sendable {
    /// A non-blocking eventfd that is readable while a profile waits; the front end reads it to clear it.
    var wakeDescriptor: Int32 { get }

    /// The newest profile that has not been taken yet; older ones that nobody took are gone.
    func takeLatest() -> Profile?
}
