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
    /// It has other names: somebody may have linked a file here that is not his to show.
    case hardLinks
    case tooLarge
    /// Written before the process began: an earlier process had the same number.
    case older
    case unreadable(Errno)

    /// The reason as part of a sentence.
    package var text: String {
        switch self {
        case .symbolicLink: "is a symbolic link"
        case .notRegular: "is no regular file"
        case .foreignOwner(let user): "belongs to another user (\(user))"
        case .writableByOthers: "can be written by others than its owner"
        case .hardLinks: "has more than one name (hard links)"
        case .tooLarge: "is larger than 64 MiB"
        case .older: "is older than the process"
        case .unreadable(let error): "cannot be read: \(error.text)"
        }
    }
}

/// What became of a process's perf map.
package enum PerfMapState: Equatable, Sendable {
    /// The process has written none.
    case absent
    case read
    /// What was read before, if anything, stays.
    case refused(PerfMapRefusal)
    /// The process is gone; what was read before, if anything, stays.
    case processGone
}

/// The perf map of one process: finds the file, decides whether it can be trusted, follows what is written to it.
///
/// `/tmp/perf-PID.map` in the root of the process, by the number it has for itself; then in our own root, by the number
/// it has for us. Anybody may write to such a directory, and a compiler may be anything: nothing is opened for reading
/// but a regular file that only root and the process's own users can have written.
struct PerfMapFile: Sendable {
    private(set) var map = PerfMap()
    private(set) var state = PerfMapState.absent
    /// Where the file is, or is looked for.
    private(set) var path = ""
    private var identity: Identity?
    private var offset = 0
    /// The last bytes before `offset`: they tell a file that grew from one that was written anew.
    private var mark: [UInt8] = []
    private var modified = timespec()

    private static let markLength = 64

    private struct Identity: Equatable {
        let device: dev_t
        let inode: ino_t
    }

    /// Looks for the file and takes in what is new.
    ///
    /// - Parameters:
    ///   - firstSeen: a process of this number that started later is another one.
    ///   - proc: another directory in tests.
    ///   - host: our own root; another directory in tests.
    mutating func refresh(pid: Int32, firstSeen: UInt64, proc: String, host: String) {
        let reader = ProcReader(root: proc)
        // The number may be another process's by now: the same one before and after, or no answer.
        guard let started = reader.startTime(of: pid), let credentials = ProcessCredentials(of: pid, proc: proc),
            started <= firstSeen.addingSaturating(20_000_000)
        else { return state = .processGone }
        for (root, number) in [("\(proc)/\(pid)/root", credentials.innermostPID), (host, pid)] {
            let name = "perf-\(number).map"
            path = (root == "/" ? "" : root) + "/tmp/" + name
            do throws(PerfMapRefusal) {
                guard let file = try open(name, below: root, credentials, started: started) else { continue }
                guard reader.startTime(of: pid) == started else { return state = .processGone }
                try read(file)
                state = .read
            } catch {
                state = .refused(error)
            }
            return
        }
        if state != .read { state = .absent }
    }

    /// Where names came, went or changed since the last call.
    mutating func takeChanged() -> [Range<UInt64>] { map.takeChanged() }

    // MARK: Trust

    /// Opens the file for reading if it can be trusted; nil where there is none.
    private func open(
        _ name: String, below root: String, _ credentials: ProcessCredentials, started: UInt64
    ) throws(PerfMapRefusal) -> Descriptor? {
        var refusal: PerfMapRefusal?
        do throws(Errno) {
            let place = try Self.place(of: name, below: root)
            let status = try Self.status(of: place)
            refusal = Self.refusal(status, credentials, started: started)
            if refusal == nil { return try Self.reopened(place) }
        } catch {
            if error == .noEntry { return nil }
            refusal = .unreadable(error)
        }
        throw refusal ?? .notRegular
    }

    /// The file itself, not yet open for anything.
    private static func place(of name: String, below root: String) throws(Errno) -> Descriptor {
        let top = Descriptor(owning: try systemCall { unsafe pt_open(root, Int32(PT_O_PATH) | O_DIRECTORY) })
        let topFD = top.number
        let directory = Descriptor(
            owning: try systemCall { unsafe pt_open_in_root(topFD, "tmp", Int32(PT_O_PATH) | O_DIRECTORY) })
        let directoryFD = directory.number
        return Descriptor(
            owning: try systemCall { unsafe pt_open_in_root(directoryFD, name, Int32(PT_O_PATH) | O_NOFOLLOW) })
    }

    private static func reopened(_ place: borrowing Descriptor) throws(Errno) -> Descriptor {
        let path = "/proc/self/fd/\(place.number)"
        return Descriptor(owning: try systemCall { unsafe pt_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) })
    }

    private static func refusal(
        _ status: stat, _ credentials: ProcessCredentials, started: UInt64
    ) -> PerfMapRefusal? {
        if status.st_mode & S_IFMT == S_IFLNK { return .symbolicLink }
        if status.st_mode & S_IFMT != S_IFREG { return .notRegular }
        if status.st_uid != 0, status.st_uid != credentials.realUser, status.st_uid != credentials.effectiveUser {
            return .foreignOwner(status.st_uid)
        }
        if status.st_mode & (S_IWGRP | S_IWOTH) != 0 { return .writableByOthers }
        if status.st_nlink != 1 { return .hardLinks }
        if status.st_size > PerfMap.byteLimit { return .tooLarge }
        // Two seconds: a start is known to the tick, and some file systems round.
        let age = Instant.now.nanoseconds(since: Instant(nanoseconds: started)).addingSaturating(2_000_000_000)
        let written = UInt64(clamping: status.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        if !written.overflow, written.partialValue.addingSaturating(age) < wallClockNanoseconds() { return .older }
        return nil
    }

    // MARK: Reading

    private mutating func read(_ file: borrowing Descriptor) throws(PerfMapRefusal) {
        do throws(Errno) {
            let status = try Self.status(of: file)
            let found = Identity(device: status.st_dev, inode: status.st_ino)
            let isUntouched = status.st_size == offset && isSame(status.st_mtim, modified)
            // Nobody is in the midst of its last line, if that has no newline.
            if identity == found, isUntouched { return map.finish() }
            var isLonger = identity == found && status.st_size > offset
            if isLonger { isLonger = try hasMark(file) }
            if !isLonger { begin(found) }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while offset < PerfMap.byteLimit {
                let room = min(chunk.count, PerfMap.byteLimit - offset)
                let count = try Self.read(file, at: offset, room, into: &chunk)
                if count == 0 { break }
                map.take(chunk.span.extracting(first: count))
                mark = Array((mark + chunk[max(0, count - Self.markLength)..<count]).suffix(Self.markLength))
                offset += count
            }
            modified = try Self.status(of: file).st_mtim
        } catch {
            throw .unreadable(error)
        }
    }

    private mutating func begin(_ found: Identity) {
        map.removeAll()
        identity = found
        offset = 0
        mark = []
    }

    private func hasMark(_ file: borrowing Descriptor) throws(Errno) -> Bool {
        var bytes = [UInt8](repeating: 0, count: mark.count)
        let count = try Self.read(file, at: offset - mark.count, mark.count, into: &bytes)
        return count == mark.count && bytes == mark
    }

    private func isSame(_ one: timespec, _ other: timespec) -> Bool {
        one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec
    }

    private static func status(of file: borrowing Descriptor) throws(Errno) -> stat {
        let number = file.number
        var status = stat()
        _ = try systemCall { unsafe fstat(number, &status) }
        return status
    }

    private static func read(
        _ file: borrowing Descriptor, at offset: Int, _ count: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int {
        let number = file.number
        return try systemCall {
            unsafe buffer.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, count, off_t(offset)) }
        }
    }
}
