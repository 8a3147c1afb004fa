import CLinuxShims
import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Opening a mapped file", .enabled(if: haveCompiler, "needs gcc, nm and readelf"))
struct ImageStoreTests {
    let directory: TemporaryDirectory
    let program: RunningProgram
    let path: String
    /// The running program's segment of code.
    let mapping: ClosedRange<UInt64>

    /// No process has this number.
    static let nobody: Int32 = 1 << 22 + 1

    init() throws {
        directory = try TemporaryDirectory()
        program = try RunningProgram("spin.c")
        (path, mapping) = try Self.mapping(in: program.pid)
    }

    /// Files of the temporary folder have a generation beside their number.
    static let hasGenerations: Bool = {
        guard let directory = try? TemporaryDirectory(), let path = try? directory.write([], to: "file"),
            let file = try? descriptor(path)
        else { return false }
        var generation: UInt32 = 0
        return unsafe pt_generation(file.number, &generation) == 0 && generation != 0
    }()

    @Test(
        "A file whose file system does not answer is refused at once, by whatever way",
        .enabled(if: Machine.mayMountFUSE, "needs root, /dev/fuse and leave to mount"),
        .timeLimit(.minutes(1)))
    func stalling() throws {
        let server = try compile(["stalling.c"], as: "stalling", in: directory)
        let mount = directory.path + "/mount"
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
        let serving = Process()
        serving.environment = Child.environment
        serving.executableURL = URL(fileURLWithPath: server)
        serving.arguments = [mount, path]
        let said = Pipe()
        serving.standardOutput = said
        try serving.run()
        defer {
            // Whatever waits for it is told that it is gone.
            kill(serving.processIdentifier, SIGKILL)
            _ = unsafe umount2(mount, Int32(MNT_DETACH))
        }
        try #require(said.fileHandleForReading.availableData.starts(with: "ready".utf8))
        let mounted = mount + "/program"
        let file = try mapped(mounted)
        // All of it is in the page cache, and runs from there.
        #expect(try Data(contentsOf: URL(fileURLWithPath: mounted)) == Data(contentsOf: URL(fileURLWithPath: path)))
        let running = Process()
        running.environment = Child.environment
        running.executableURL = URL(fileURLWithPath: mounted)
        try running.run()
        defer { kill(running.processIdentifier, SIGKILL) }
        let range = try Self.mapping(in: running.processIdentifier, named: "/mount/program").range
        kill(serving.processIdentifier, SIGUSR1)
        #expect(said.fileHandleForReading.availableData.starts(with: "stalled".utf8))
        for start in [range.lowerBound, 0x1000] {
            let witness = ImageStore.Witness(pid: running.processIdentifier, start: start, end: range.upperBound)
            let opened = open(file, witness)
            #expect(throws: Unresolved.imageUnreadable(errno: EOPNOTSUPP)) { try opened.symbols.get() }
            #expect(opened.steps.last?.hasSuffix(": on FUSE: not read") == true)
        }
    }

    /// The process may not have got there yet: who starts it goes on before the new program is mapped.
    private static func mapping(
        in pid: Int32, named name: String = "/" + RunningProgram.name
    ) throws -> (path: String, range: ClosedRange<UInt64>) {
        var found: (String, ClosedRange<UInt64>)?
        let isThere = try waitUntil(within: 20) {
            let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8).split(separator: "\n")
            if let line = maps.first(where: { $0.contains(" r-xp ") && $0.hasSuffix(name) }) {
                let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
                try #require(ends.count == 2)
                found = (
                    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"), ends[0]...ends[1]
                )
            }
            return found != nil
        }
        try #require(isThere, "\(RunningProgram.name) is not mapped")
        return try #require(found)
    }

    private func witness(_ pid: Int32? = nil, knowsRange: Bool = true) -> ImageStore.Witness {
        ImageStore.Witness(
            pid: pid ?? program.pid, start: knowsRange ? mapping.lowerBound : 0x1000,
            end: knowsRange ? mapping.upperBound : 0x2000)
    }

    private func mapped(_ path: String, as shown: String? = nil, generation: UInt64 = 0) throws -> MappedFile {
        var status = stat()
        try #require(unsafe stat(path, &status) == 0)
        return MappedFile(
            path: Array((shown ?? path).utf8),
            identity: .inode(device: pt_device(status.st_dev), inode: UInt64(status.st_ino), generation: generation))
    }

    /// Opens and reads it as the store's errands do.
    private func open(
        _ file: MappedFile, _ witness: ImageStore.Witness
    ) -> (symbols: Result<ImageSymbols, Unresolved>, steps: [String]) {
        ImageStore.read(file, seenBy: witness)
    }

    private func isNamed(_ symbols: Result<ImageSymbols, Unresolved>) throws -> Bool {
        let function = try #require(try listedFunctions(path).first { $0.name == "spin_here" })
        return try symbols.get().name(at: function.address) == "spin_here"
    }

    @Test("By the mapping, whatever the path says", .enabled(if: geteuid() == 0, "map_files needs root"))
    func byMapping() throws {
        let opened = open(try mapped(path, as: "/no/such/file"), witness())
        #expect(try isNamed(opened.symbols))
        #expect(opened.steps[0].hasPrefix("map_files ") && opened.steps[0].contains(": same inode "))
        #expect(opened.steps.contains { $0.hasPrefix(".symtab: functions ") })
    }

    @Test("A deleted program is read through its mapping, or through the process")
    func deleted() throws {
        let copy = directory.path + "/copy"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        let file = try mapped(path)
        try FileManager.default.removeItem(atPath: path)
        for knowsRange in [true, false] {
            let opened = open(file, witness(knowsRange: knowsRange))
            let function = try #require(try listedFunctions(copy).first { $0.name == "spin_here" })
            #expect(try opened.symbols.get().name(at: function.address) == "spin_here")
            if !knowsRange { #expect(opened.steps.contains { $0.hasPrefix("exe of \(program.pid): same inode ") }) }
        }
    }

    @Test("By its path in the root of the process, where no link leads to it")
    func byProcessRoot() throws {
        let other = try compile(["functions.c"], as: "library", in: directory)
        let opened = open(try mapped(other), witness(knowsRange: false))
        #expect(throws: Never.self) { try opened.symbols.get() }
        #expect(opened.steps.contains { $0.hasPrefix("root of \(program.pid): same inode ") })
        // That the process runs another program says nothing.
        #expect(!opened.steps.contains { $0.hasPrefix("exe ") })
    }

    @Test("By its path in our own root, once the process is gone")
    func byOwnRoot() throws {
        let opened = open(try mapped(path), witness(Self.nobody))
        #expect(try isNamed(opened.symbols))
        #expect(opened.steps.contains { $0.hasPrefix("own root: same inode ") })
        #expect(opened.steps.contains("root of \(Self.nobody): no such file or directory"))
    }

    @Test("Another file under the same path gives no names")
    func replaced() throws {
        let file = try mapped(path)
        let inode = try #require(file.identity.inode)
        // Both exist for a moment, so that the new one cannot have the number of the old.
        let other = try compile(["functions.c"], as: "other", in: directory)
        try FileManager.default.copyItem(atPath: other, toPath: path + ".new")
        try #require(unsafe rename(path + ".new", path) == 0)
        let opened = open(file, witness(Self.nobody))
        #expect(throws: Unresolved.fileChanged) { try opened.symbols.get() }
        #expect(
            opened.steps.contains { $0.hasPrefix("own root: file changed (inode ") && $0.hasSuffix(" \(inode))") })
    }

    @Test(
        "A file that was given the number of a deleted one is not taken for it",
        .enabled(if: hasGenerations, "the file system of the temporary folder tells no generations"))
    func sameInodeNumber() throws {
        let file = try descriptor(path)
        var generation: UInt32 = 0
        try #require(unsafe pt_generation(file.number, &generation) == 0 && generation != 0)
        let right = open(try mapped(path, generation: UInt64(generation)), witness(Self.nobody))
        #expect(try isNamed(right.symbols))
        let wrong = open(try mapped(path, generation: UInt64(generation) + 1), witness(Self.nobody))
        #expect(throws: Unresolved.fileChanged) { try wrong.symbols.get() }
        #expect(wrong.steps.contains { $0.contains("generation \(generation), was \(UInt64(generation) + 1)") })
    }

    @Test("Where the kernel gave a build-id, it must match")
    func byBuildID() throws {
        let built = try compile(["functions.c"], ["-Wl,--build-id=sha1"], in: directory)
        let id = try symbols(of: built).buildID
        for isRight in [true, false] {
            let bytes = isRight ? id : id.map { ~$0 }
            let file = MappedFile(path: Array(built.utf8), identity: FileIdentity(buildID: bytes))
            let opened = open(file, witness(Self.nobody))
            if isRight {
                #expect(throws: Never.self) { try opened.symbols.get() }
                #expect(opened.steps.contains { $0.hasPrefix("build-id ") && $0.hasSuffix(" matches") })
            } else {
                #expect(throws: Unresolved.fileChanged) { try opened.symbols.get() }
                #expect(opened.steps.contains { $0.hasPrefix("file changed (build-id ") })
            }
        }
    }

    @Test("What is no regular file is not opened", arguments: ["fifo", "directory", "/dev/null"])
    func notRegular(kind: String) throws {
        let place = kind.hasPrefix("/") ? kind : directory.path + "/place"
        if kind == "fifo" { try run("mkfifo", place) }
        if kind == "directory" {
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        }
        let opened = open(try mapped(place), witness(knowsRange: false))
        #expect(throws: Unresolved.imageUnreadable(errno: EINVAL)) { try opened.symbols.get() }
    }

    @Test("A failure is remembered until another process maps the file")
    func remembered() throws {
        var symbolizer = Symbolizer()
        let file = try mapped(path)
        let hidden = path + ".hidden"
        try #require(unsafe rename(path, hidden) == 0)
        let function = try #require(try listedFunctions(hidden).first { $0.name == "spin_here" })
        let image = try symbols(of: hidden)
        let candidates = (0..<64 as Range<UInt64>).map { function.address &- $0 * 4096 }
        let found = candidates.first { image.imageAddress(of: FileOffset($0)) == ImageAddress(function.address) }
        let offset = try #require(found)
        let space = SpaceID(SpaceID.firstImage)
        var now = Instant.now
        func ask(_ pid: Int32) -> String {
            now = now.advanced(byNanoseconds: 200_000_000)
            _ = symbolizer.note(
                ImageSighting(
                    space: space, path: file.path, identity: file.identity, pid: pid, start: 0x1000, end: 0x2000))
            return symbolizer.name(at: Location(space: space, value: offset), now: now)
        }
        #expect(ask(Self.nobody) == "[unknown]")
        try #require(unsafe rename(hidden, path) == 0)
        #expect(ask(Self.nobody) == "[unknown]")
        #expect(ask(program.pid) == "spin_here")
        #expect(ask(Self.nobody) == "spin_here")
    }

    @Test("A sparse file of a terabyte is refused at once, and costs nothing")
    func sparse() throws {
        var bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        let headers = Int(bytes[40]) | Int(bytes[41]) << 8
        for header in stride(from: headers, to: bytes.count - 63, by: 64) where bytes[header + 4] == 2 {
            bytes.replaceSubrange(header + 32..<header + 40, with: [0, 0, 0, 0, 0, 1, 0, 0])
        }
        let file = try directory.write(bytes, to: "sparse")
        try FileHandle(forUpdating: URL(fileURLWithPath: file)).truncate(atOffset: 1 << 41)
        let opened = open(try mapped(file), witness(knowsRange: false))
        #expect(throws: Unresolved.imageUnreadable(errno: ENOEXEC)) { try opened.symbols.get() }
        #expect(opened.steps.contains("a table is too large"))
    }
}

extension FileIdentity {
    fileprivate var inode: UInt64? {
        guard case .inode(_, let inode, _) = self else { return nil }
        return inode
    }

    /// As a record with a build-id has it.
    fileprivate init(buildID: [UInt8]) {
        let padded = Array((buildID + Array(repeating: 0, count: 24)).prefix(24))
        let words = [0, 8, 16].map { start in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(padded[start + $1]) << UInt64(8 * $1) }
        }
        self = .buildID(words[0], words[1], words[2], length: UInt8(buildID.count))
    }
}
