/// Where a front end gets its profiles from.
public protocol ProfileSource: AnyObject, Sendable {
    /// Becomes readable (poll(2)) when a profile waits.
    var wakeDescriptor: Int32 { get }
    /// The newest profile, nil where it was taken already; silences `wakeDescriptor`.
    func takeLatest() -> Profile?

    /// By when a picture should be there that is not; `forever` while none is to come.
    var pictureDue: Instant { get }

    /// Keeps the names of these functions though no sample may refer to them any more; from any thread.
    func hold(_ functions: Set<FunctionID>)

    /// Asks for another time between two pictures, in nanoseconds; from any thread.
    func setDelay(_ nanoseconds: UInt64)
}
