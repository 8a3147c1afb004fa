internal import CLinuxShims
internal import Glibc

/// The separate debug file of an image: the symbols that were stripped from it, where distributions install them.
///
/// The file names itself by its build-id, or by a link (section `.gnu_debuglink`) that holds the other file's name and
/// checksum (gdb manual, "Debugging Information in Separate Files"). A debug file's sections of code have addresses
/// but no bytes, and the offsets of its segments mean nothing: all that is taken from it is `.symtab`.
package struct DebugFiles: Sendable {
    private let path: [UInt8]
    private let ownRoot: String
    private let processRoot: String
    private let top: ProcessRoot?
    private let payer: Payer

    private static let directory = Array("/usr/lib/debug".utf8)

    /// - Parameters:
    ///   - path: of the image, inside its root.
    ///   - ownRoot: searched first.
    ///   - processRoot: of a process that maps the image.
    package init(ofImageAt path: [UInt8], ownRoot: String = "/", processRoot: String) {
        self.init(ofImageAt: path, ownRoot: ownRoot, processRoot: processRoot, top: nil, .unknown)
    }

    /// Of an image that is ours, or a process's in a root of its own.
    ///
    /// - Parameters:
    ///   - pid: such a process; nil: none is to be asked.
    ///   - root: the one that it must still have; nil: the image is ours.
    ///   - payer: whose files they are.
    init(ofImageAt path: [UInt8], seenBy pid: Int32?, in root: ProcessRoot?, for payer: Payer) {
        let processRoot = root == nil ? nil : pid.map { "\(ProcFolder.root)/\($0)/root" }
        self.init(ofImageAt: path, ownRoot: "/", processRoot: processRoot ?? "/", top: root, payer)
    }

    private init(
        ofImageAt path: [UInt8], ownRoot: String, processRoot: String, top: ProcessRoot?, _ payer: Payer
    ) {
        self.path = path
        self.ownRoot = ownRoot
        self.processRoot = processRoot
        self.top = top
        self.payer = payer
    }

    /// The first file that is there, belongs to the image and has a symbol table; others are told of and passed over.
    ///
    /// - Throws: `tooCostly` and `stopped`; a checksum is made of all of a file, at the cost of the image.
    func open(for image: OpenImage, explanation: inout Explanation) throws(ELFError) -> OpenImage? {
        // Once its file is gone, nobody can tell what stood beside it.
        let facts = image.file.place
        let link = facts?.links == 0 ? nil : DebugLink(in: image)
        var installed: [(path: [UInt8], link: DebugLink?)] = []
        var beside: [(path: [UInt8], link: DebugLink?)] = []
        if let byID = Self.path(forBuildID: image.headers.buildID) { installed.append((byID, nil)) }
        if let link {
            if link.isPlain {
                beside = link.paths(beside: path).map { ($0, link) }
                installed += link.path(of: path, below: Self.directory).map { [($0, link)] } ?? []
            } else {
                explanation.add("debug link \(displayText(link.name)): not a plain file name")
            }
        }
        if installed.isEmpty { return nil }
        // Of its own: what following paths may cost is for each time that they are followed.
        let opener = FileOpener(for: payer)
        for (root, hasImage) in roots(of: image, opener) {
            // Elsewhere other files stand beside that path, and the image chooses which.
            for (place, link) in installed + (hasImage ? beside : []) {
                let shown = "debug file \(root == ownRoot ? "" : root)\(displayText(place))"
                do throws(Refusal) {
                    let found = try open(place, below: root, for: image, link, of: facts?.user ?? 0, opener)
                    explanation.add("\(shown): \(link == nil ? "build-id" : "link") matches")
                    return found
                } catch {
                    explanation.add("\(shown): \(error.text)")
                    try image.file.meter.check()
                }
            }
        }
        return nil
    }

    private struct Refusal: Error {
        let text: String
    }

    /// A file that our own root has under the same path has its debug file there too: a process in another root could
    /// only lend false names to it.
    ///
    /// - Returns: with each whether the image is there under its path.
    private func roots(of image: OpenImage, _ opener: FileOpener) -> [(root: String, hasImage: Bool)] {
        if opener.leads(path, below: ownRoot, to: image.file.place) { return [(ownRoot, true)] }
        return processRoot == ownRoot ? [(ownRoot, false)] : [(ownRoot, false), (processRoot, true)]
    }

    /// `.build-id/ab/cdef….debug`
    private static func path(forBuildID id: [UInt8]) -> [UInt8]? {
        guard id.count >= 2 else { return nil }
        let hex = hexadecimal(id)
        return directory + "/.build-id/\(hex.prefix(2))/\(hex.dropFirst(2)).debug".utf8
    }

    private func open(
        _ place: [UInt8], below root: String, for image: OpenImage, _ link: DebugLink?, of owner: UInt32,
        _ opener: FileOpener
    ) throws(Refusal) -> OpenImage {
        let file: FileOpener.Opened
        do throws(Errno) {
            let found = try opener.follow(place, below: root, of: root == ownRoot ? nil : top)
            // Of what the image itself says, its owner could have said as much.
            guard found.makers.areOnly(owner) else { throw .permission }
            // Whoever made the image chose the name, and may not read everything.
            guard found.facts.user == owner || found.facts.mode & S_IROTH != 0 else { throw .access }
            file = try opener.opened(found)
        } catch {
            let foreign = "others than root and the image's owner may have put it there"
            throw Refusal(text: error == .permission ? foreign : error.text)
        }
        let (found, reason): (OpenImage, String?)
        do throws(ELFError) {
            found = try OpenImage(file.file, meter: image.file.meter)
            reason = try reasonAgainst(found, for: image, link)
        } catch {
            throw Refusal(text: error.text)
        }
        if let reason { throw Refusal(text: reason) }
        return found
    }

    /// Why a file is not this image's, nil where it is.
    private func reasonAgainst(
        _ found: OpenImage, for image: OpenImage, _ link: DebugLink?
    ) throws(ELFError) -> String? {
        let (inner, wanted) = (found.headers.buildID, image.headers.buildID)
        guard found.headers.machine == image.headers.machine, found.headers.is64Bit == image.headers.is64Bit else {
            return "for another processor"
        }
        if !inner.isEmpty && !wanted.isEmpty {
            if inner != wanted { return "has build-id \(hexadecimal(inner))" }
        } else {
            guard let link else { return "has no build-id" }
            if try found.checksum() != link.checksum { return "has another checksum" }
        }
        return try found.headers.symbolTable(ELF.symbolTable) == nil ? "has no .symtab" : nil
    }
}

/// The content of `.gnu_debuglink`.
private struct DebugLink {
    let name: [UInt8]
    let checksum: UInt32

    init?(in image: OpenImage) {
        guard let section = image.headers.sections(named: .debugLink).first, section.size <= 4096,
            let range = try? image.headers.fileRange(of: section),
            let bytes = try? image.file.bytes(at: range.offset, count: Int(range.size)),
            let end = bytes.firstIndex(of: 0), (end + 4) & ~3 + 4 <= bytes.count
        else { return nil }
        name = Array(bytes[..<end])
        checksum = bytes.u32((end + 4) & ~3)
    }

    /// A name with a directory in it could lead anywhere.
    var isPlain: Bool { !name.isEmpty && !name.contains(UInt8(ascii: "/")) }

    /// Where the file may be beside the image: in its directory, and in `.debug` there.
    func paths(beside image: [UInt8]) -> [[UInt8]] {
        Self.directory(of: image).map { [$0 + name, $0 + ".debug/".utf8 + name] } ?? []
    }

    /// Where debug files are installed: under the name of the image's directory.
    func path(of image: [UInt8], below debugDirectory: [UInt8]) -> [UInt8]? {
        Self.directory(of: image).map { debugDirectory + $0 + name }
    }

    private static func directory(of image: [UInt8]) -> [UInt8]? {
        guard image.first == UInt8(ascii: "/"), let slash = image.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return Array(image[...slash])
    }
}

extension OpenImage {
    /// CRC-32 of the whole file.
    fileprivate func checksum() throws(ELFError) -> UInt32 {
        var checksum: UInt32 = 0
        var offset: UInt64 = 0
        var buffer: [UInt8] = []
        while offset < headers.fileSize {
            let count = Int(min(262_144, headers.fileSize - offset))
            try file.read(at: offset, count: count, into: &buffer)
            checksum = unsafe buffer.withUnsafeBufferPointer { unsafe pt_crc32(checksum, $0.baseAddress, $0.count) }
            offset += UInt64(count)
        }
        return checksum
    }
}

/// Lower-case digits, two for each byte.
func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
