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
    /// Where to find out what lies on which file system.
    let mountTables: [String]
    var accounts = Accounts.ours
    var users = UserNumbers.ours

    /// - Parameter root: `/tmp` is taken below it, and no link leads out of it.
    /// - Throws: `unreadable(noEntry)` where there is none.
    func open(_ name: String, below root: String) throws(PerfMapRefusal) -> Descriptor {
        let place: Descriptor
        do throws(Errno) { place = try self.place(of: name, below: root) } catch {
            throw [.notSupported, .noDevice, Errno(EREMOTE)].contains(error) ? .remote : .unreadable(error)
        }
        if let refusal = refusal(try place.fileStatus()) { throw refusal }
        let path = "/proc/self/fd/\(place.number)"
        let file = try Self.opened { unsafe pt_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) }
        // With a list the group's bits are the most that anybody in it has.
        if try file.fileStatus().st_mode & S_IWGRP != 0, pt_may_have_access_list(file.number) != 0 {
            throw .writableByGroup
        }
        return file
    }

    /// Over no link to another place, and through nothing but what is local.
    private func place(of name: String, below root: String) throws(Errno) -> Descriptor {
        var walk = try PathWalk(in: root, tables: mountTables, links: .refused, isLocal: true)
        let place = try walk.follow(Array("tmp/\(name)".utf8))
        return place.descriptor
    }

    private static func opened(_ call: () -> Int32) throws(PerfMapRefusal) -> Descriptor {
        do { return Descriptor(owning: try systemCall(raising: [.processes, .files], call)) } catch {
            throw .unreadable(error)
        }
    }

    private func refusal(_ status: stat) -> PerfMapRefusal? {
        if status.st_mode & S_IFMT == S_IFLNK { return .symbolicLink }
        if status.st_mode & S_IFMT != S_IFREG { return .notRegular }
        if status.st_uid != 0, status.st_uid != credentials.realUser, status.st_uid != credentials.effectiveUser {
            return .foreignOwner(status.st_uid)
        }
        if !users.tell(status.st_uid) { return .hiddenOwner }
        if status.st_mode & S_IWOTH != 0 { return .writableByOthers }
        if status.st_mode & S_IWGRP != 0, !accounts.isOnly(status.st_uid, inGroup: status.st_gid) {
            return .writableByGroup
        }
        if status.st_nlink != 1 { return .hardLinks }
        if status.st_size > PerfMap.byteLimit { return .tooLarge }
        // Two seconds: a start is known to the tick, and some file systems round.
        let age = Instant.now.nanoseconds(since: started).addingSaturating(2_000_000_000)
        let written = UInt64(clamping: status.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        if !written.overflow, written.partialValue.addingSaturating(age) < wallClockNanoseconds() { return .older }
        return nil
    }
}

extension Descriptor {
    borrowing func fileStatus() throws(PerfMapRefusal) -> stat {
        let number = number
        var status = stat()
        do { _ = try systemCall { unsafe fstat(number, &status) } } catch { throw .unreadable(error) }
        return status
    }
}
