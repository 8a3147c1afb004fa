internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// How a ring's size was refused.
package enum RingSizeError: Error, Equatable, Sendable {
    /// Data pages must be a power of two, or 0; the nearest legal number is told.
    case notPowerOfTwo(pages: Int, nearest: Int)
    /// The kernel or the memory limit refused the mapping.
    case refused(Errno)
}

/// Owns one mapped ring: a control page, then data pages.
///
///     | control page: … data_head (1024) data_tail (1032) … | data page 0 | … | data page 2ⁿ−1 |
///
/// The head is a byte count that only grows; its place in the data is `head & (size − 1)`. Layout and rules:
/// perf_event_open(2), "MMAP layout". Used by one thread at a time.
@safe
package struct RingMapping: ~Copyable, @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let length: Int
    /// Bytes of data: a power of two, or 0 for a control page alone.
    package let size: UInt64
    package let pages: Int

    /// Maps the ring of an open event, or of a software ring's memory.
    ///
    /// - Parameter pages: data pages; a power of two or 0.
    package init(fd: Int32, pages: Int) throws(RingSizeError) {
        guard pages >= 0, pages <= 1 << 20, pages & (pages - 1) == 0 else {
            throw .notPowerOfTwo(pages: pages, nearest: Self.nearestLegal(pages))
        }
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        let length = (1 + pages) * pageSize
        // Written by us too (data_tail): the kernel then keeps what we have not read and counts what it must refuse.
        let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { throw .refused(Errno(errno)) }
        unsafe base = address
        self.length = length
        self.pages = pages
        size = UInt64(pages * pageSize)
    }

    /// The power of two that is closest; of two that are equally close the larger.
    private static func nearestLegal(_ pages: Int) -> Int {
        let above = min(max(pages, 1), 1 << 20).nextPowerOfTwo
        return pages > 0 && pages - above / 2 < above - pages ? above / 2 : above
    }

    deinit { unsafe munmap(base, length) }

    /// Bytes ever written: acquire, so that the records before it are visible.
    @inline(__always)
    package func loadHead() -> UInt64 { unsafe word(1024).pointee.load(ordering: .acquiring) }

    /// Bytes ever read. Only we write it, so no order is needed.
    package func loadTail() -> UInt64 { unsafe word(1032).pointee.load(ordering: .relaxed) }

    /// Gives space back to the writer: release, so that it is not overwritten before it was read.
    package func storeTail(_ position: UInt64) { unsafe word(1032).pointee.store(position, ordering: .releasing) }

    /// Calls back with the data pages.
    @inline(__always)
    package func withData<Result>(_ body: (RawSpan) -> Result) -> Result {
        let data = unsafe UnsafeRawBufferPointer(start: base + (length - Int(size)), count: Int(size))
        return unsafe body(data.bytes)
    }

    /// A shared word of the control page. `Atomic<UInt64>` is laid out as the integer it holds.
    @inline(__always)
    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}
