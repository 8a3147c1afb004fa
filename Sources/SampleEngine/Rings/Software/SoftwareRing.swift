internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// A ring in shared memory that keeps the kernel's contract; what writes into it is in user space.
///
/// `RingReader` reads it like a kernel's. Two descriptors are all there is to hand over to another process: the
/// memory and the eventfd that rings when a watermark is crossed. The memory's layout: `SoftwareLayout`. Any thread
/// may use it.
package final class SoftwareRing: Sendable {
    /// One event of those that write into the ring.
    package struct Event: Equatable, Sendable {
        /// What the event is called in each of its records.
        package var id: UInt64
        /// At most 47 bytes.
        package var name: String
        /// Weight of each sample; 0 where the sample says it.
        package var fixedPeriod: UInt64
        /// Samples per second that are asked for; 0 where it is a period.
        package var frequency: UInt64

        package init(id: UInt64, name: String, fixedPeriod: UInt64 = 0, frequency: UInt64 = 0) {
            self.id = id
            self.name = name
            self.fixedPeriod = fixedPeriod
            self.frequency = frequency
        }
    }

    /// What read(2) would say of an event: `PERF_FORMAT_TOTAL_TIME_ENABLED | _RUNNING | _ID | _LOST`.
    package struct Counts: Equatable, Sendable {
        package var value: UInt64
        /// Nanoseconds.
        package var timeEnabled: UInt64
        package var timeRunning: UInt64
        package var id: UInt64
        /// Records that were refused so far.
        package var lost: UInt64
    }

    private let state: RingState
    /// This process's one mapping, while anybody here uses it.
    private let mapped: Mutex<Shared>

    private struct Shared {
        weak var memory: RingMemory?
    }

    /// Makes a new ring; it has no size until it is mapped.
    ///
    /// - Parameters:
    ///   - watermark: bytes after which the reader is woken; nil is a page.
    ///   - events: at most 16.
    package convenience init(
        mode: RingMode = .reliable, watermark: Int? = nil, purpose: RingFigures.Purpose = .samples,
        events: [Event] = [Event(id: 1, name: "software")]
    ) throws(EngineError) {
        let watermark = watermark ?? RingSize.pageSize
        guard watermark > 0, events.count <= SoftwareLayout.mostEvents,
            events.allSatisfy({ $0.name.utf8.count <= 47 })
        else {
            throw EngineError(
                .usage, what: "software ring", why: "a watermark above 0, at most 16 events, names of 47 bytes")
        }
        let fd = unsafe pt_sealed_memory("perf-ring", Int64(SoftwareLayout.fileSize))
        if fd < 0 { throw EngineError(what: "memory for a software ring", why: Errno(errno).text) }
        let memory = Descriptor(owning: fd)
        let bell = pt_eventfd()
        if bell < 0 { throw EngineError(what: "an eventfd for a software ring", why: Errno(errno).text) }
        let wake = Descriptor(owning: bell)
        do throws(Errno) {
            try Self.describe(fd, mode: mode, watermark: UInt64(watermark), purpose: purpose, events: events)
        } catch {
            throw EngineError(what: "memory for a software ring", why: error.text)
        }
        try self.init(memory: memory, wake: wake)
    }

    /// Takes part in a ring of another process.
    ///
    /// - Throws: where the memory is not a ring's, or of another version.
    package init(memory: consuming Descriptor, wake: consuming Descriptor) throws(EngineError) {
        state = try RingState(memory: memory, wake: wake)
        mapped = Mutex(Shared())
    }

    private static func describe(
        _ fd: Int32, mode: RingMode, watermark: UInt64, purpose: RingFigures.Purpose, events: [Event]
    ) throws(Errno) {
        let length = SoftwareLayout.stateSize
        let base = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, SoftwareLayout.stateOffset)
        guard let base = unsafe base, unsafe base != MAP_FAILED else { throw Errno(errno) }
        defer { unsafe munmap(base, length) }
        let words = unsafe SharedWords(base)
        words.storeRelaxed(mode.rawValue, SoftwareLayout.mode)
        words.storeRelaxed(watermark, SoftwareLayout.watermark)
        words.storeRelaxed(purpose == .samples ? 0 : 1, SoftwareLayout.purpose)
        words.storeRelaxed(UInt64(events.count), SoftwareLayout.eventCount)
        for (number, event) in events.enumerated() {
            let place = SoftwareLayout.events + number * SoftwareLayout.eventSize
            words.storeRelaxed(event.id, place)
            words.storeRelaxed(event.fixedPeriod, place + 8)
            words.storeRelaxed(event.frequency, place + 16)
            words.storeRelaxed(UInt64(event.name.utf8.count), place + 24)
            for (index, byte) in event.name.utf8.enumerated() {
                unsafe base.storeBytes(of: byte, toByteOffset: place + 32 + index, as: UInt8.self)
            }
        }
        words.storeRelease(SoftwareLayout.magicNumber, SoftwareLayout.magic)
    }

    // MARK: Mapping

    /// Maps the ring for a reader. The first mapping of all chooses the size; a ring of another size starts empty.
    ///
    /// - Parameters:
    ///   - length: bytes: 1 + N pages, N a power of two or 0.
    ///   - offset: bytes; 0.
    package func map(length: Int, offset: Int64 = 0) throws(RingSizeError) -> RingMapping {
        let pages = try RingSize.pages(length: length, offset: offset)
        return RingMapping(sharing: try memory(pages: pages), mode: state.mode)
    }

    /// Maps the ring for a reader, by its number of data pages.
    package func map(pages: Int) throws(RingSizeError) -> RingMapping {
        try map(length: RingSize.length(pages: pages))
    }

    private func memory(pages: Int) throws(RingSizeError) -> RingMemory {
        try mapped.withLock { shared throws(RingSizeError) in
            if let present = shared.memory {
                if present.pages == pages { return present }
                throw .mappedOtherwise(length: (1 + pages) * RingSize.pageSize, nearest: present.length)
            }
            let made = try RingMemory(state, pages: pages)
            shared.memory = made
            return made
        }
    }

    /// Makes a writer; the ring keeps its size as long as it lives.
    ///
    /// - Throws: where the ring has no size yet, because nobody ever mapped it; or 255 writers already.
    package func writer() throws(EngineError) -> RingWriter {
        guard let pages = state.pages else {
            throw EngineError(what: "writing into a software ring", why: "it has no size before it is mapped")
        }
        let memory: RingMemory
        do throws(RingSizeError) {
            memory = try self.memory(pages: pages)
        } catch {
            let why = if case .refused(let errno) = error { errno.text } else { "it was given another size just now" }
            throw EngineError(what: "writing into a software ring", why: why)
        }
        return try RingWriter(memory)
    }

    /// Publishes what dead writers left behind; the reading side calls it at each refresh.
    ///
    /// A few loads where nobody died.
    package func recover() {
        guard let memory = mapped.withLock({ $0.memory }) else { return }
        let viewer = memory.viewer
        viewer.publish()
        let isStuck = viewer.stuckRecord().map { !viewer.isAlive($0.mark.owner) } ?? false
        guard isStuck || viewer.pageIsAbandoned, let writer = try? RingWriter(memory) else { return }
        _ = writer.output.releaseHead(writer.slot)
        writer.output.recoverPage(writer.slot)
    }

    // MARK: What it says of itself

    /// Who gives way when the ring is full.
    package var mode: RingMode { state.mode }
    /// What the ring carries.
    package var purpose: RingFigures.Purpose { state.purpose }
    /// Good as long as this value lives; to be handed over, not to be kept.
    package var memoryDescriptor: Int32 { state.memoryDescriptor }
    /// Readable once a watermark was crossed; good as long as this value lives.
    package var wakeDescriptor: Int32 { state.wakeDescriptor }
    /// Data pages; nil while no size was chosen.
    package var pages: Int? { state.pages }

    /// Records that were refused so far.
    package var refused: UInt64 { state.words.relaxed(SoftwareLayout.refused) }
    /// Refused records that no LOST record has told of yet.
    package var untold: UInt64 { state.words.relaxed(SoftwareLayout.pending) }
    /// Records of dead writers that were passed over.
    package var skipped: UInt64 { state.words.relaxed(SoftwareLayout.skipped) }

    /// Somebody has written here, or could have, and nobody is left who could: a writer that died does not count.
    package var isAbandoned: Bool {
        state.words.acquire(SoftwareLayout.attached) > 0
            && pt_is_any_byte_held(
                memoryDescriptor, SoftwareLayout.writerByte(1), Int64(SoftwareLayout.mostWriters)) == 0
    }

    /// The events that write here.
    package var events: [Event] {
        (0..<state.eventCount).map { number in
            let place = SoftwareLayout.events + number * SoftwareLayout.eventSize
            let length = Int(min(47, state.words.relaxed(place + 24)))
            let name = unsafe state.withBytes(place + 32..<place + 32 + length) { bytes in
                unsafe String(decoding: bytes, as: UTF8.self)
            }
            return Event(
                id: state.words.relaxed(place), name: name, fixedPeriod: state.words.relaxed(place + 8),
                frequency: state.words.relaxed(place + 16))
        }
    }

    /// What an event has counted so far; nil where there is no such event.
    package func counts(of event: Int) -> Counts? {
        guard event >= 0, event < state.eventCount else { return nil }
        let place = SoftwareLayout.counts + event * SoftwareLayout.countSize
        return Counts(
            value: state.words.relaxed(place), timeEnabled: state.words.relaxed(place + 8),
            timeRunning: state.words.relaxed(place + 16),
            id: state.words.relaxed(SoftwareLayout.events + event * SoftwareLayout.eventSize),
            lost: state.words.relaxed(place + 24))
    }

    /// What the reading side shall take for now; nil is the real clock. Never `forever`: whoever waits for that waits on, whatever
    /// a writer says.
    package var injectedClock: Instant? {
        let injected = state.words.acquire(SoftwareLayout.clock)
        return injected == 0 ? nil : Instant(nanoseconds: min(injected, .max - 1))
    }

    /// Injects a time and wakes the reader; 0 is the real clock again.
    package func setClock(_ nanoseconds: UInt64) {
        state.words.storeRelease(nanoseconds, SoftwareLayout.clock)
        pt_ring_bell(state.wakeDescriptor)
    }
}
