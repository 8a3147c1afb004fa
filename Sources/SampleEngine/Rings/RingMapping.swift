internal import CLinuxShims
internal import Glibc

/// Owns one mapped ring: a control page, then data pages.
///
///     | control page: … data_head (1024) data_tail (1032) … | data page 0 | … | data page 2ⁿ−1 |
///
/// The head is a byte count that only grows; its place in the data is `head & (size − 1)`. In overwrite mode it only
/// shrinks, from 0. Layout and rules: perf_event_open(2), "MMAP layout". Used by one thread at a time.
@safe
package struct RingMapping: ~Copyable, @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let length: Int
    /// Bytes of data: a power of two, or 0 for a control page alone.
    package let size: UInt64
    /// Data pages, without the control page.
    package let pages: Int
    /// Who gives way when the ring is full.
    package let mode: RingMode
    /// What the mapping is a view of, where it is not its own; nil for a kernel's ring.
    private let memory: RingMemory?

    /// Maps the ring of an open event, or of a software ring's memory.
    ///
    /// - Parameter pages: data pages; a power of two or 0.
    package init(fd: Int32, pages: Int, mode: RingMode = .reliable) throws(RingSizeError) {
        try self.init(fd: fd, length: RingSize.length(pages: pages), mode: mode)
    }

    /// Maps the ring of an open event as mmap(2) would, but refuses a length that the kernel would round up.
    ///
    /// - Parameters:
    ///   - length: bytes: 1 + N pages, N a power of two or 0.
    ///   - offset: bytes; 0.
    ///   - mode: how the ring is written; to the kernel a mapping that cannot be written is an overwrite ring.
    package init(fd: Int32, length: Int, offset: Int64 = 0, mode: RingMode = .reliable) throws(RingSizeError) {
        _ = try RingSize.pages(length: length, offset: offset)
        do throws(Errno) {
            try self.init(fd: fd, legalLength: length, mode: mode)
        } catch {
            throw .refused(error)
        }
    }

    private init(fd: Int32, legalLength length: Int, mode: RingMode) throws(Errno) {
        let pageSize = RingSize.pageSize
        // Written by us too (data_tail): the kernel then keeps what we have not read and counts what it must refuse.
        let protection = mode == .reliable ? PROT_READ | PROT_WRITE : PROT_READ
        let address = unsafe Rights.raising(.ringMemory) {
            unsafe mmap(nil, length, protection, MAP_SHARED, fd, 0)
        }
        guard let address = unsafe address, unsafe address != MAP_FAILED else { throw Errno(errno) }
        unsafe base = address
        self.length = length
        self.mode = mode
        size = UInt64(length - pageSize)
        pages = length / pageSize - 1
        memory = nil
    }

    /// A view of memory that this process has mapped already: reader and writers then use the same addresses, which
    /// spares a mapping, and lets the thread sanitizer see both ends of the ring.
    init(sharing memory: RingMemory, mode: RingMode) {
        unsafe base = memory.control
        length = memory.length
        size = memory.size
        pages = memory.pages
        self.mode = mode
        self.memory = memory
    }

    deinit { if memory == nil { unsafe munmap(base, length) } }

    /// The head as it stands in the control page: acquire, so that the records before it are visible.
    @inline(__always)
    package func loadHead() -> UInt64 { controlWords.acquire(ControlPage.dataHead) }

    /// Bytes ever read. Only we write it, so no order is needed.
    package func loadTail() -> UInt64 { controlWords.relaxed(ControlPage.dataTail) }

    /// Gives space back to the writer: release, so that it is not overwritten before it was read.
    ///
    /// Of no effect in overwrite mode: nobody waits for the reader there, and the page cannot be written.
    package func storeTail(_ position: UInt64) {
        if mode == .overwrite { return }
        controlWords.storeRelease(position, ControlPage.dataTail)
    }

    /// Calls back with the data pages.
    @inline(__always)
    package func withData<Result>(_ body: (RawSpan) -> Result) -> Result {
        let data = unsafe UnsafeRawBufferPointer(start: base + (length - Int(size)), count: Int(size))
        return unsafe body(data.bytes)
    }

    /// True where the ring is a software ring of this process, whose page says all there is to say.
    var isSoftware: Bool { memory != nil }

    /// The control page's words.
    @inline(__always)
    var controlWords: SharedWords { unsafe SharedWords(base) }
    /// The data's words, from the first byte of data on.
    var dataWords: SharedWords { unsafe SharedWords(base + (length - Int(size))) }
}
