internal import CLinuxShims
internal import Glibc
internal import SampleEngine
internal import Synchronization

/// Takes what a command writes while the screen is up, and shows it afterwards.
///
/// A thread reads, so that neither the command nor the screen ever waits for the other. Of more than the limit the end
/// is kept, and the gap is said.
final class CapturedOutput: Sendable {
    /// Bytes kept.
    private static let limit = 16 << 20

    /// The command writes here; closed on our side once it runs.
    let writeEnd: Int32
    private let readEnd: Int32
    private let stop: Bell
    private let kept = Mutex(Kept())
    private let reader = Mutex<EngineThread?>(nil)

    private struct Kept {
        var pieces: [[UInt8]] = []
        var bytes = 0
        var dropped = 0
    }

    init() throws(EngineError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pt_pipe(&ends) == 0 else { throw EngineError(what: "the command's output", why: "no pipe") }
        readEnd = ends[0]
        writeEnd = ends[1]
        // Only our end must not block; a command may not expect that of its own.
        _ = fcntl(writeEnd, F_SETFL, 0)
        stop = try Bell()
    }

    /// Starts reading; the command has its own copy of the write end by now.
    func begin() throws(EngineError) {
        close(writeEnd)
        let thread = try EngineThread(name: "output", stackSize: 256 << 10) { self.read() }
        var started: EngineThread? = thread
        reader.withLock { $0 = started.take() }
    }

    /// Stops reading and writes all that was kept to standard output.
    func show() {
        stop.ring()
        let thread = reader.withLock { $0.take() }
        if let thread { thread.join(within: 1_000_000_000) }
        let (pieces, dropped) = kept.withLock { ($0.pieces, $0.dropped) }
        if dropped > 0 { write(Array("[perftop: the first \(dropped) bytes of output were not kept]\n".utf8)) }
        for piece in pieces where !write(piece) { return }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var isStopping = false
        // Of a descendant that never stops writing no more than this is taken at the end.
        var rest = 1 << 20
        while rest > 0 {
            var watched = [
                pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop.fd, events: Int16(POLLIN), revents: 0),
            ]
            // What waits when we are told to stop is still taken; a descendant that goes on writing is not waited for.
            let ready = unsafe poll(&watched, 2, isStopping ? 0 : -1)
            if isStopping, ready <= 0 || watched[0].revents == 0 { return }
            if watched[1].revents != 0 {
                isStopping = true
                stop.clear()
            }
            guard watched[0].revents != 0 else { continue }
            let count = unsafe Glibc.read(readEnd, &buffer, buffer.count)
            if count == 0 { return }
            if count > 0 { keep(buffer[..<count]) }
            if isStopping { rest -= max(0, count) }
        }
    }

    private func keep(_ bytes: ArraySlice<UInt8>) {
        kept.withLock { kept in
            if let last = kept.pieces.indices.last, kept.pieces[last].count + bytes.count <= 1 << 16 {
                kept.pieces[last] += bytes
            } else {
                kept.pieces.append(Array(bytes))
            }
            kept.bytes += bytes.count
            var gone = 0
            while kept.bytes > Self.limit {
                kept.bytes -= kept.pieces[gone].count
                kept.dropped += kept.pieces[gone].count
                gone += 1
            }
            if gone > 0 { kept.pieces.removeFirst(gone) }
        }
    }

    @discardableResult
    private func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }
}
