internal import CLinuxShims
internal import Glibc

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

/// The perf map of one process: finds the file and follows what is written to it.
///
/// `/tmp/perf-PID.map` in the root of the process, by the number it has for itself; then in our own root, by the number
/// it has for us.
struct PerfMapFile: Sendable {
    private(set) var map = PerfMap()
    private(set) var state = PerfMapState.absent
    /// Where the file is, or is looked for.
    private(set) var path = ""
    private var identity: Identity?
    private var offset = 0
    /// The last bytes before `offset`: they tell a file that grew from one that was written anew.
    private var mark: [UInt8] = []
    private var modified: FileStamp?

    /// What was known of the process while it lived.
    private var lived: (opener: PerfMapOpener, names: [String])?

    private static let markLength = 64

    private struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64
    }

    /// Looks for the file and takes in what is new.
    ///
    /// - Parameters:
    ///   - firstSeen: a process of this number that started later is another one.
    ///   - proc: another directory in tests.
    ///   - host: our own root; another directory in tests.
    ///   - permit: pays for it; what it does not permit is read with the next look.
    mutating func refresh(
        pid: Int32, firstSeen: UInt64, proc: String, host: String, permit: ReadingPermit
    ) {
        let reader = ProcReader(root: proc)
        // The number may be another process's by now: the same one before and after, or no answer.
        guard let tick = reader.startTick(of: pid), let started = reader.startTime(of: pid),
            let credentials = ProcessCredentials(of: pid, proc: proc),
            started <= firstSeen.addingSaturating(20_000_000)
        else { return state = .processGone }
        let opener = PerfMapOpener(
            credentials: credentials, started: Instant(nanoseconds: started),
            opener: FileOpener(for: reader.payer(of: pid)))
        let root = "\(proc)/\(pid)/root"
        var names = ["perf-\(pid).map"]
        if Self.isOneDirectory(root, host) { names.insert("perf-\(credentials.innermostPID).map", at: 0) }
        lived = (opener, names)
        for (root, number) in [(root, credentials.innermostPID), (host, pid)] {
            let name = "perf-\(number).map"
            path = (root == "/" ? "" : root) + "/tmp/" + name
            do throws(PerfMapRefusal) {
                let file = try opener.open(name, below: root)
                guard reader.startTick(of: pid) == tick else { return state = .processGone }
                try read(file, permit)
                state = .read
            } catch {
                if error == .unreadable(.noEntry) { continue }
                state = .refused(error)
            }
            return
        }
        if state != .read { state = .absent }
    }

    /// Looks a last time once the process has ended: many write their map, or the rest of it, when they do.
    ///
    /// Only where it lived in our own root: any other one is gone with it.
    mutating func refreshLast(pid: Int32, proc: String, host: String, permit: ReadingPermit) {
        guard let (opener, names) = lived else { return }
        lived = nil
        // Another process has the number by now, or the process lives on as another program.
        let reader = ProcReader(root: proc)
        guard !reader.hasMemory(reader.livingTask(of: pid)) else { return }
        for name in names {
            guard let file = try? opener.open(name, below: host), (try? read(file, permit)) != nil else { continue }
            map.finish()
            path = (host == "/" ? "" : host) + "/tmp/" + name
            return state = .read
        }
    }

    private static func isOneDirectory(_ left: String, _ right: String) -> Bool {
        guard let first = try? Descriptor(placeOf: left), let second = try? Descriptor(placeOf: right),
            let facts = PlaceFacts(of: first), let others = PlaceFacts(of: second)
        else { return false }
        return facts.isSame(as: others)
    }

    /// Where names came, went or changed since the last call.
    mutating func takeChanged() -> [Range<UInt64>] { map.takeChanged() }

    // MARK: Reading

    private mutating func read(
        _ opened: borrowing FileOpener.Opened, _ permit: ReadingPermit
    ) throws(PerfMapRefusal) {
        let facts = opened.facts
        let found = Identity(device: opened.place.device, inode: opened.place.inode)
        let isUntouched = facts.stamp.size == offset && facts.stamp.isWritten(with: modified)
        // Nobody is in the midst of its last line, if that has no newline.
        if identity == found, isUntouched { return map.finish() }
        var isLonger = identity == found && facts.stamp.size > offset
        if isLonger { isLonger = try hasMark(opened.file) }
        if !isLonger { begin(found) }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while offset < PerfMap.byteLimit, permit.mayGoOn() {
            let room = min(chunk.count, PerfMap.byteLimit - offset)
            let count = try opened.file.part(at: offset, room, into: &chunk)
            if count == 0 { break }
            map.take(chunk.span.extracting(first: count))
            mark = Array((mark + chunk[max(0, count - Self.markLength)..<count]).suffix(Self.markLength))
            offset += count
        }
        do { modified = try opened.file.stamp() } catch { throw .unreadable(.noAnswer) }
    }

    private mutating func begin(_ found: Identity) {
        map.removeAll()
        identity = found
        offset = 0
        mark = []
    }

    private func hasMark(_ file: borrowing ForeignFile) throws(PerfMapRefusal) -> Bool {
        var bytes = [UInt8](repeating: 0, count: mark.count)
        let count = try file.part(at: offset - mark.count, mark.count, into: &bytes)
        return count == mark.count && bytes == mark
    }
}

extension ForeignFile {
    /// As many bytes as there are, and no more than fit.
    fileprivate borrowing func part(
        at offset: Int, _ count: Int, into buffer: inout [UInt8]
    ) throws(PerfMapRefusal) -> Int {
        do throws(Errno) { return try read(at: UInt64(offset), upTo: count, into: &buffer) } catch {
            throw .unreadable(error)
        }
    }
}

extension FileStamp {
    fileprivate func isWritten(with other: FileStamp?) -> Bool {
        seconds == other?.seconds && nanoseconds == other?.nanoseconds
    }
}
