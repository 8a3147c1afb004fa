internal import CLinuxShims
internal import Glibc

/// The mappings of code that `/proc` told of one process.
package struct ProcessMaps: Sendable {
    /// The task whose maps these were: the process, or a thread that has outlived its leader.
    package let task: Int32
    /// By rising address; of a process that has very many, those alone that were wanted.
    package fileprivate(set) var lines: [MapLine] = []

    /// Bytes of their paths, each counted once where neighbors have the same.
    fileprivate(set) var pathBytes = 0

    /// What it counts among all processes: its lines, with long paths as further ones.
    var weight: Int { lines.count + pathBytes / 160 }

    /// Most lines kept of one process, and most bytes of paths that are not the one before again.
    static let lineLimit = 2048
    static let pathLimit = 256 << 10
    /// Most addresses that are looked for in a process that has more.
    static let wantedLimit = 1024
}

extension ProcReader {
    /// Whether the pid still belongs to the process that was seen: one that started later is another.
    func isSame(_ sighting: ProcessSighting) -> Bool {
        guard let started = startTime(of: sighting.pid) else { return false }
        return started <= sighting.firstSeen.addingSaturating(20_000_000)
    }

    /// What is mapped as code, holes of files filled; nil where it cannot be read.
    ///
    /// Read in pieces, and no more is kept than finds room, however many mappings there are: sixty thousand with paths of
    /// 4 KiB are 250 MB.
    /// - Parameter wanted: sorted; what lies there is kept of any number.
    package func maps(of pid: Int32, wanted: [UInt64]) -> ProcessMaps? {
        let task = livingTask(of: pid)
        let path = "\(root)/\(task)/maps"
        guard let number = try? systemCall(raising: .processes, { unsafe pt_open(path, O_RDONLY) }) else { return nil }
        let file = Descriptor(owning: number)
        var reading = MapsReading(task: task, wanted: wanted)
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var kept = 0
        var taken = 0
        while taken < MapsReading.byteLimit {
            let room = chunk.count - kept
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe read(file.number, $0.baseAddress! + kept, room) }
            if got <= 0 { break }
            taken += got
            var start = 0
            let end = kept + got
            while let newline = chunk[start..<end].firstIndex(of: UInt8(ascii: "\n")) {
                reading.take(chunk[start..<newline])
                start = newline + 1
            }
            // A line is at most a path long; what is longer is none.
            kept = start == 0 && end == chunk.count ? 0 : end - start
            if start > 0, kept > 0 { chunk.replaceSubrange(0..<kept, with: Array(chunk[start..<end])) }
        }
        let maps = reading.finish()
        return maps.lines.isEmpty && !reading.hasLines ? nil : maps
    }
}

/// Takes the lines of a maps file one by one and keeps those of code.
struct MapsReading {
    private var maps: ProcessMaps
    private let wanted: [UInt64]
    /// There are more than find room: from then on only what is wanted is kept.
    private var isCrowded = false
    private var end: UInt64 = 0
    private var below: MapLine?
    private var hole: [MapLine] = []
    private(set) var hasLines = false

    static let byteLimit = 512 << 20
    /// Few pieces of memory fill a hole.
    private static let holeLimit = 64

    init(task: Int32, wanted: [UInt64]) {
        maps = ProcessMaps(task: task)
        self.wanted = wanted
    }

    mutating func take(_ text: ArraySlice<UInt8>) {
        // What changes while it is read may come twice; the kernel writes the rest in order.
        guard let parsed = ProcReader.parse(line: text), parsed.start >= end else { return }
        hasLines = true
        end = parsed.end
        let line = sharingPath(parsed)
        if line.isMemory {
            hole.append(line)
            if hole.count > Self.holeLimit {
                endHole()
                below = nil
            }
            return
        }
        let fills = below.map { line.continues($0) } ?? false
        if fills, let below { for index in hole.indices { hole[index] = hole[index].moved(into: below) } }
        endHole()
        below = line
        keep(line)
    }

    mutating func finish() -> ProcessMaps {
        endHole()
        return maps
    }

    private mutating func endHole() {
        for piece in hole { keep(piece) }
        hole.removeAll(keepingCapacity: true)
    }

    private mutating func keep(_ line: MapLine) {
        guard line.isExecutable, !isCrowded || isWanted(line) else { return }
        // Wanted lines too may have paths that are long without end.
        if maps.pathBytes > 4 * ProcessMaps.pathLimit { return }
        if maps.lines.last?.path != line.path { maps.pathBytes += line.path.count }
        maps.lines.append(line)
        if maps.lines.count > ProcessMaps.lineLimit || maps.pathBytes > ProcessMaps.pathLimit {
            if !isCrowded {
                maps.lines = maps.lines.filter(isWanted)
                maps.pathBytes = maps.lines.reduce(0) { $0 + $1.path.count }
            }
            isCrowded = true
            // One line for each wanted address at the most; their paths may still be long.
            if maps.lines.count > ProcessMaps.lineLimit { maps.lines.removeLast() }
        }
    }

    private func isWanted(_ line: MapLine) -> Bool {
        let next = lowerBound(wanted.count) { wanted[$0] < line.start }
        return next < wanted.count && wanted[next] < line.end
    }

    /// Lines of one file that follow each other have one path in memory.
    private mutating func sharingPath(_ line: MapLine) -> MapLine {
        if let below, below.path == line.path {
            return MapLine(
                start: line.start, end: line.end, isExecutable: line.isExecutable, offset: line.offset,
                device: line.device, inode: line.inode, path: below.path)
        }
        return line
    }
}
