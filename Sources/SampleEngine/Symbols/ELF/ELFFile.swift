/// Why a file could not be read as an ELF image.
package enum ELFError: Error, Equatable, Sendable {
    /// No ELF magic.
    case notELF
    /// An ELF file of a kind that is not read: big-endian or of an unknown class.
    case unsupported
    /// The file ends before what its own tables promise.
    case truncated
    /// A table is larger than any honest file's.
    case tooLarge
    /// The file was written to while it was read, or since.
    case changed
    /// A system call failed.
    case read(Errno)

    /// For whoever asked for the reason.
    var text: String {
        switch self {
        case .notELF: "no ELF file"
        case .unsupported: "an ELF file of a kind that is not read"
        case .truncated: "its tables do not fit its size"
        case .tooLarge: "a table is too large"
        case .changed: "written to while it was read"
        case .read(let errno): errno.text
        }
    }
}

/// The headers of an ELF image: segments, sections and build id, all checked against the size of the file.
///
/// Reads ELF64 and ELF32, little-endian (System V gABI, chapters 4 and 5); a file without section headers is fine.
package struct ELFFile: Sendable {
    /// A program header: what the loader maps.
    struct Segment: Sendable {
        let type: UInt32
        let flags: UInt32
        let offset: UInt64
        let address: UInt64
        let fileSize: UInt64
        let memorySize: UInt64
        let alignment: UInt64

        var isCode: Bool { type == ELF.loadSegment && flags & ELF.executableSegment != 0 }
    }

    /// A section header.
    struct Section: Sendable {
        let name: UInt32
        let type: UInt32
        let flags: UInt64
        let address: UInt64
        let offset: UInt64
        let size: UInt64
        let link: UInt32
        let entrySize: UInt64

        var isCode: Bool { flags & ELF.executableSection != 0 && flags & ELF.allocatedSection != 0 }
    }

    /// `EM_…` number of the processor.
    let machine: UInt16
    /// False: ELF32.
    let is64Bit: Bool
    /// Bytes in the file when it was opened.
    let fileSize: UInt64
    let segments: [Segment]
    let sections: [Section]
    /// Indices of the sections that are known by their name alone.
    private let namedSections: [SectionName: [Int]]
    /// Descriptor of the GNU build-id note, empty where there is none; at most 64 bytes.
    package let buildID: [UInt8]

    /// Reads the headers with a few `pread` calls; any thread.
    ///
    /// - Throws: `notELF`, `unsupported`, `truncated` (also for a table outside of the file), `tooLarge`
    ///   (more than 128 Ki sections or 4 Ki segments) or the errno of a read.
    package init(reading file: borrowing Descriptor) throws(ELFError) {
        fileSize = try file.fileSize()
        guard fileSize >= 16 else { throw .notELF }
        let identity = try file.bytes(at: 0, count: 16)
        guard identity[0...3] == [0x7f, 0x45, 0x4c, 0x46] else { throw .notELF }
        guard identity[4] == 1 || identity[4] == 2, identity[5] == 1, identity[6] == 1 else { throw .unsupported }
        is64Bit = identity[4] == 2
        guard fileSize >= (is64Bit ? 64 : 52) else { throw .truncated }
        let header = FileHeader(try file.bytes(at: 0, count: is64Bit ? 64 : 52), is64Bit: is64Bit)
        machine = header.machine
        let names: Int
        (sections, names) = try Self.readSections(file, header, is64Bit: is64Bit, fileSize: fileSize)
        namedSections = Self.findNamedSections(sections, names: names, file, fileSize: fileSize)
        segments = try Self.readSegments(
            file, header, is64Bit: is64Bit, fileSize: fileSize, sectionZero: sections.first)
        buildID = Self.readBuildID(file, segments, sections, fileSize: fileSize)
    }

    /// The address the file's own tables use for a byte of the file, nil where no code segment holds it.
    ///
    /// Two segments may share a page of the file, so only one that is executable *and* holds the offset counts.
    package func imageAddress(of offset: FileOffset) -> ImageAddress? {
        for segment in segments where segment.isCode && offset.value >= segment.offset {
            let distance = offset.value - segment.offset
            if distance >= segment.fileSize { continue }
            let (address, overflow) = segment.address.addingReportingOverflow(distance)
            if !overflow { return ImageAddress(address) }
        }
        return nil
    }

    /// The place in the file of `count` bytes at an address of the image.
    func fileRange(at address: UInt64, count: UInt64) -> FileRange? {
        for segment in segments where segment.type == ELF.loadSegment && address >= segment.address {
            let distance = address - segment.address
            guard distance < segment.fileSize, count <= segment.fileSize - distance else { continue }
            let (offset, overflow) = segment.offset.addingReportingOverflow(distance)
            if !overflow { return try? FileRange(offset: offset, size: count, fileSize: fileSize) }
        }
        return nil
    }

    /// The bytes of a section, which are in the file unless it is NOBITS.
    func fileRange(of section: Section) throws(ELFError) -> FileRange {
        guard section.type != ELF.noBits else { throw .truncated }
        return try FileRange(offset: section.offset, size: section.size, fileSize: fileSize)
    }

    /// The sections of a name, in the order of the file.
    func sections(named name: SectionName) -> [Section] { namedSections[name, default: []].map { sections[$0] } }

    /// The lowest address and the end of all executable segments, nil where there are none.
    var codeBounds: Range<UInt64>? {
        var bounds: Range<UInt64>?
        for segment in segments where segment.isCode {
            let (end, overflow) = segment.address.addingReportingOverflow(segment.memorySize)
            if overflow || end == segment.address { continue }
            bounds = min(bounds?.lowerBound ?? .max, segment.address)..<max(bounds?.upperBound ?? 0, end)
        }
        return bounds
    }
}

/// The sections whose type does not tell what they are for.
enum SectionName: String, CaseIterable {
    case exceptionFrames = ".eh_frame"
    case linkage = ".plt"
    case secondLinkage = ".plt.sec"
    case boundLinkage = ".plt.got"
    case indirectLinkage = ".iplt"
    case compressedSymbols = ".gnu_debugdata"
    case debugLink = ".gnu_debuglink"

    static let linkageTables = [linkage, secondLinkage, boundLinkage, indirectLinkage]
}

/// Numbers of the format (gABI and its GNU extensions).
enum ELF {
    static let loadSegment: UInt32 = 1
    static let dynamicSegment: UInt32 = 2
    static let noteSegment: UInt32 = 4
    static let frameHeaderSegment: UInt32 = 0x6474_e550
    static let executableSegment: UInt32 = 1

    static let symbolTable: UInt32 = 2
    static let stringTable: UInt32 = 3
    static let addendRelocations: UInt32 = 4
    static let note: UInt32 = 7
    static let noBits: UInt32 = 8
    static let dynamicSymbols: UInt32 = 11
    static let extendedIndices: UInt32 = 18
    static let symbolVersions: UInt32 = 0x6fff_ffff
    static let allocatedSection: UInt64 = 2
    static let executableSection: UInt64 = 4

    static let intel64: UInt16 = 62
    static let aarch64: UInt16 = 183
    static let arm: UInt16 = 40

    static let maximumSections: UInt64 = 131_072
    static let maximumSectionNames: UInt64 = 16 << 20
    static let maximumSegments: UInt64 = 4096
    static let maximumSymbols = 8_388_608
}

/// The fields of the file header that are used.
private struct FileHeader {
    let machine: UInt16
    let segmentOffset: UInt64
    let sectionOffset: UInt64
    let segmentEntry: Int
    let segmentCount: UInt16
    let sectionEntry: Int
    let sectionCount: UInt16
    let nameSection: UInt16

    init(_ bytes: [UInt8], is64Bit: Bool) {
        machine = bytes.u16(18)
        segmentOffset = is64Bit ? bytes.u64(32) : UInt64(bytes.u32(28))
        sectionOffset = is64Bit ? bytes.u64(40) : UInt64(bytes.u32(32))
        let rest = is64Bit ? 54 : 42
        segmentEntry = Int(bytes.u16(rest))
        segmentCount = bytes.u16(rest + 2)
        sectionEntry = Int(bytes.u16(rest + 4))
        sectionCount = bytes.u16(rest + 6)
        nameSection = bytes.u16(rest + 8)
    }
}

extension ELFFile {
    private static func readSections(
        _ file: borrowing Descriptor, _ header: FileHeader, is64Bit: Bool, fileSize: UInt64
    ) throws(ELFError) -> ([Section], nameSection: Int) {
        let entry = header.sectionEntry
        guard header.sectionOffset != 0 else { return ([], 0) }
        guard entry >= (is64Bit ? 64 : 40) else { throw .truncated }
        let first = try FileRange(offset: header.sectionOffset, size: UInt64(entry), fileSize: fileSize)
        let zero = Section(try file.bytes(at: first.offset, count: entry), at: 0, is64Bit: is64Bit)
        // Counts that do not fit 16 bits stand in section 0 (gABI, "extended section numbering").
        let count = header.sectionCount == 0 ? zero.size : UInt64(header.sectionCount)
        let names = header.nameSection == 0xffff ? Int(zero.link) : Int(header.nameSection)
        if count > ELF.maximumSections { throw .tooLarge }
        let range = try FileRange(
            offset: header.sectionOffset, size: count * UInt64(entry), fileSize: fileSize)
        var sections: [Section] = []
        sections.reserveCapacity(Int(count))
        try file.visitEntries(in: range, entrySize: entry, limit: Int(count)) { chunk throws(ELFError) in
            for index in 0..<chunk.count {
                sections.append(Section(chunk.bytes, at: index * entry, is64Bit: is64Bit))
            }
        }
        return (sections, names)
    }

    /// Looks for the known names; more than a few sections of one name are made to waste time.
    private static func findNamedSections(
        _ sections: [Section], names: Int, _ file: borrowing Descriptor, fileSize: UInt64
    ) -> [SectionName: [Int]] {
        guard names > 0, names < sections.count, sections[names].type == ELF.stringTable,
            sections[names].size <= ELF.maximumSectionNames,
            let range = try? FileRange(offset: sections[names].offset, size: sections[names].size, fileSize: fileSize),
            let bytes = try? file.bytes(at: range.offset, count: Int(range.size))
        else { return [:] }
        let wanted = SectionName.allCases.map { ($0, Array($0.rawValue.utf8) + [0]) }
        var found: [SectionName: [Int]] = [:]
        for index in sections.indices {
            let start = Int(sections[index].name)
            // All known names begin with a dot.
            guard start < bytes.count, bytes[start] == 0x2e else { continue }
            for (name, text) in wanted where bytes[start...].starts(with: text) && found[name, default: []].count < 4 {
                found[name, default: []].append(index)
            }
        }
        return found
    }

    private static func readSegments(
        _ file: borrowing Descriptor, _ header: FileHeader, is64Bit: Bool, fileSize: UInt64, sectionZero: Section?
    ) throws(ELFError) -> [Segment] {
        let entry = header.segmentEntry
        guard header.segmentOffset != 0, header.segmentCount != 0 else { return [] }
        guard entry >= (is64Bit ? 56 : 32) else { throw .truncated }
        // PN_XNUM: the count stands in sh_info of section 0, which only that one section needs; more than the limit.
        if header.segmentCount == 0xffff || UInt64(header.segmentCount) > ELF.maximumSegments { throw .tooLarge }
        let size = UInt64(header.segmentCount) * UInt64(entry)
        let range = try FileRange(offset: header.segmentOffset, size: size, fileSize: fileSize)
        let bytes = try file.bytes(at: range.offset, count: Int(size))
        return (0..<Int(header.segmentCount)).map { Segment(bytes, at: $0 * entry, is64Bit: is64Bit) }
    }

    private static func readBuildID(
        _ file: borrowing Descriptor, _ segments: [Segment], _ sections: [Section], fileSize: UInt64
    ) -> [UInt8] {
        // Images have two or three areas of notes; the bound is against files made to waste time.
        for segment in segments.lazy.filter({ $0.type == ELF.noteSegment }).prefix(64) {
            if let id = buildID(file, segment.offset, segment.fileSize, segment.alignment, fileSize) { return id }
        }
        for section in sections.lazy.filter({ $0.type == ELF.note }).prefix(64) {
            if let id = buildID(file, section.offset, section.size, 4, fileSize) { return id }
        }
        return []
    }

    /// Walks one area of notes; anything that makes no sense ends the walk.
    private static func buildID(
        _ file: borrowing Descriptor, _ offset: UInt64, _ size: UInt64, _ alignment: UInt64, _ fileSize: UInt64
    ) -> [UInt8]? {
        guard size <= 65_536, let range = try? FileRange(offset: offset, size: size, fileSize: fileSize),
            let bytes = try? file.bytes(at: range.offset, count: Int(size))
        else { return nil }
        let mask = alignment == 8 ? 7 : 3
        var position = 0
        while bytes.count - position >= 12 {
            let nameSize = Int(bytes.u32(position))
            let descriptionSize = Int(bytes.u32(position + 4))
            let type = bytes.u32(position + 8)
            let description = (position + 12 + nameSize + mask) & ~mask
            let end = description + descriptionSize
            guard end <= bytes.count else { return nil }
            if type == 3, nameSize == 4, bytes[position + 12..<position + 16] == [0x47, 0x4e, 0x55, 0],
                (1...64).contains(descriptionSize)
            {
                return Array(bytes[description..<end])
            }
            position = (end + mask) & ~mask
        }
        return nil
    }
}

extension ELFFile.Segment {
    fileprivate init(_ bytes: [UInt8], at base: Int, is64Bit: Bool) {
        type = bytes.u32(base)
        if is64Bit {
            flags = bytes.u32(base + 4)
            offset = bytes.u64(base + 8)
            address = bytes.u64(base + 16)
            fileSize = bytes.u64(base + 32)
            memorySize = bytes.u64(base + 40)
            alignment = bytes.u64(base + 48)
        } else {
            flags = bytes.u32(base + 24)
            offset = UInt64(bytes.u32(base + 4))
            address = UInt64(bytes.u32(base + 8))
            fileSize = UInt64(bytes.u32(base + 16))
            memorySize = UInt64(bytes.u32(base + 20))
            alignment = UInt64(bytes.u32(base + 28))
        }
    }
}

extension ELFFile.Section {
    fileprivate init(_ bytes: [UInt8], at base: Int, is64Bit: Bool) {
        name = bytes.u32(base)
        type = bytes.u32(base + 4)
        if is64Bit {
            flags = bytes.u64(base + 8)
            address = bytes.u64(base + 16)
            offset = bytes.u64(base + 24)
            size = bytes.u64(base + 32)
            link = bytes.u32(base + 40)
            entrySize = bytes.u64(base + 56)
        } else {
            flags = UInt64(bytes.u32(base + 8))
            address = UInt64(bytes.u32(base + 12))
            offset = UInt64(bytes.u32(base + 16))
            size = UInt64(bytes.u32(base + 20))
            link = UInt32(bytes.u32(base + 24))
            entrySize = UInt64(bytes.u32(base + 36))
        }
    }
}
