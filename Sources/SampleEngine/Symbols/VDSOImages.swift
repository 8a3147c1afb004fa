internal import CLinuxShims
internal import Glibc

/// The kernel's own code pages, as processes have them mapped.
struct VDSOImages: ~Copyable {
    private var known: ImageSymbols??
    private let proc: String

    init(proc: String) { self.proc = proc }

    /// Ours, and so every 64-bit process's.
    mutating func own() -> ImageSymbols? {
        if known == nil { known = .some(ImageSymbols.vdso()) }
        return known ?? nil
    }

    /// That of a process of another kind. Read anew for each: a process can write over its own pages, and has nothing to say of
    /// others'.
    func image(of task: Int32, at range: Range<UInt64>) -> ImageSymbols? {
        ImageSymbols.vdso(in: "\(proc)/\(task)/mem", at: range)
    }
}

extension ImageSymbols {
    /// The page as a process has it, read through its memory; nil without the right to.
    fileprivate static func vdso(in memory: String, at range: Range<UInt64>) -> ImageSymbols? {
        let size = range.upperBound - range.lowerBound
        guard size <= 1 << 20, let number = try? systemCall(raising: .processes, { unsafe pt_open(memory, O_RDONLY) })
        else { return nil }
        let memory = Descriptor(owning: number)
        guard let bytes = try? memory.bytes(at: range.lowerBound, count: Int(size)),
            let fd = try? systemCall({ unsafe pt_memfd("vdso") })
        else { return nil }
        let file = Descriptor(owning: fd)
        guard unsafe write(fd, bytes, bytes.count) == bytes.count else { return nil }
        return try? ImageSymbols(reading: file)
    }
}

extension ImageSymbols {
    /// The kernel's own code page, as mapped into this process: the same in all processes of our architecture.
    package static func vdso() -> ImageSymbols? {
        let address = UInt(pt_vdso())
        guard address != 0, let start = unsafe UnsafeRawPointer(bitPattern: address) else { return nil }
        // It has one to four pages; where fewer are mapped, the kernel writes just these.
        let page = sysconf(Int32(_SC_PAGESIZE))
        guard let fd = try? systemCall({ unsafe pt_memfd("vdso") }) else { return nil }
        let file = Descriptor(owning: fd)
        let written = unsafe write(fd, start, 4 * page)
        guard written >= page else { return nil }
        return try? ImageSymbols(reading: file)
    }
}
