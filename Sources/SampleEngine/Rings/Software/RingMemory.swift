internal import CLinuxShims
internal import Glibc

/// The state of a software ring as this process has it mapped, with the two descriptors that make up the ring.
@safe
final class RingState: @unchecked Sendable {
    private let memory: Descriptor
    private let wake: Descriptor
    private let base: UnsafeMutableRawPointer
    let words: SharedWords
    /// Read once: what another process makes of these words later is of no interest.
    let mode: RingMode
    let purpose: RingFigures.Purpose
    let watermark: UInt64
    let eventCount: Int

    var memoryDescriptor: Int32 { memory.number }
    var wakeDescriptor: Int32 { wake.number }

    /// Maps the state and believes nothing in it unseen.
    init(memory: consuming Descriptor, wake: consuming Descriptor) throws(EngineError) {
        func refusal(_ why: String) -> EngineError { EngineError(what: "software ring", why: why) }
        // Without the seal whoever holds the descriptor could cut the file short and have us fault.
        guard pt_file_size(memory.number) == Int64(SoftwareLayout.fileSize), pt_cannot_shrink(memory.number) != 0 else {
            throw refusal("not the memory of a ring: wrong size, or not sealed")
        }
        guard pt_never_waits(wake.number) != 0 else {
            throw refusal("the descriptor to wake is none, or could make a writer wait")
        }
        let address = unsafe mmap(
            nil, SoftwareLayout.stateSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory.number,
            SoftwareLayout.stateOffset)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { throw refusal(Errno(errno).text) }
        unsafe base = address
        words = unsafe SharedWords(address)
        self.memory = memory
        self.wake = wake
        mode = RingMode(rawValue: words.relaxed(SoftwareLayout.mode)) ?? .reliable
        purpose = words.relaxed(SoftwareLayout.purpose) == 0 ? .samples : .sideBand
        watermark = max(1, words.relaxed(SoftwareLayout.watermark))
        eventCount = Int(min(words.relaxed(SoftwareLayout.eventCount), UInt64(SoftwareLayout.mostEvents)))
        // The lowest byte is the version.
        let magic = words.acquire(SoftwareLayout.magic)
        guard magic >> 8 == SoftwareLayout.magicNumber >> 8 else {
            throw refusal("its memory does not say that it is one")
        }
        guard magic == SoftwareLayout.magicNumber else {
            throw refusal("version \(magic & 0xff) of its memory; this is version \(SoftwareLayout.magicNumber & 0xff)")
        }
        guard RingMode(rawValue: words.relaxed(SoftwareLayout.mode)) == mode,
            words.relaxed(SoftwareLayout.purpose) <= 1, words.relaxed(SoftwareLayout.watermark) == watermark,
            words.relaxed(SoftwareLayout.eventCount) == UInt64(eventCount), pages != nil || sizeWord == 0
        else { throw refusal("its memory holds what no ring has") }
    }

    deinit { unsafe munmap(base, SoftwareLayout.stateSize) }

    var sizeWord: UInt64 { words.acquire(SoftwareLayout.sizeWord) }

    /// Data pages of the size that was chosen; nil while none was, or where the word says nonsense.
    var pages: Int? {
        let word = sizeWord
        guard word > 0, word <= UInt64(RingSize.mostPages) + 1 else { return nil }
        let pages = Int(word) - 1
        return pages & (pages - 1) == 0 ? pages : nil
    }

    /// Calls back with the bytes of one event's name.
    func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }
}

/// A software ring's pages and marks as this process has them mapped, for all its readers and writers together.
///
/// As long as it lives it shares the lock on the byte that stands for "mapped"; whoever gets that lock alone knows
/// that nobody has the ring mapped, and may choose another size. Locks, not a counter in the state: a process that
/// dies gives back its locks, but never the one it added to a counter.
@safe
final class RingMemory: @unchecked Sendable {
    let state: RingState
    let control: UnsafeMutableRawPointer
    let marks: UnsafeMutableRawPointer
    let length: Int
    let pages: Int
    let size: UInt64
    private let hold: Descriptor

    /// - Parameter pages: a legal number.
    init(_ state: RingState, pages: Int) throws(RingSizeError) {
        let pageSize = RingSize.pageSize
        length = (1 + pages) * pageSize
        self.pages = pages
        size = UInt64(pages * pageSize)
        self.state = state
        let hold = Descriptor(owning: pt_reopen(state.memoryDescriptor))
        guard hold.number >= 0 else { throw .refused(Errno(errno)) }
        try Self.share(hold.number, state, pages: pages)
        let fd = state.memoryDescriptor
        let control = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        guard let control = unsafe control, unsafe control != MAP_FAILED else { throw .refused(Errno(errno)) }
        // A ring without data has no marks; nobody looks at them, but the pointer points to something.
        let marksLength = max(pageSize, Int(size))
        let marks = unsafe mmap(
            nil, marksLength, PROT_READ | PROT_WRITE, MAP_SHARED, fd, SoftwareLayout.marksOffset)
        guard let marks = unsafe marks, unsafe marks != MAP_FAILED else {
            let why = Errno(errno)
            unsafe munmap(control, length)
            throw .refused(why)
        }
        unsafe self.control = control
        unsafe self.marks = marks
        self.hold = hold
    }

    deinit {
        unsafe munmap(control, length)
        unsafe munmap(marks, max(RingSize.pageSize, Int(size)))
    }

    /// One who looks and asks, but owns nothing.
    var viewer: RingOutput { unsafe RingOutput(self, slotWord: nil, lock: hold.number, pid: 0) }

    /// Takes part in the lock of all who have the ring mapped; the first one chooses the size.
    private static func share(_ fd: Int32, _ state: RingState, pages: Int) throws(RingSizeError) {
        if pt_lock_byte(fd, SoftwareLayout.mappedByte) == 0, state.sizeWord != UInt64(pages) + 1 {
            do throws(Errno) { try choose(pages, state) } catch { throw .refused(error) }
        }
        // Whoever has the lock alone keeps it for a few system calls; one who keeps it longer means us ill.
        var turns = 10_000
        while pt_share_byte(fd, SoftwareLayout.mappedByte) != 0 {
            turns -= 1
            if turns == 0 || errno != EAGAIN && errno != EACCES { throw .refused(Errno(errno)) }
            sched_yield()
        }
        guard let present = state.pages else { throw .refused(.invalid) }
        let pageSize = RingSize.pageSize
        guard present == pages else {
            throw .mappedOtherwise(length: (1 + pages) * pageSize, nearest: (1 + present) * pageSize)
        }
    }

    /// Empties the ring and gives it a size; nobody has it mapped.
    private static func choose(_ pages: Int, _ state: RingState) throws(Errno) {
        let fd = state.memoryDescriptor
        let pageSize = RingSize.pageSize
        // Should we die here, the ring has no size, and the next one starts again.
        state.words.storeSequential(0, SoftwareLayout.sizeWord)
        _ = try systemCall { pt_clear(fd, 0, Int64(SoftwareLayout.stateOffset)) }
        _ = try systemCall {
            pt_clear(fd, Int64(SoftwareLayout.marksOffset), Int64(SoftwareLayout.fileSize - SoftwareLayout.marksOffset))
        }
        state.words.storeRelaxed(0, SoftwareLayout.attached)
        state.words.storeRelaxed(0, SoftwareLayout.reserved)
        state.words.storeRelaxed(0, SoftwareLayout.pageHolder)
        state.words.storeRelaxed(0, SoftwareLayout.pageTicket)
        for offer in 0..<SoftwareLayout.offerCount {
            state.words.storeRelaxed(0, SoftwareLayout.offers + offer * SoftwareLayout.offerSize)
        }
        // What the kernel writes into a new page: data_offset, data_size, size, and that bit 0 means nothing.
        let page = unsafe mmap(nil, pageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else { throw Errno(errno) }
        let words = unsafe SharedWords(page)
        words.storeRelaxed(2, ControlPage.capabilities)
        words.storeRelaxedHalf(UInt32(PT_USER_PAGE_BYTES), ControlPage.size)
        words.storeRelaxed(UInt64(pageSize), ControlPage.dataOffset)
        words.storeRelease(UInt64(pages * pageSize), ControlPage.dataSize)
        unsafe munmap(page, pageSize)
        state.words.storeSequential(UInt64(pages) + 1, SoftwareLayout.sizeWord)
    }
}
