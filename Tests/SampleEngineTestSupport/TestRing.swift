internal import CLinuxShims
internal import Glibc
package import SampleEngine
internal import Synchronization

/// A software ring of a known size with a writer, and beside it bare hands in its memory.
package final class TestRing: Sendable {
    package let software: SoftwareRing
    package let pages: Int
    package let writer: RingWriter
    /// For what no writer would do.
    package let poke: RingPoke

    package init(
        pages: Int, mode: RingMode = .reliable, watermark: Int? = nil, purpose: RingFigures.Purpose = .samples,
        events: [SoftwareRing.Event] = [.init(id: 1, name: "software")]
    ) {
        do {
            software = try SoftwareRing(mode: mode, watermark: watermark, purpose: purpose, events: events)
            // The first mapping chooses the size; from then on the writer holds it.
            let mapping = try software.map(pages: pages)
            writer = try software.writer()
            self.pages = pages
            poke = RingPoke(software.memoryDescriptor, pages: pages, isBackward: mode == .overwrite)
            _ = mapping.size
        } catch {
            fatalError("no memory for a test ring: \(error)")
        }
    }

    deinit { poke.unmap() }

    package var fd: Int32 { software.memoryDescriptor }

    /// A reader over this memory, through the real mapping code.
    package func reader() throws -> RingReader { RingReader(try software.map(pages: pages)) }

    /// Waits until nobody holds a byte's lock.
    ///
    /// A lock that was given up may be held a moment longer by another test's child process, between its fork and its
    /// exec.
    package static func waitUntilFree(_ byte: Int64, of ring: SoftwareRing) -> Bool {
        let deadline = Instant.now.advanced(byNanoseconds: 10_000_000_000)
        while pt_is_byte_held(ring.memoryDescriptor, byte) != 0 {
            if Instant.now > deadline { return false }
            pauseThread()
        }
        return true
    }

    /// Writes a record as any writer would.
    @discardableResult
    package func write(_ record: [UInt8]) -> WriteResult { unsafe writer.write(record.span.bytes) }
}

/// Reads and writes the words and bytes of a software ring's memory, without any rule.
///
/// Through a mapping of its own: nothing of the code under test is used but the places in `SoftwareLayout`.
@safe
package struct RingPoke: @unchecked Sendable {
    private let control: UnsafeMutableRawPointer
    private let state: UnsafeMutableRawPointer
    private let marks: UnsafeMutableRawPointer
    private let pageSize: Int
    private let isBackward: Bool
    package let size: UInt64

    fileprivate init(_ fd: Int32, pages: Int, isBackward: Bool) {
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        func map(_ offset: Int, _ length: Int) -> UnsafeMutableRawPointer {
            let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset)
            guard let base = unsafe address, unsafe base != MAP_FAILED else { fatalError("no memory for a test ring") }
            return unsafe base
        }
        unsafe control = map(0, (1 + pages) * pageSize)
        unsafe state = map(SoftwareLayout.stateOffset, SoftwareLayout.stateSize)
        unsafe marks = map(SoftwareLayout.marksOffset, max(1, pages) * pageSize)
        self.pageSize = pageSize
        self.isBackward = isBackward
        size = UInt64(pages * pageSize)
    }

    fileprivate func unmap() {
        unsafe munmap(control, pageSize + Int(size))
        unsafe munmap(state, SoftwareLayout.stateSize)
        unsafe munmap(marks, max(pageSize, Int(size)))
    }

    /// Puts bytes behind the head as if they were a record; false where the reader has not made room.
    @discardableResult
    package func append(_ record: [UInt8]) -> Bool {
        let head = self.head
        if head &+ UInt64(record.count) &- tail > size { return false }
        write(record, at: head)
        self.head = head &+ UInt64(record.count)
        return true
    }

    /// Puts bytes at a position, crossing the end of the ring where need be; publishes nothing.
    package func write(_ bytes: [UInt8], at position: UInt64) {
        let offset = Int(position & (size - 1))
        let first = min(bytes.count, Int(size) - offset)
        let data = unsafe control + pageSize
        unsafe bytes.withUnsafeBytes { source in
            unsafe (data + offset).copyMemory(from: source.baseAddress!, byteCount: first)
            unsafe data.copyMemory(from: source.baseAddress! + first, byteCount: source.count - first)
        }
    }

    package var head: UInt64 {
        get { controlWord(ControlPage.dataHead) }
        nonmutating set { setControlWord(ControlPage.dataHead, newValue) }
    }

    package var tail: UInt64 {
        get { controlWord(ControlPage.dataTail) }
        nonmutating set { setControlWord(ControlPage.dataTail, newValue) }
    }

    /// Starts an empty ring at a distance, as if that much had gone through it already.
    package func startAt(_ distance: UInt64) {
        head = isBackward ? 0 &- distance : distance
        tail = distance
        setStateWord(SoftwareLayout.reserved, distance)
        if size == 0 { return }
        for index in 0..<size / 8 {
            // Each mark as the lap before would have left it; a lap is told modulo 2⁴¹, less in large rings.
            let isBehind = index * 8 < distance & (size - 1)
            let shift = UInt64(size.trailingZeroBitCount)
            let lap = (distance >> shift) &+ (isBehind ? 1 : 0)
            setMark(Int(index), RingMark(lap: lap & (1 << min(41, 64 - shift) - 1), bytes: 8, owner: 1).committed.raw)
        }
    }

    package func controlWord(_ offset: Int) -> UInt64 {
        unsafe Self.word(control, offset).pointee.load(ordering: .acquiring)
    }
    package func setControlWord(_ offset: Int, _ value: UInt64) {
        unsafe Self.word(control, offset).pointee.store(value, ordering: .releasing)
    }
    package func setSequence(_ value: UInt32) {
        unsafe (control + ControlPage.lock).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
            .store(value, ordering: .releasing)
    }
    package func stateWord(_ offset: Int) -> UInt64 {
        unsafe Self.word(state, offset).pointee.load(ordering: .acquiring)
    }
    package func setStateWord(_ offset: Int, _ value: UInt64) {
        unsafe Self.word(state, offset).pointee.store(value, ordering: .releasing)
    }
    package func setMark(_ index: Int, _ value: UInt64) {
        unsafe Self.word(marks, index * 8).pointee.store(value, ordering: .releasing)
    }

    private static func word(_ base: UnsafeMutableRawPointer, _ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
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
