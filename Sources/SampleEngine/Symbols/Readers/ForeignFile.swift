internal import CLinuxShims
internal import Glibc

/// An open file that somebody else has written: open here, or in a reader process where its file system need not answer.
enum ForeignFile: ~Copyable {
    case here(Descriptor)
    case away(FileAway)

    /// What is known of it now without asking its file system; nil where nobody can tell.
    borrowing func place() -> PlaceFacts? {
        switch self {
        case .here(let descriptor): PlaceFacts(of: descriptor)
        case .away(let file): try? file.process.look(at: file.handle)
        }
    }

    /// Size and time of the last write now.
    borrowing func stamp() throws(ELFError) -> FileStamp {
        switch self {
        case .here(let descriptor): return try descriptor.fileStamp()
        case .away(let file):
            do { return try file.process.facts(of: file.handle).stamp } catch { throw .read(error) }
        }
    }

    /// Reads as many of `count` bytes as there are, and as fit, into the beginning of a buffer; 0 at the end of the file.
    borrowing func read(at offset: UInt64, upTo count: Int, into buffer: inout [UInt8]) throws(Errno) -> Int {
        let room = min(count, buffer.count)
        switch self {
        case .here(let descriptor):
            guard let start = off_t(exactly: offset) else { throw .invalid }
            let number = descriptor.number
            return try systemCall {
                unsafe buffer.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, room, start) }
            }
        case .away(let file):
            let bytes = try file.process.bytes(of: file.handle, at: offset, count: room)
            buffer.replaceSubrange(..<bytes.count, with: bytes)
            return bytes.count
        }
    }

    /// Reads exactly `count` bytes at `offset` into a buffer that is used again; a shorter file is an error.
    borrowing func read(at offset: UInt64, count: Int, into buffer: inout [UInt8]) throws(ELFError) {
        switch self {
        case .here(let descriptor): try descriptor.read(at: offset, count: count, into: &buffer)
        case .away(let file): try file.read(at: offset, count: count, into: &buffer)
        }
    }
}

/// What a reader process has open, a place or a file; closed there at the end of its life.
final class FileAway: Sendable {
    let process: ReaderProcess
    let handle: UInt32

    init(_ handle: UInt32, of process: ReaderProcess) {
        self.process = process
        self.handle = handle
    }

    deinit { process.close(handle) }

    func read(at offset: UInt64, count: Int, into buffer: inout [UInt8]) throws(ELFError) {
        guard count >= 0, !offset.addingReportingOverflow(UInt64(count)).overflow else { throw .truncated }
        buffer.removeAll(keepingCapacity: true)
        while buffer.count < count {
            let piece: [UInt8]
            do throws(Errno) {
                piece = try process.bytes(of: handle, at: offset + UInt64(buffer.count), count: count - buffer.count)
            } catch {
                throw .read(error)
            }
            if piece.isEmpty { throw .truncated }
            buffer += piece
        }
    }
}
