internal import CLinuxShims
internal import Synchronization

/// What became of a record that was to be written.
package enum WriteResult: Equatable, Sendable {
    case written
    /// There was no room: counted, and told by a LOST record in front of the next that fits.
    case refused
    /// Not a record: not 8…65,528 bytes, not a multiple of 8, or a header that says something else. Not counted.
    case malformed
    /// More than this ring could ever hold. Not counted.
    case tooLarge
    /// This process was forked after the writer was made: it must make one of its own. Not counted.
    case detached
}

/// The writing end of a software ring, for any number of threads and processes, and for signal handlers.
///
/// A record's *distance* is the number of bytes ever reserved before it; it only grows. Beside each eight bytes of
/// data is a commit mark (`RingMark`). A reservation is one compare-and-swap of the mark where the record begins,
/// from whatever an earlier lap left there:
///
///               published        being written                 free
///         … ────────────────┬──────────────┬──────────┬─────────────────────
///           [rec][record]   │ [record]     │ [rec]    │
///     marks  c    c         │  r           │  c       │  (an earlier lap's)      r reserved, c committed
///                           │              │          │
///                       data_head          └──────────┴─ `reserved`, a hint that trails by one record at most
///
/// * The mark tells size and owner in the same instant. Whoever finds the hint's mark taken moves the hint on; so no
///   writer waits for another, wherever that one stopped. Once the hint has passed a distance its mark is of this lap
///   or a later one: a compare-and-swap from an earlier lap's mark can only succeed at the true end.
/// * Who commits moves the head over every committed record that follows it, so it is published in order.
/// * A writer that died leaves `r` for ever. Its owner's lock is gone by then: see `RingOutput+Recovery.swift`.
///
/// Laps are compared modulo 2⁴¹ (less in rings above 8 MB, whose laps are longer). A place where no record began for
/// half of that, 4 PB through a ring of one page, would be misread.
///
/// Plain pointers: nothing here allocates, takes a lock, counts references or initializes a global. Everything it
/// reads can be written by others: arithmetic wraps, places are masked, loops end.
@safe
package struct RingOutput: @unchecked Sendable {
    let control: SharedWords
    let state: SharedWords
    let marks: SharedWords
    /// The data, for copying into; `dataWords` is the same memory.
    private let data: UnsafeMutableRawPointer
    private let dataWords: SharedWords
    /// This process's slot, 0 in a child that was forked since; nil for one who only looks.
    private let slotWord: UnsafeMutablePointer<UInt64>?
    let size: UInt64
    private let shift: UInt64
    private let lapBits: UInt64
    /// Most bytes between the end of what is free to overwrite and the end of the last reservation.
    let limit: UInt64
    private let isBackward: Bool
    private let watermark: UInt64
    /// One less than the watermark where that is a power of two, else 0: a division costs as much as a reservation.
    private let watermarkMask: UInt64
    /// Of the eventfd.
    private let wake: Int32
    /// Of the open file description whose locks are ours.
    package let lock: Int32
    private let pid: Int32

    /// The memory and both descriptors must outlive this value.
    init(_ memory: RingMemory, slotWord: UnsafeMutablePointer<UInt64>?, lock: Int32, pid: Int32) {
        control = unsafe SharedWords(memory.control)
        state = memory.state.words
        marks = unsafe SharedWords(memory.marks)
        unsafe data = unsafe memory.control + (memory.length - Int(memory.size))
        dataWords = unsafe SharedWords(data)
        unsafe self.slotWord = unsafe slotWord
        size = memory.size
        shift = UInt64(memory.size.trailingZeroBitCount)
        lapBits = min(41, 64 - min(63, shift))
        isBackward = memory.state.mode == .overwrite
        // In overwrite mode nobody waits for a reader, but a slow writer must not find its place a lap later.
        limit = isBackward ? memory.size / 8 & ~7 : memory.size
        watermark = memory.state.watermark
        watermarkMask = watermark & (watermark - 1) == 0 ? watermark - 1 : 0
        wake = memory.state.wakeDescriptor
        self.lock = lock
        self.pid = pid
    }

    @inline(__always)
    var slot: UInt64 { unsafe slotWord?.pointee ?? 0 }

    // MARK: Writing

    /// Writes one whole record; from any thread, and from a signal handler on top of another write.
    ///
    /// - Parameters:
    ///   - record: header and body; the header's size is the number of bytes.
    ///   - event: place in the ring's event table; a refusal is counted there too.
    package func write(_ record: UnsafeRawBufferPointer, event: Int = 0) -> WriteResult {
        guard let start = record.baseAddress, record.count >= 8, record.count <= 65_528, record.count & 7 == 0
        else { return .malformed }
        let header = RecordHeader(word: unsafe start.loadUnaligned(as: UInt64.self))
        guard Int(header.size) == record.count else { return .malformed }
        let bytes = UInt64(record.count)
        guard bytes <= limit else { return .tooLarge }
        let slot = self.slot
        guard slot != 0 else { return .detached }

        var lost: UInt64 = 0
        if state.relaxed(SoftwareLayout.pending) != 0 { lost = state.exchange(0, SoftwareLayout.pending) }
        if lost != 0, bytes + Self.lostSize > limit {
            // Together they would never fit, however empty the ring: the LOST record goes by itself.
            guard let distance = reserve(Self.lostSize, slot) else { return refuse(lost, event) }
            writeLost(lost, at: position(distance, Self.lostSize), bytes: Self.lostSize, event: event)
            commit(distance, Self.lostSize, slot)
            lost = 0
        }
        let total = bytes + (lost == 0 ? 0 : Self.lostSize)
        guard let distance = reserve(total, slot) else { return refuse(lost, event) }
        var place = position(distance, total)
        if lost != 0 {
            // In front of the record in the order of writing, which in a backward ring is behind it.
            writeLost(lost, at: isBackward ? place &+ bytes : place, bytes: Self.lostSize, event: event)
            if !isBackward { place &+= Self.lostSize }
        }
        unsafe copy(start, record.count, to: place)
        commit(distance, total, slot)
        return .written
    }

    /// The same for bytes that cannot dangle.
    package func write(_ record: RawSpan, event: Int = 0) -> WriteResult {
        unsafe record.withUnsafeBytes { unsafe write($0, event: event) }
    }

    /// Counts one more refused record, and what a LOST record could not be written for.
    private func refuse(_ lost: UInt64, _ event: Int) -> WriteResult {
        state.add(1, SoftwareLayout.refused)
        state.add(1, SoftwareLayout.counts + (event & 15) * SoftwareLayout.countSize + 24)
        state.add(lost &+ 1, SoftwareLayout.pending)
        return .refused
    }

    // MARK: Reserving

    /// Reserves bytes; nil where there is no room. A full ring whose head waits for a dead writer is freed first.
    package func reserve(_ bytes: UInt64, _ slot: UInt64) -> UInt64? {
        if let distance = tryReserve(bytes, slot) { return distance }
        return releaseHead(slot) ? tryReserve(bytes, slot) : nil
    }

    @inline(__always)
    private func tryReserve(_ bytes: UInt64, _ slot: UInt64) -> UInt64? {
        var mayReload = true
        // Each turn but the last means that another writer got on, or that somebody writes garbage here.
        for _ in 0..<4096 {
            let distance = state.acquire(SoftwareLayout.reserved)
            let seen = mark(at: distance)
            let age = laps(from: distance, to: seen)
            if age == 0 {
                // Taken, and its owner has not come to move the hint: everybody may.
                _ = state.replace(distance, by: distance &+ seen.bytes, SoftwareLayout.reserved)
                continue
            }
            // A later lap's mark: the hint has long moved on.
            if age > 0 { continue }
            let inUse = bytesInUse(at: distance)
            if inUse > size {
                // The reader's tail lies beyond this distance: our view is stale, else the page is garbage.
                if !mayReload { return nil }
                mayReload = false
                continue
            }
            if inUse + bytes > limit { return nil }
            let taken = RingMark(lap: lap(distance), bytes: bytes, owner: slot)
            if marks.replace(seen.raw, by: taken.raw, markOffset(distance)) {
                _ = state.replace(distance, by: distance &+ bytes, SoftwareLayout.reserved)
                // Who reads in overwrite mode what is stored from here on sees the head that allowed it, too.
                if isBackward { atomicMemoryFence(ordering: .releasing) }
                return distance
            }
        }
        return nil
    }

    /// Bytes before a distance that may not be overwritten yet; more than the ring holds where that is no number.
    @inline(__always)
    private func bytesInUse(at distance: UInt64) -> UInt64 {
        if isBackward { return distance &- head }
        // Acquire: what the reader has read is read before we write there. In this order, so that tail ≤ head.
        let tail = control.acquire(ControlPage.dataTail)
        if head &- tail > size { return .max }
        return distance &- tail
    }

    // MARK: Publishing

    /// Marks a reservation as written and publishes what can be.
    ///
    /// - Returns: false where the record was taken from this writer, whose lock was given up.
    @discardableResult
    package func commit(_ distance: UInt64, _ bytes: UInt64, _ slot: UInt64) -> Bool {
        let mine = RingMark(lap: lap(distance), bytes: bytes, owner: slot)
        guard marks.replace(mine.raw, by: mine.committed.raw, markOffset(distance)) else { return false }
        publish()
        return true
    }

    /// Moves the head over every committed record that follows it.
    ///
    /// Two writers that commit at once must not both believe that the other will publish:
    ///
    ///     A commits record 2, finds record 1 open, leaves         B commits record 1, finds record 2 open, leaves
    ///
    /// Each stores one mark and then loads the other's, and with anything less than sequential consistency both loads
    /// may come before both stores. With it one of the two comes second and sees the other's mark.
    func publish() {
        if size == 0 { return }
        // As many turns as there can be records, and some for other publishers: garbage cannot hold us for ever.
        var turns = size / 8 + 4096
        while turns > 0 {
            turns -= 1
            let raw = control.sequential(ControlPage.dataHead)
            let start = isBackward ? 0 &- raw : raw
            let seen = RingMark(raw: marks.sequential(markOffset(start)))
            let age = laps(from: start, to: seen)
            // A later lap's mark: the head has long moved on.
            if age > 0 { continue }
            if age < 0 || !seen.isCommitted || seen.bytes == 0 { return }
            let end = start &+ seen.bytes
            if control.replace(raw, by: isBackward ? 0 &- end : end, ControlPage.dataHead),
                crossesWatermark(seen.bytes, end)
            {
                // Each boundary lies between two heads that follow each other, so exactly one of us crosses it.
                pt_ring_bell(wake)
            }
        }
    }

    /// True where one of the last bytes before a distance is the first behind a multiple of the watermark.
    @inline(__always)
    private func crossesWatermark(_ bytes: UInt64, _ end: UInt64) -> Bool {
        bytes >= watermark || (watermarkMask != 0 ? end & watermarkMask : end % watermark) < bytes
    }

    // MARK: Places

    /// Bytes ever published.
    @inline(__always)
    var head: UInt64 {
        let raw = control.acquire(ControlPage.dataHead)
        return isBackward ? 0 &- raw : raw
    }

    /// What the marks call the lap of a distance; never what the marks of new memory say.
    @inline(__always)
    func lap(_ distance: UInt64) -> UInt64 { (distance &>> shift &+ 1) & (1 &<< lapBits &- 1) }

    /// Laps from the one of a distance to the one of a mark: 0 is the same, below 0 an earlier one.
    @inline(__always)
    func laps(from distance: UInt64, to mark: RingMark) -> Int64 {
        let spare = 64 &- lapBits
        return Int64(bitPattern: (mark.lap &- lap(distance)) &<< spare) &>> Int64(spare)
    }

    @inline(__always)
    func mark(at distance: UInt64) -> RingMark { RingMark(raw: marks.acquire(markOffset(distance))) }

    /// Callers make sure that there is data: `size` is not 0.
    @inline(__always)
    func markOffset(_ distance: UInt64) -> Int { Int(distance & (size &- 1) & ~7) }

    /// Where a reservation's bytes begin: behind each other, or in a backward ring in front of each other.
    @inline(__always)
    func position(_ distance: UInt64, _ bytes: UInt64) -> UInt64 { isBackward ? 0 &- (distance &+ bytes) : distance }

    // MARK: Bytes

    /// Copies a record, over the end of the ring where need be.
    @inline(__always)
    private func copy(_ source: UnsafeRawPointer, _ count: Int, to place: UInt64) {
        if isBackward {
            // Word by word: the reader copies the ring while it is written, and looks afterwards what it can keep.
            for offset in stride(from: 0, to: count, by: 8) {
                unsafe store(source.loadUnaligned(fromByteOffset: offset, as: UInt64.self), place &+ UInt64(offset))
            }
            return
        }
        let offset = Int(place & (size &- 1))
        let first = min(count, Int(size) - offset)
        unsafe (data + offset).copyMemory(from: source, byteCount: first)
        if first < count { unsafe data.copyMemory(from: source + first, byteCount: count - first) }
    }

    @inline(__always)
    private func store(_ word: UInt64, _ place: UInt64) {
        dataWords.storeRelaxed(word, Int(place & (size &- 1) & ~7))
    }

    static var lostSize: UInt64 { 56 }

    /// PERF_RECORD_LOST in `bytes` (24 at least), with the trailer of `sample_id_all` where there is room for it.
    func writeLost(_ count: UInt64, at place: UInt64, bytes: UInt64, event: Int) {
        let id = state.relaxed(SoftwareLayout.events + (event & 15) * SoftwareLayout.eventSize)
        let header = RecordHeader(type: PERF_RECORD_LOST.rawValue, misc: 0, size: UInt16(truncatingIfNeeded: bytes))
        store(header.word, place)
        store(id, place &+ 8)
        store(count, place &+ 16)
        if bytes < Self.lostSize { return }
        let trailer = place &+ bytes &- 32
        store(Self.pair(UInt32(bitPattern: pid), UInt32(bitPattern: pt_thread_id())), trailer)
        let injected = state.relaxed(SoftwareLayout.clock)
        store(injected == 0 ? pt_monotonic() : injected, trailer &+ 8)
        store(Self.pair(pt_current_cpu(), 0), trailer &+ 16)
        store(id, trailer &+ 24)
    }

    /// A record that nobody knows, where there is no room for one that says what happened.
    func writeUnknown(at place: UInt64, bytes: UInt64) {
        store(RecordHeader(type: 0, misc: 0, size: UInt16(truncatingIfNeeded: bytes)).word, place)
    }

    /// Two halves as they lie behind each other in memory.
    private static func pair(_ first: UInt32, _ second: UInt32) -> UInt64 {
        #if _endian(little)
            UInt64(second) << 32 | UInt64(first)
        #else
            UInt64(first) << 32 | UInt64(second)
        #endif
    }
}
