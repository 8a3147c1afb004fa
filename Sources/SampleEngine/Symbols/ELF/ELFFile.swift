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
    /// Where a program begins to run.
    let entry: UInt64
    /// Bytes in the file when it was opened.
    let fileSize: UInt64
    let segments: [Segment]
    /// None once they are forgotten.
    private(set) var sections: [Section]
    /// Indices of the sections that are known by their name alone.
    private var namedSections: [SectionName: [Int]]
    /// Segments of code by what they hold of the file, and all loaded ones by address; indices into `segments`.
    private let codeByOffset: SegmentIndex
    private let loadedByAddress: SegmentIndex
    /// Descriptor of the GNU build-id note, empty where there is none; at most 64 bytes.
    package let buildID: [UInt8]

    /// Reads the headers with a few `pread` calls; any thread.
    ///
    /// - Throws: `notELF`, `unsupported`, `truncated` (also for a table outside of the file), `tooLarge`
    ///   (more than 128 Ki sections or 4 Ki segments) or the errno of a read.
    init(reading file: ImageFile) throws(ELFError) {
        fileSize = try file.stamp().size
        guard fileSize >= 16 else { throw .notELF }
        let identity = try file.bytes(at: 0, count: 16)
        guard identity[0...3] == [0x7f, 0x45, 0x4c, 0x46] else { throw .notELF }
        guard identity[4] == 1 || identity[4] == 2, identity[5] == 1, identity[6] == 1 else { throw .unsupported }
        is64Bit = identity[4] == 2
        guard fileSize >= (is64Bit ? 64 : 52) else { throw .truncated }
        let header = FileHeader(try file.bytes(at: 0, count: is64Bit ? 64 : 52), is64Bit: is64Bit)
        machine = header.machine
        entry = header.entry
        let names: Int
        (sections, names) = try Self.readSections(file, header, is64Bit: is64Bit, fileSize: fileSize)
        namedSections = try Self.findNamedSections(sections, names: names, file, fileSize: fileSize)
        segments = try Self.readSegments(
            file, header, is64Bit: is64Bit, fileSize: fileSize, sectionZero: sections.first)
        codeByOffset = SegmentIndex(segments, \.isCode) { $0.offset }
        loadedByAddress = SegmentIndex(segments, { $0.type == ELF.loadSegment }) { $0.address }
        buildID = Self.readBuildID(file, segments, sections, fileSize: fileSize)
    }

    /// Gives back what only reading needs: a file may have a hundred thousand sections.
    mutating func forgetSections() {
        sections = []
        namedSections = [:]
    }

    /// Bytes of memory held.
    var byteCount: Int {
        MemoryLayout<Segment>.stride * segments.count + MemoryLayout<Section>.stride * sections.count
            + codeByOffset.byteCount + loadedByAddress.byteCount + 256
    }

    /// The address the file's own tables use for a byte of the file, nil where no code segment holds it.
    ///
    /// Two segments may share a page of the file, so only one that is executable *and* holds the offset counts.
    package func imageAddress(of offset: FileOffset) -> ImageAddress? {
        guard let segment = codeByOffset.segment(at: offset.value).map({ segments[$0] }) else { return nil }
        let (address, overflow) = segment.address.addingReportingOverflow(offset.value - segment.offset)
        return overflow ? nil : ImageAddress(address)
    }

    /// The place in the file of `count` bytes at an address of the image.
    func fileRange(at address: UInt64, count: UInt64) -> FileRange? {
        guard let segment = loadedByAddress.segment(at: address).map({ segments[$0] }) else { return nil }
        let distance = address - segment.address
        guard count <= segment.fileSize - distance else { return nil }
        let (offset, overflow) = segment.offset.addingReportingOverflow(distance)
        return overflow ? nil : try? FileRange(offset: offset, size: count, fileSize: fileSize)
    }

    /// What the file holds from an address of the image on, to the end of the segment or of the file.
    func fileRange(from address: UInt64, atMost limit: UInt64) -> FileRange? {
        guard let segment = loadedByAddress.segment(at: address).map({ segments[$0] }) else { return nil }
        let distance = address - segment.address
        let (offset, overflow) = segment.offset.addingReportingOverflow(distance)
        guard !overflow, offset <= fileSize else { return nil }
        let size = min(segment.fileSize - distance, limit, fileSize - offset)
        return try? FileRange(offset: offset, size: size, fileSize: fileSize)
    }

    /// The bytes of a section, which are in the file unless it is NOBITS.
    func fileRange(of section: Section) throws(ELFError) -> FileRange {
        guard section.type != ELF.noBits else { throw .truncated }
        return try FileRange(offset: section.offset, size: section.size, fileSize: fileSize)
    }

    /// Where the section of code begins that is called that, else the first segment of code.
    var textStart: UInt64? {
        sections(named: .text).first?.address ?? segments.first(where: \.isCode)?.address
    }

    /// The sections of a name, in the order of the file.
    func sections(named name: SectionName) -> [Section] { namedSections[name, default: []].map { sections[$0] } }

    /// Where the code is that the file holds, nil where it holds none.
    var codeLayout: CodeLayout? { CodeLayout(segments.filter(\.isCode).map(\.addresses)) }
}

extension ELFFile.Segment {
    /// Addresses of what the file holds of it; what lies beyond 2⁶⁴ cannot be mapped.
    var addresses: Range<UInt64> { address..<address + min(fileSize, UInt64.max - address) }
}

/// Finds the first segment of a kind that holds a place.
private struct SegmentIndex: Sendable {
    private let owners: RangeOwners
    private let numbers: [UInt16]

    init(_ segments: [ELFFile.Segment], _ isWanted: (ELFFile.Segment) -> Bool, at start: (ELFFile.Segment) -> UInt64) {
        let wanted = segments.indices.filter { isWanted(segments[$0]) }
        owners = RangeOwners(
            wanted.map { index in
                let first = start(segments[index])
                return first..<first + min(segments[index].fileSize, UInt64.max - first)
            })
        numbers = wanted.map { UInt16($0) }
    }

    func segment(at place: UInt64) -> Int? { owners.owner(of: place).map { Int(numbers[$0]) } }
    var byteCount: Int { owners.byteCount + 2 * numbers.count }
}

/// The sections whose type does not tell what they are for.
enum SectionName: String, CaseIterable {
    case text = ".text"
    case exceptionFrames = ".eh_frame"
    case linkage = ".plt"
    case secondLinkage = ".plt.sec"
    case boundLinkage = ".plt.got"
    case indirectLinkage = ".iplt"
    case compressedSymbols = ".gnu_debugdata"
    case debugLink = ".gnu_debuglink"
    case goTable = ".gopclntab"
    case relocatedGoTable = ".data.rel.ro.gopclntab"
    case goFacts = ".go.buildinfo"
    case goNote = ".note.go.buildid"

    static let linkageTables = [linkage, secondLinkage, boundLinkage, indirectLinkage]
}

/// Numbers of the format (gABI and its GNU extensions).
enum ELF {
    static let loadSegment: UInt32 = 1
    static let dynamicSegment: UInt32 = 2
    static let noteSegment: UInt32 = 4
    static let frameHeaderSegment: UInt32 = 0x6474_e550
    static let relocatedSegment: UInt32 = 0x6474_e552
    static let executableSegment: UInt32 = 1
    static let writableSegment: UInt32 = 2

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
    static let maximumSegments: UInt64 = 4096
    static let maximumSymbols = 8_388_608
}

/// The fields of the file header that are used.
private struct FileHeader {
    let machine: UInt16
    let entry: UInt64
    let segmentOffset: UInt64
    let sectionOffset: UInt64
    let segmentEntry: Int
    let segmentCount: UInt16
    let sectionEntry: Int
    let sectionCount: UInt16
    let nameSection: UInt16

    init(_ bytes: [UInt8], is64Bit: Bool) {
        machine = bytes.u16(18)
        entry = is64Bit ? bytes.u64(24) : UInt64(bytes.u32(24))
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
        _ file: ImageFile, _ header: FileHeader, is64Bit: Bool, fileSize: UInt64
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
        var entries = try EntryReader(in: range, entrySize: entry, limit: Int(count))
        while try entries.next(from: file) {
            for index in 0..<entries.count {
                sections.append(Section(entries.bytes, at: index * entry, is64Bit: is64Bit))
            }
        }
        return (sections, names)
    }

    /// Looks for the known names; more than a few sections of one name are made to waste time.
    private static func findNamedSections(
        _ sections: [Section], names: Int, _ file: ImageFile, fileSize: UInt64
    ) throws(ELFError) -> [SectionName: [Int]] {
        guard names > 0, names < sections.count, sections[names].type == ELF.stringTable,
            let range = try? FileRange(offset: sections[names].offset, size: sections[names].size, fileSize: fileSize)
        else { return [:] }
        let wanted = SectionName.allCases.map { ($0, Array($0.rawValue.utf8) + [0]) }
        let longest = wanted.map(\.1.count).max() ?? 0
        // The names of an honest file are a few hundred bytes, in no order.
        var window = FileWindow(over: range, chunk: 4096)
        _ = try window.fetch(range.offset, 0, from: file)
        var found: [SectionName: [Int]] = [:]
        for index in sections.indices where UInt64(sections[index].name) < range.size {
            let count = min(longest, Int(min(range.size - UInt64(sections[index].name), 4096)))
            let place = try window.fetch(range.offset + UInt64(sections[index].name), count, from: file)
            // All known names begin with a dot.
            guard window.bytes[place] == 0x2e else { continue }
            for (name, text) in wanted
            where window.bytes[place..<place + count].starts(with: text) && found[name, default: []].count < 4 {
                found[name, default: []].append(index)
            }
        }
        return found
    }

    private static func readSegments(
        _ file: ImageFile, _ header: FileHeader, is64Bit: Bool, fileSize: UInt64, sectionZero: Section?
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
        _ file: ImageFile, _ segments: [Segment], _ sections: [Section], fileSize: UInt64
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
        _ file: ImageFile, _ offset: UInt64, _ size: UInt64, _ alignment: UInt64, _ fileSize: UInt64
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
