import CLinuxShims
import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

/// A root of its own takes the place of `/`, so that nothing of this machine is found or touched.
@Suite(
    "Separate debug files of an image",
    .enabled(if: haveCompiler && isInstalled("objcopy"), "needs gcc and binutils"))
struct DebugFileTests {
    let directory: TemporaryDirectory
    /// Stands for the root directory.
    let root: String
    let whole: String

    init() throws {
        directory = try TemporaryDirectory()
        root = directory.path + "/root"
        whole = directory.path + "/whole"
        try make("/opt/bin")
    }

    private func make(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
    }

    /// Compiles the program and leaves a stripped `/opt/bin/program` and its debug file.
    private func build(_ options: [String] = ["-Wl,--build-id=sha1"]) throws -> (program: String, debug: String) {
        _ = try compile(
            ["functions.c", "labels.S"], ["-O1", "-g", "-fno-builtin"] + options, as: "whole", in: directory)
        let (program, debug) = (root + "/opt/bin/program", directory.path + "/program.debug")
        try run("objcopy", "--only-keep-debug", whole, debug)
        try run("strip", "-o", program, whole)
        return (program, debug)
    }

    /// Where the debug file of a program belongs by its build-id.
    private func placeByID(of program: String) throws -> String {
        let hex = try symbols(of: program).buildID.map { String(format: "%02x", $0) }.joined()
        try make("/usr/lib/debug/.build-id/" + hex.prefix(2))
        return root + "/usr/lib/debug/.build-id/\(hex.prefix(2))/\(hex.dropFirst(2)).debug"
    }

    private func move(_ file: String, to place: String) throws {
        try FileManager.default.moveItem(atPath: file, toPath: place)
    }

    private func read(
        _ program: String, at path: String = "/opt/bin/program", ownRoot: String? = nil, processRoot: String? = nil
    ) throws -> (image: ImageSymbols, steps: String) {
        var explanation = Explanation(isWanted: true)
        let debugFiles = DebugFiles(
            ofImageAt: Array(path.utf8), ownRoot: ownRoot ?? root, processRoot: processRoot ?? root)
        let image = try ImageSymbols(
            reading: descriptor(program), debugFiles: debugFiles, explanation: &explanation)
        return (image, explanation.steps.joined(separator: "\n"))
    }

    private func hidden() throws -> UInt64 {
        try #require(try listedFunctions(whole).first { $0.name == "hidden_twice" }).address
    }

    @Test("By build-id: every function has the name it had before the file was stripped")
    func byBuildID() throws {
        let (program, debug) = try build()
        try move(debug, to: placeByID(of: program))
        let (image, steps) = try read(program)
        let original = try symbols(of: whole)
        for function in try listedFunctions(whole) where function.size > 0 {
            for address in [function.address, function.address + function.size - 1] {
                #expect(image.name(at: address) == original.name(at: address))
            }
        }
        #expect(try image.source(at: hidden()) == .debugFile)
        #expect(steps.contains(".debug: build-id matches"))
    }

    @Test("A file with another build-id is passed over, wherever it lies")
    func wrongBuildID() throws {
        let (program, debug) = try build()
        let place = try placeByID(of: program)
        try run("objcopy", "--update-section", ".note.gnu.build-id=" + otherNote(of: program), debug, place)
        let (image, steps) = try read(program)
        #expect(try image.source(at: hidden()) == nil)
        #expect(steps.contains("has build-id 00000000"))
    }

    /// The note of a program with a build-id of zeros.
    private func otherNote(of program: String) throws -> String {
        let note = try listedSection(".note.gnu.build-id", of: program)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: program))
        let header = bytes[Int(note.offset)..<Int(note.offset) + 16]
        return try directory.write(header + Data(repeating: 0, count: Int(note.size) - 16), to: "note")
    }

    static let linkedPlaces = ["/opt/bin", "/opt/bin/.debug", "/usr/lib/debug/opt/bin"]

    @Test("By link: beside the program, in .debug there, and below /usr/lib/debug", arguments: linkedPlaces)
    func byLink(folder: String) throws {
        let (program, debug) = try build(["-Wl,--build-id=none"])
        try run("objcopy", "--add-gnu-debuglink=" + debug, program)
        try make(folder)
        try move(debug, to: root + folder + "/program.debug")
        let (image, steps) = try read(program)
        #expect(try image.name(at: hidden()) == "hidden_twice")
        #expect(try image.source(at: hidden()) == .debugFile)
        #expect(steps.contains("debug file \(folder)/program.debug: link matches"))
    }

    @Test(
        "Without a build-id the checksum must match, as gdb has it",
        .enabled(if: isInstalled("gdb"), "needs gdb"), arguments: [true, false])
    func checksum(isRight: Bool) throws {
        let (program, debug) = try build(["-Wl,--build-id=none"])
        try run("objcopy", "--add-gnu-debuglink=" + debug, program)
        let place = root + "/opt/bin/program.debug"
        try move(debug, to: place)
        if !isRight {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: place))
            try file.seekToEnd()
            try file.write(contentsOf: Data([0]))
        }
        let (image, steps) = try read(program)
        let address = try hidden()
        let said = try #require(
            output(
                of: "gdb",
                ["-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", "info symbol \(address)", program]))
        #expect(said.contains("hidden_twice") == isRight)
        #expect(image.name(at: address) == (isRight ? "hidden_twice" : nil))
        #expect(steps.contains("has another checksum") == !isRight)
    }

    @Test("A right checksum does not help against a wrong build-id")
    func linkWithWrongBuildID() throws {
        let (program, debug) = try build()
        let other = root + "/opt/bin/program.debug"
        try run("objcopy", "--update-section", ".note.gnu.build-id=" + otherNote(of: program), debug, other)
        try run("objcopy", "--add-gnu-debuglink=" + other, program)
        let (image, steps) = try read(program)
        #expect(try image.source(at: hidden()) == nil)
        #expect(steps.contains("/opt/bin/program.debug: has build-id 00000000"))
    }

    @Test("A link that names a directory is not followed", arguments: ["../program.debug", "/program.debug", ""])
    func linkWithDirectory(name: String) throws {
        let (program, debug) = try build(["-Wl,--build-id=none"])
        try run("objcopy", "--add-gnu-debuglink=" + debug, program)
        let link = try listedSection(".gnu_debuglink", of: program)
        let checksum = try Data(contentsOf: URL(fileURLWithPath: program))[
            Int(link.offset + link.size) - 4..<Int(link.offset + link.size)]
        let text = Array(name.utf8) + Array(repeating: 0, count: 4 - name.utf8.count % 4)
        let section = try directory.write(text + checksum, to: "link")
        try run("objcopy", "--update-section", ".gnu_debuglink=" + section, program)
        for place in ["/opt/program.debug", "/program.debug", "/opt/bin/program.debug"] {
            try FileManager.default.copyItem(atPath: debug, toPath: root + place)
        }
        let (image, steps) = try read(program)
        #expect(try image.source(at: hidden()) == nil)
        #expect(steps.contains("not a plain file name"))
    }

    @Test(
        "What is no regular file is not opened, and no link leads out of the root",
        arguments: ["fifo", "directory", "link"])
    func hostilePlaces(kind: String) throws {
        let (program, debug) = try build()
        let place = try placeByID(of: program)
        switch kind {
        case "fifo": try run("mkfifo", place)
        case "directory": try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        default: try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: debug)
        }
        let (image, _) = try read(program)
        #expect(try image.source(at: hidden()) == nil)
    }

    @Test("A debug file for another processor, or without symbols, is passed over")
    func useless() throws {
        let (program, debug) = try build()
        let place = try placeByID(of: program)
        try run("strip", "-o", place, debug)
        #expect(try read(program).steps.contains("has no .symtab"))
        var bytes = try Array(Data(contentsOf: URL(fileURLWithPath: debug)))
        bytes[18] = 183
        try Data(bytes).write(to: URL(fileURLWithPath: place))
        let (image, steps) = try read(program)
        #expect(try image.source(at: hidden()) == nil)
        #expect(steps.contains("for another processor"))
    }

    @Test("The root of the process is searched last, and not for a file that our own root has under that path")
    func processRoot() throws {
        let (program, debug) = try build()
        try move(debug, to: placeByID(of: program))
        let empty = directory.path + "/empty"
        try FileManager.default.createDirectory(atPath: empty + "/opt/bin", withIntermediateDirectories: true)
        #expect(try read(program, ownRoot: empty).image.source(at: hidden()) == .debugFile)
        // Now it is ours, and the process has no say.
        try FileManager.default.linkItem(atPath: program, toPath: empty + "/opt/bin/program")
        #expect(try read(program, ownRoot: empty).image.source(at: hidden()) == nil)
    }

    @Test(
        "What stands beside another file's path in our own root is not looked at; what is installed there is",
        arguments: [true, false])
    func besideAnother(isInstalled: Bool) throws {
        let (program, debug) = try build(["-Wl,--build-id=none"])
        try run("objcopy", "--add-gnu-debuglink=" + debug, program)
        let own = directory.path + "/own"
        for folder in ["/opt/bin/.debug", "/usr/lib/debug/opt/bin"] {
            try FileManager.default.createDirectory(atPath: own + folder, withIntermediateDirectories: true)
        }
        for place in ["/opt/bin/program.debug", "/opt/bin/.debug/program.debug"] {
            try FileManager.default.copyItem(atPath: debug, toPath: own + place)
        }
        if isInstalled { try move(debug, to: own + "/usr/lib/debug/opt/bin/program.debug") }
        // Of a process that has the image in a root of its own: it chose both the path and the link.
        let (image, steps) = try read(program, ownRoot: own)
        #expect(try image.source(at: hidden()) == (isInstalled ? .debugFile : nil))
        #expect(!steps.contains("debug file /opt/bin/"), "\(steps)")
    }

    @Test(
        "A debug file counts where nobody but root and the image's owner can have put it there",
        .enabled(if: geteuid() == 0, "needs root: chown"))
    func writable() throws {
        let (program, debug) = try build()
        let place = try placeByID(of: program)
        try move(debug, to: place)
        let folder = root + "/usr/lib"
        #expect(try read(program).image.source(at: hidden()) == .debugFile)
        let last = String(place[..<(try #require(place.lastIndex(of: "/")))])
        // The group of `nobody` is somebody else's; root's is nobody else's. What lies below a folder like /tmp is told by its owner.
        let cases: [(String, mode_t, gid_t, isRefused: Bool)] = [
            (folder, 0o777, 0, true), (folder, 0o775, 65534, true), (last, 0o1777, 0, true),
            (folder, 0o775, 0, false), (folder, 0o1777, 0, false),
        ]
        for (folder, mode, group, isRefused) in cases {
            try #require(unsafe chown(folder, 0, group) == 0 && chmod(folder, mode) == 0)
            let (image, steps) = try read(program)
            #expect(
                try image.source(at: hidden()) == (isRefused ? nil : .debugFile), "\(folder) \(String(mode, radix: 8))")
            #expect(steps.contains("others than root and the image's owner may have put it there") == isRefused)
            try #require(unsafe chown(folder, 0, 0) == 0 && chmod(folder, 0o755) == 0)
        }
        try #require(unsafe chown(place, 4000, 0) == 0)
        #expect(try read(program).image.source(at: hidden()) == nil)
        try #require(unsafe chown(program, 4000, 0) == 0)
        #expect(try read(program).image.source(at: hidden()) == .debugFile)
    }

    @Test(
        "An image does not lead to what not everybody may read",
        .enabled(if: geteuid() == 0, "needs root: chown"), arguments: [0o640, 0o644] as [mode_t])
    func secret(mode: mode_t) throws {
        let (program, debug) = try build(["-Wl,--build-id=none"])
        try run("objcopy", "--add-gnu-debuglink=" + debug, program)
        try make("/usr/lib/debug/opt/bin")
        let place = root + "/usr/lib/debug/opt/bin/program.debug"
        try move(debug, to: place)
        try #require(unsafe chmod(place, mode) == 0 && chown(program, 4000, 0) == 0)
        let (image, steps) = try read(program)
        #expect(try image.source(at: hidden()) == (mode == 0o644 ? .debugFile : nil))
        #expect(mode == 0o644 || steps.contains("program.debug: permission denied"), "\(steps)")
    }

    @Test("For an image whose file is gone the build-id alone counts", arguments: [true, false])
    func deleted(hasBuildID: Bool) throws {
        let (program, debug) = try build(hasBuildID ? ["-Wl,--build-id=sha1"] : ["-Wl,--build-id=none"])
        try run("objcopy", "--add-gnu-debuglink=" + debug, program)
        let place = hasBuildID ? try placeByID(of: program) : root + "/opt/bin/program.debug"
        try move(debug, to: place)
        let file = try descriptor(program)
        try FileManager.default.removeItem(atPath: program)
        var explanation = Explanation(isWanted: true)
        let image = try ImageSymbols(
            reading: file, debugFiles: DebugFiles(ofImageAt: Array("/opt/bin/program".utf8), processRoot: root),
            explanation: &explanation)
        #expect(try image.source(at: hidden()) == (hasBuildID ? .debugFile : nil))
    }

    @Test("A file stripped in part still gets all names")
    func partlyStripped() throws {
        let (program, debug) = try build()
        try run("strip", "-K", "main", "-o", program, whole)
        #expect(try read(program).image.source(at: hidden()) == nil)
        try move(debug, to: placeByID(of: program))
        #expect(try read(program).image.name(at: hidden()) == "hidden_twice")
    }

    @Test("A debug file written to after it was read names nothing any more")
    func changed() throws {
        let (program, debug) = try build()
        let place = try placeByID(of: program)
        try move(debug, to: place)
        let image = try read(program).image
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: place))
        try file.seekToEnd()
        try file.write(contentsOf: Data([0]))
        #expect(try image.answer(at: ImageAddress(hidden())) == .none(.fileChanged))
    }
}
