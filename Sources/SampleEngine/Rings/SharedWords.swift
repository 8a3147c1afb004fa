internal import Synchronization

/// Integers in memory that threads and processes share, each read and written in one piece.
///
/// Plain pointers: nothing here allocates, locks or counts references, so a signal handler may use it. Offsets are
/// bytes from the base, multiples of eight; the caller keeps them inside the mapping.
@safe
struct SharedWords: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    @inline(__always)
    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        // `Atomic<UInt64>` is laid out as the integer it holds.
        unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    func relaxed(_ offset: Int) -> UInt64 { unsafe word(offset).pointee.load(ordering: .relaxed) }
    @inline(__always)
    func acquire(_ offset: Int) -> UInt64 { unsafe word(offset).pointee.load(ordering: .acquiring) }
    @inline(__always)
    func sequential(_ offset: Int) -> UInt64 { unsafe word(offset).pointee.load(ordering: .sequentiallyConsistent) }

    @inline(__always)
    func storeRelaxed(_ value: UInt64, _ offset: Int) { unsafe word(offset).pointee.store(value, ordering: .relaxed) }
    @inline(__always)
    func storeRelease(_ value: UInt64, _ offset: Int) { unsafe word(offset).pointee.store(value, ordering: .releasing) }
    @inline(__always)
    func storeSequential(_ value: UInt64, _ offset: Int) {
        unsafe word(offset).pointee.store(value, ordering: .sequentiallyConsistent)
    }

    /// Exchanges where the word still is what it was seen to be.
    @inline(__always)
    func replace(_ seen: UInt64, by value: UInt64, _ offset: Int) -> Bool {
        unsafe word(offset).pointee.compareExchange(
            expected: seen, desired: value, ordering: .sequentiallyConsistent
        ).exchanged
    }

    @inline(__always)
    func exchange(_ value: UInt64, _ offset: Int) -> UInt64 {
        unsafe word(offset).pointee.exchange(value, ordering: .sequentiallyConsistent)
    }

    /// Adds, wrapping around; returns what it has become.
    @inline(__always)
    @discardableResult
    func add(_ value: UInt64, _ offset: Int) -> UInt64 {
        unsafe word(offset).pointee.wrappingAdd(value, ordering: .sequentiallyConsistent).newValue
    }

    // MARK: The seqlock, which is half a word

    @inline(__always)
    private func half(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always)
    func acquireHalf(_ offset: Int) -> UInt32 { unsafe half(offset).pointee.load(ordering: .acquiring) }
    @inline(__always)
    func relaxedHalf(_ offset: Int) -> UInt32 { unsafe half(offset).pointee.load(ordering: .relaxed) }
    @inline(__always)
    func storeReleaseHalf(_ value: UInt32, _ offset: Int) {
        unsafe half(offset).pointee.store(value, ordering: .releasing)
    }
    @inline(__always)
    func storeRelaxedHalf(_ value: UInt32, _ offset: Int) {
        unsafe half(offset).pointee.store(value, ordering: .relaxed)
    }
}
