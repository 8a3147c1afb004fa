internal import CLinuxShims
internal import Glibc
package import SampleEngine
internal import Synchronization

/// Memory laid out as a kernel ring, so that the real `RingMapping` and `RingReader` read it.
///
///     | control page: … data_head (1024) data_tail (1032) … | data pages |
package final class TestRing: Sendable {
    package let fd: Int32
    package let pages: Int
    package let writer: RingWriter
    private let length: Int

    package init(pages: Int) {
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        fd = unsafe pt_memfd("test-ring")
        length = (1 + pages) * pageSize
        let status = ftruncate(fd, length)
        let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        guard status == 0, let base = unsafe address, unsafe base != MAP_FAILED else {
            fatalError("no memory for a test ring")
        }
        self.pages = pages
        writer = unsafe RingWriter(control: base, data: base + pageSize, size: UInt64(pages * pageSize))
    }

    deinit {
        unsafe munmap(writer.control, length)
        close(fd)
    }

    /// A reader over this memory, through the real mapping code.
    package func reader() throws -> RingReader { RingReader(try RingMapping(fd: fd, pages: pages)) }
}

/// The kernel's end of a ring: reserves, writes, then publishes the head; refuses what does not fit.
@safe
package struct RingWriter: @unchecked Sendable {
    fileprivate let control: UnsafeMutableRawPointer
    fileprivate let data: UnsafeMutableRawPointer
    package let size: UInt64

    fileprivate init(control: UnsafeMutableRawPointer, data: UnsafeMutableRawPointer, size: UInt64) {
        unsafe self.control = unsafe control
        unsafe self.data = unsafe data
        self.size = size
    }

    /// Writes through the very addresses the reader reads, as the thread sanitizer needs to see it.
    ///
    /// The mapping must outlive the writer.
    package init(sharing mapping: borrowing RingMapping) {
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        let data = unsafe mapping.withData { bytes in
            unsafe bytes.withUnsafeBytes { unsafe UnsafeMutableRawPointer(mutating: $0.baseAddress!) }
        }
        unsafe self.init(control: data - pageSize, data: data, size: mapping.size)
    }

    /// Puts a record behind the head; false where the reader has not made room.
    @discardableResult
    package func append(_ record: [UInt8]) -> Bool {
        let head = self.head
        if head &+ UInt64(record.count) &- tail > size { return false }
        write(record, at: head)
        unsafe shared(1024).pointee.store(head &+ UInt64(record.count), ordering: .releasing)
        return true
    }

    /// Puts bytes at a position, crossing the end of the ring where need be; publishes nothing.
    package func write(_ bytes: [UInt8], at position: UInt64) {
        let offset = Int(position & (size - 1))
        let first = min(bytes.count, Int(size) - offset)
        unsafe bytes.withUnsafeBytes { source in
            unsafe (data + offset).copyMemory(from: source.baseAddress!, byteCount: first)
            unsafe data.copyMemory(from: source.baseAddress! + first, byteCount: source.count - first)
        }
    }

    package var head: UInt64 {
        get { unsafe shared(1024).pointee.load(ordering: .relaxed) }
        nonmutating set { unsafe shared(1024).pointee.store(newValue, ordering: .releasing) }
    }

    package var tail: UInt64 {
        get { unsafe shared(1032).pointee.load(ordering: .acquiring) }
        nonmutating set { unsafe shared(1032).pointee.store(newValue, ordering: .releasing) }
    }

    /// Starts an empty ring at a position, as if that much had gone through it already.
    package func startAt(_ position: UInt64) {
        head = position
        tail = position
    }

    private func shared(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (control + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}

extension RingReader {
    /// One whole pass: every record's bytes.
    package mutating func readPass() -> [[UInt8]] {
        beginPass()
        var records: [[UInt8]] = []
        while let record = next({ _, bytes in bytes.array }) { records.append(record) }
        endPass()
        return records
    }
}

extension RawSpan {
    package var array: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}
