import CLinuxShims
import Foundation
import Glibc
import SampleEngineTestSupport
import Synchronization
import Testing

@testable import SampleEngine

@Suite("Files that another process reads in our stead")
struct ReaderProcessTests {
    let directory: TemporaryDirectory
    let child: Child

    init() throws {
        directory = try TemporaryDirectory()
        child = try Self.victim()
    }

    private func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pt_reader_pair(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// A process that is there to be killed.
    private static func victim() throws -> Child {
        let nothing = unsafe Glibc.open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(nothing) }
        return try Child("/bin/sleep", ["60"], environment: [:], input: nothing, output: nothing, errors: nothing)
    }

    private func process(_ child: Child, at end: Int32, patience: UInt64 = 20_000_000_000) throws -> ReaderProcess {
        ReaderProcess(
            socket: Descriptor(owning: end), process: Descriptor(owning: try systemCall { pt_pidfd(child.pid) }),
            patience: patience)
    }

    /// A reader process whose work a thread of this one does; what it would be killed for is a failure.
    private func reader() throws -> ReaderProcess {
        let (ours, theirs) = try pair()
        try EngineThread(name: "service", stackSize: 1 << 20) {
            var service = ReaderService(socket: Descriptor(owning: theirs))
            service.run()
        }.detach()
        return try process(child, at: ours)
    }

    private func file(_ bytes: Int) throws -> (path: [UInt8], content: [UInt8]) {
        let content = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let path = directory.path + "/file"
        try Data(content).write(to: URL(fileURLWithPath: path))
        return (Array(path.utf8), content)
    }

    /// Opens a file as `FileOpener` does.
    private func open(_ path: [UInt8], by process: ReaderProcess) throws(Errno) -> (FileAway, FileFacts) {
        let place = FilePlace(try process.place(.path(path, below: "/")), of: process)
        guard case .away(let file) = place.consumed() else { throw .invalid }
        return (file, try process.open(file.handle))
    }

    @Test("A file is what it is here: its place, its facts, and its bytes in pieces of any size")
    func reading() throws {
        let (path, content) = try file(200_001)
        let process = try reader()
        let place = FilePlace(try process.place(.path(path, below: "/")), of: process)
        let here = FilePlace(try FileOpener(mayWait: true).placeHere(.path(path, below: "/")))
        #expect(place.facts == here.facts)
        #expect(place.top == here.top && place.fileSystem == here.fileSystem)
        #expect(place.makers == here.makers)
        let (away, facts) = try open(path, by: process)
        let descriptor = Descriptor(
            owning: try systemCall { unsafe pt_open(String(decoding: path, as: UTF8.self), O_RDONLY) })
        #expect(try facts == FileFacts(of: descriptor))
        #expect(try ForeignFile.away(away).stamp() == descriptor.fileStamp())
        #expect(ForeignFile.away(away).place() == PlaceFacts(of: descriptor))
        var bytes: [UInt8] = []
        for (offset, count) in [(0, 200_001), (1, 65_536), (65_535, 65_537), (200_000, 1), (7, 0)] {
            try away.read(at: UInt64(offset), count: count, into: &bytes)
            #expect(bytes == Array(content[offset..<offset + count]))
        }
        #expect(throws: ELFError.truncated) { try away.read(at: 200_000, count: 2, into: &bytes) }
        #expect(throws: ELFError.read(.invalid)) { try away.read(at: .max - 9, count: 9, into: &bytes) }
    }

    @Test("What cannot be opened is refused for its reason, and a closed file is no file")
    func refused() throws {
        let process = try reader()
        #expect(throws: Errno.noEntry) { try open(Array("/nonexistent/file".utf8), by: process) }
        #expect(throws: Errno.invalid) { try open(Array(directory.path.utf8), by: process) }
        let (file, _) = try open(try file(10).path, by: process)
        process.close(file.handle)
        #expect(throws: Errno(EBADF)) { try process.facts(of: file.handle) }
        #expect(throws: Errno(EBADF)) { try process.bytes(of: 4711, at: 0, count: 1) }
        let place = try process.place(.path(Array(directory.path.utf8), below: "/"))
        #expect(throws: Errno(EBADF)) { try process.bytes(of: place.handle, at: 0, count: 1) }
    }

    @Test("No more files are open at a time than there is room for")
    func full() throws {
        let (path, _) = try file(10)
        let process = try reader()
        for _ in 0..<256 { _ = try process.place(.path(path, below: "/")) }
        #expect(throws: Errno.tooManyFiles) { try process.place(.path(path, below: "/")) }
    }

    @Test("One that does not answer is killed, and asked nothing more")
    func silent() throws {
        let (ours, theirs) = try pair()
        defer { close(theirs) }
        let process = try process(child, at: ours, patience: 1_000_000)
        #expect(throws: Errno.noAnswer) { try process.facts(of: 1) }
        #expect(process.isLost)
        #expect(waitUntil(within: 20) { process.hasEnded })
        #expect(!child.isRunning)
        #expect(throws: Errno.noAnswer) { try process.facts(of: 1) }
    }

    @Test("One that is gone, or answers with what is none, is lost as well", arguments: [nil, 1, 200])
    func broken(bytes: Int?) throws {
        let (ours, theirs) = try pair()
        let process = try process(child, at: ours)
        if let bytes {
            let junk = [UInt8](repeating: 0xff, count: bytes)
            _ = unsafe junk.withUnsafeBytes { unsafe write(theirs, $0.baseAddress, bytes) }
            // Larger than an answer, it is an error of a call that does not exist: whatever it says, nothing traps.
            #expect(throws: Errno.self) { try process.facts(of: 1) }
            close(theirs)
        } else {
            close(theirs)
            #expect(throws: Errno.noAnswer) { try process.facts(of: 1) }
        }
    }
}
