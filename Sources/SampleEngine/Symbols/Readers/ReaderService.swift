internal import CLinuxShims
internal import Glibc

/// What a reader process does: it answers requests until nobody is left to ask.
///
/// What it has open is closed with it. It trusts who asks, its parent, and opens nothing but what `FileOpener` would open there.
struct ReaderService: ~Copyable {
    /// Descriptors that are open at a time; whoever asks holds fewer.
    private static var mostFiles: Int { 256 }

    private let socket: Descriptor
    private var files: [UInt32: Kept] = [:]
    private var nextHandle: UInt32 = 1
    private let opener = FileOpener(mayWait: true)

    /// What a handle stands for: a place, or once that was opened, a file.
    private final class Kept {
        let descriptor: Descriptor
        let isRegular: Bool
        let isOpen: Bool

        init(_ descriptor: consuming Descriptor, isRegular: Bool, isOpen: Bool) {
            self.descriptor = descriptor
            self.isRegular = isRegular
            self.isOpen = isOpen
        }
    }

    init(socket: consuming Descriptor) { self.socket = socket }

    /// Returns when the other end is closed.
    mutating func run() {
        let number = socket.number
        var text = [UInt8](repeating: 0, count: 2 * Int(PATH_MAX))
        var worked: UInt64 = 0
        while true {
            var request = pt_reader_request()
            let count = unsafe text.withUnsafeMutableBytes {
                unsafe pt_reader_receive(
                    number, &request, MemoryLayout<pt_reader_request>.size, $0.baseAddress, $0.count)
            }
            // A longer message is none of ours; whoever sent it gets an answer all the same.
            if count < 0, errno != EBADMSG { return }
            let begun = ownThreadNanoseconds()
            var (answer, bytes) = (pt_reader_answer(), [UInt8]())
            do throws(Errno) {
                if count < 0 { throw .invalid }
                bytes = try self.answer(request, Array(text[..<count]), with: &answer)
            } catch {
                answer.error = error.number
            }
            answer.processor = ownProcessorNanoseconds()
            guard unsafe pt_reader_send(number, &answer, MemoryLayout<pt_reader_answer>.size, bytes, bytes.count) >= 0
            else { return }
            // As readers that are threads rest (`ReadingPermit`).
            worked += ownThreadNanoseconds() &- begun
            if worked >= 1_000_000 {
                usleep(UInt32(Scheduling.rest(behind: worked) / 1000))
                worked = 0
            }
        }
    }

    private mutating func answer(
        _ request: pt_reader_request, _ text: [UInt8], with answer: inout pt_reader_answer
    ) throws(Errno) -> [UInt8] {
        guard let what = ReaderRequest(rawValue: request.what) else { throw .invalid }
        switch what {
        case .follow, .followLocally, .reach:
            guard let way = what.way(text) else { throw .invalid }
            if files.count >= Self.mostFiles { throw .tooManyFiles }
            let place = try opener.placeHere(way)
            answer.take(place)
            answer.handle = nextHandle
            let isRegular = place.facts.isRegular
            files[nextHandle] = Kept(place.descriptor, isRegular: isRegular, isOpen: false)
            nextHandle &+= 1
        case .open:
            let place = try kept(request.handle)
            guard place.isRegular else { throw .invalid }
            let file = try FileOpener.reopened(place.descriptor)
            answer.take(try FileFacts(of: file))
            files[request.handle] = Kept(file, isRegular: true, isOpen: true)
        case .look:
            guard let facts = PlaceFacts(of: try kept(request.handle).descriptor) else { throw .noDevice }
            answer.place = facts.sent
        case .facts: answer.take(try FileFacts(of: try file(request.handle).descriptor))
        case .read: return try bytes(of: try file(request.handle), request)
        case .close: files[request.handle] = nil
        }
        return []
    }

    private func kept(_ handle: UInt32) throws(Errno) -> Kept {
        guard let kept = files[handle] else { throw Errno(EBADF) }
        return kept
    }

    private func file(_ handle: UInt32) throws(Errno) -> Kept {
        let file = try kept(handle)
        guard file.isOpen else { throw Errno(EBADF) }
        return file
    }

    private func bytes(of file: Kept, _ request: pt_reader_request) throws(Errno) -> [UInt8] {
        guard let offset = off_t(exactly: request.offset) else { throw .invalid }
        let room = min(Int(request.count), Int(PT_READER_PIECE))
        let number = file.descriptor.number
        var buffer = [UInt8](repeating: 0, count: room)
        let got = try systemCall {
            unsafe buffer.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, room, offset) }
        }
        buffer.removeLast(room - got)
        return buffer
    }
}

extension FileFacts {
    /// Asks the file system: where that need not answer, in a reader process alone.
    init(of file: borrowing Descriptor) throws(Errno) {
        let number = file.number
        var (status, generation) = (stat(), UInt32(0))
        _ = try systemCall { unsafe fstat(number, &status) }
        let isTold = unsafe pt_generation(number, &generation) == 0
        self.init(
            stamp: FileStamp(status), generation: isTold ? generation : nil,
            mayHaveAccessList: status.st_mode & S_IWGRP != 0 && pt_may_have_access_list(number) != 0)
    }

    init(_ answer: pt_reader_answer) {
        self.init(
            stamp: FileStamp(size: answer.size, seconds: answer.seconds, nanoseconds: answer.nanoseconds),
            generation: answer.has_generation != 0 ? answer.generation : nil,
            mayHaveAccessList: answer.may_have_access_list != 0)
    }
}

extension FilePlace {
    /// As a reader process tells of it.
    init(_ answer: pt_reader_answer, of process: ReaderProcess) {
        let kind = unsafe withUnsafeBytes(of: answer.kind) { unsafe Array($0.prefix { $0 != 0 }) }
        let count = min(Int(answer.maker_count), Self.mostMakers)
        let users = unsafe withUnsafeBytes(of: answer.makers) { bytes in
            (0..<count).map { unsafe bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
        }
        self.init(
            holder: .away(FileAway(answer.handle, of: process)), facts: PlaceFacts(answer.place),
            fileSystem: MountedFileSystem(kind: String(decoding: kind, as: UTF8.self)),
            makers: PathWalk.Makers(
                users: Set(users), others: answer.others != 0, othersBeside: answer.others_beside != 0),
            top: RootPlace(answer.top))
    }

    /// Users that are told by their numbers.
    fileprivate static var mostMakers: Int { 16 }
}

extension pt_reader_answer {
    fileprivate mutating func take(_ facts: FileFacts) {
        (size, seconds, nanoseconds) = (facts.stamp.size, facts.stamp.seconds, facts.stamp.nanoseconds)
        (generation, has_generation) = (facts.generation ?? 0, facts.generation == nil ? 0 : 1)
        may_have_access_list = facts.mayHaveAccessList ? 1 : 0
    }

    fileprivate mutating func take(_ found: borrowing PathWalk.Place) {
        place = found.facts.sent
        if let top = found.top { self.top = top.sent }
        let users = found.makers.users.sorted()
        let isTold = users.count <= FilePlace.mostMakers
        maker_count = isTold ? UInt32(users.count) : 0
        (others, others_beside) = (found.makers.others || !isTold ? 1 : 0, found.makers.othersBeside ? 1 : 0)
        let (told, text) = (isTold ? users : [], found.fileSystem.kind.utf8.prefix(31))
        unsafe withUnsafeMutableBytes(of: &makers) { bytes in
            for (index, user) in told.enumerated() {
                unsafe bytes.storeBytes(of: user, toByteOffset: 4 * index, as: UInt32.self)
            }
        }
        unsafe withUnsafeMutableBytes(of: &kind) { unsafe $0.copyBytes(from: text) }
    }
}
