/// One line of `/proc/PID/maps` (proc(5)).
package struct MapLine: Equatable, Sendable {
    package let start: UInt64
    package let end: UInt64
    package let isExecutable: Bool
    package let offset: UInt64
    /// As in an MMAP2 record: major number in the low half, minor in the high half.
    package let device: UInt64
    package let inode: UInt64
    /// The rest of the line: a path as the kernel escapes it, a name in brackets, or nothing.
    package let path: [UInt8]
    /// The mapping by which the file can be opened: the line's own, or a neighbour's.
    package let witness: Range<UInt64>
    /// Memory at the place of a file's own code, see `moved(into:)`.
    package var isMoved: Bool { witness.lowerBound != start }

    package init(
        start: UInt64, end: UInt64, isExecutable: Bool = true, offset: UInt64, device: UInt64, inode: UInt64,
        path: [UInt8], witness: Range<UInt64>? = nil
    ) {
        self.start = start
        self.end = end
        self.isExecutable = isExecutable
        self.offset = offset
        self.device = device
        self.inode = inode
        self.path = path
        self.witness = witness ?? start..<end
    }
}

extension MapLine {
    /// Memory of the process itself, whatever the kernel calls it.
    var isMemory: Bool {
        if path.isEmpty { return true }
        return ["[heap]", "[stack", "[anon", "//anon", "/dev/zero", "/anon_hugepage", "/SYSV"]
            .contains { path.starts(with: $0.utf8) }
    }

    /// `0x1000-0x2000 at offset 0x500 of /bin/true`
    var summary: String {
        let name = path.isEmpty ? "memory without a name" : displayText(path)
        return "\(hex(start))-\(hex(end)) at offset \(hex(offset)) of \(name)"
    }

    /// Whether it maps the file of a line below it with the same distance of address and offset.
    func continues(_ below: MapLine) -> Bool {
        below.inode != 0 && below.inode == inode && below.device == device && below.path == path
            && below.start &- below.offset == start &- offset
    }

    /// Memory that lies in a hole of a file's mapping made a line of that file: programs copy their own text into larger
    /// pages, at its place.
    ///
    ///     ┌─ node, offset 0x1000 ─┐┌─── memory ───┐┌─ node, offset 0x9000 ─┐
    ///     0x401000                0x404000        0x409000                       one distance of address and offset
    func moved(into below: MapLine) -> MapLine {
        MapLine(
            start: start, end: end, isExecutable: isExecutable, offset: start &- below.start &+ below.offset,
            device: below.device, inode: below.inode, path: below.path, witness: below.start..<below.end)
    }
}
