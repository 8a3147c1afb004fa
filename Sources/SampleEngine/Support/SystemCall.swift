internal import CLinuxShims
internal import Glibc

/// The errno of a failed system call.
package struct Errno: Error, Equatable, Sendable {
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    /// The C library's text, in lower case as it stands inside a sentence.
    package var text: String {
        guard let message = unsafe strerror(number) else { return "error \(number)" }
        let sentence = unsafe String(cString: message)
        return sentence.prefix(1).lowercased() + sentence.dropFirst()
    }

    package static let permission = Errno(EPERM)
    package static let interrupted = Errno(EINTR)
    package static let access = Errno(EACCES)
    package static let noEntry = Errno(ENOENT)
    package static let noProcess = Errno(ESRCH)
    package static let tooManyFiles = Errno(EMFILE)
    package static let tooManyFilesInSystem = Errno(ENFILE)
    package static let invalid = Errno(EINVAL)
    package static let notSupported = Errno(EOPNOTSUPP)
    package static let noDevice = Errno(ENODEV)
    package static let noSystemCall = Errno(ENOSYS)
    package static let noMemory = Errno(ENOMEM)
    package static let busy = Errno(EBUSY)
    package static let tooBig = Errno(E2BIG)
    package static let badExecutable = Errno(ENOEXEC)
}

/// Makes one system call, again while a signal interrupts it.
///
/// The closure makes the call and nothing else, so that `errno` is still that call's own.
/// - Parameter rights: what the call needs beyond what our user may.
@inline(never)
package func systemCall<Result: SignedInteger>(
    raising rights: Rights = [], _ call: () -> Result
) throws(Errno) -> Result {
    while true {
        let result = rights.isEmpty ? call() : Rights.raising(rights, call)
        if result != -1 { return result }
        let number = errno
        if number != EINTR { throw Errno(number) }
    }
}
