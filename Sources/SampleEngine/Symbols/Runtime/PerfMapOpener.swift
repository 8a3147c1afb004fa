internal import CLinuxShims
internal import Glibc

/// Why a perf map is not read, or not any further.
package enum PerfMapRefusal: Error, Equatable, Sendable {
    case symbolicLink
    /// A FIFO, a device, a directory: reading could wait for ever, or do something.
    case notRegular
    /// The owner is neither root nor a user of the process.
    case foreignOwner(UInt32)
    case writableByOthers
    /// Its group may write, and is not the owner's alone.
    case writableByGroup
    /// The owner is one of those that our user namespace does not tell apart.
    case hiddenOwner
    /// It has other names: somebody may have linked a file here that is not his to show.
    case hardLinks
    case tooLarge
    /// Written before the process began: an earlier process had the same number.
    case older
    /// It lies on a file system that another process or machine may leave without an answer, for ever.
    case remote
    case unreadable(Errno)

    /// The reason as part of a sentence.
    package var text: String {
        switch self {
        case .symbolicLink: "is a symbolic link"
        case .notRegular: "is no regular file"
        case .foreignOwner(let user): "belongs to another user (\(user))"
        case .writableByOthers: "can be written by others than its owner"
        case .writableByGroup: "can be written by its group, which is not its owner's alone"
        case .hiddenOwner: "belongs to a user that this user namespace does not show"
        case .hardLinks: "has more than one name (hard links)"
        case .tooLarge: "is larger than 64 MiB"
        case .older: "is older than the process"
        case .remote: "is not on a local file system"
        case .unreadable(let error): "cannot be read: \(error.text)"
        }
    }

    /// What makes the file trusted; nil where there is nothing to do.
    package func remedy(_ path: String) -> String? {
        switch self {
        case .writableByGroup: "chmod g-w \(path)"
        case .writableByOthers: "chmod go-w \(path)"
        default: nil
        }
    }
}

/// Opens perf maps that can be trusted.
///
/// Anybody may write to such a directory, and a compiler may be anything: nothing is opened for reading but a regular file
/// that only root and the process's own users can have written, and nothing is asked that need not answer.
struct PerfMapOpener {
    /// Of the process that the map is about.
    let credentials: ProcessCredentials
    /// When it began.
    let started: Instant
    let opener: FileOpener
    var accounts = Accounts.ours
    var users = UserNumbers.ours

    /// - Parameter root: `/tmp` is taken below it, and no link leads out of it.
    /// - Throws: `unreadable(noEntry)` where there is none.
    func open(_ name: String, below root: String) throws(PerfMapRefusal) -> FileOpener.Opened {
        let place: FilePlace
        do throws(Errno) { place = try opener.place(.local(Array("tmp/\(name)".utf8), below: root)) } catch {
            throw PerfMapRefusal(error)
        }
        // None was followed: it is the end.
        if place.facts.isLink { throw .symbolicLink }
        if let refusal = refusal(place.facts) { throw refusal }
        let found: FileOpener.Opened
        do throws(Errno) { found = try opener.opened(place) } catch { throw PerfMapRefusal(error) }
        if let refusal = refusal(found.facts) { throw refusal }
        return found
    }

    /// What is judged before it is opened for reading.
    private func refusal(_ place: PlaceFacts) -> PerfMapRefusal? {
        if !place.isRegular { return .notRegular }
        if place.user != 0, place.user != credentials.realUser, place.user != credentials.effectiveUser {
            return .foreignOwner(place.user)
        }
        if !users.tell(place.user) { return .hiddenOwner }
        if place.mode & S_IWOTH != 0 { return .writableByOthers }
        if place.mode & S_IWGRP != 0, !accounts.isOnly(place.user, inGroup: place.group) { return .writableByGroup }
        if place.links != 1 { return .hardLinks }
        // Whoever can have a file of root's found here may not read everything.
        if place.user == 0, credentials.realUser != 0, place.mode & S_IROTH == 0 { return .unreadable(.access) }
        return nil
    }

    /// What only the open file tells.
    private func refusal(_ facts: FileFacts) -> PerfMapRefusal? {
        // With a list the group's bits are the most that anybody in it has.
        if facts.mayHaveAccessList { return .writableByGroup }
        if facts.stamp.size > UInt64(PerfMap.byteLimit) { return .tooLarge }
        // Two seconds: a start is known to the tick, and some file systems round.
        let age = Instant.now.nanoseconds(since: started).addingSaturating(2_000_000_000)
        let written = UInt64(clamping: facts.stamp.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if !written.overflow, written.partialValue.addingSaturating(age) < wallClockNanoseconds() { return .older }
        return nil
    }
}

extension PerfMapRefusal {
    /// Why a map was not opened.
    fileprivate init(_ error: Errno) {
        switch error {
        case .notSupported, .noDevice, Errno(EREMOTE), .noAnswer: self = .remote
        case Errno(ELOOP): self = .symbolicLink
        case .invalid: self = .notRegular
        default: self = .unreadable(error)
        }
    }
}
