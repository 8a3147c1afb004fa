internal import CLinuxShims
internal import Glibc

/// The open file description whose locks say that a writer's process lives.
///
/// A forked child has another file under its number, without any lock: else a parent that dies would be taken for alive
/// as long as one of its children lives.
private struct WriterLock: ~Copyable, Sendable {
    let number: Int32

    deinit { if number >= 0 { pt_close_lock(number) } }
}

/// One process's place among the writers of a software ring; its threads and signal handlers share it.
///
/// Owns a slot, locked for as long as this value and its process live. A child that was forked must make a writer of
/// its own: this one then says `.detached` there. Any thread may use it.
@safe
package final class RingWriter: @unchecked Sendable {
    /// For signal handlers, which must not count references; good as long as this writer lives.
    package let output: RingOutput
    private let memory: RingMemory
    private let lock: WriterLock
    private let slotWord: UnsafeMutablePointer<UInt64>

    init(_ memory: RingMemory) throws(EngineError) {
        func refusal(_ why: String) -> EngineError { EngineError(what: "writing into a software ring", why: why) }
        let lock = WriterLock(number: pt_open_lock(memory.state.memoryDescriptor))
        guard lock.number >= 0 else { throw refusal(Errno(errno).text) }
        let viewer = unsafe RingOutput(memory, slotWord: nil, lock: lock.number, pid: 0)
        let free = (1...SoftwareLayout.mostWriters).first { slot in
            guard pt_lock_byte(lock.number, SoftwareLayout.writerByte(slot)) == 0 else { return false }
            // What a dead writer left under this number must not look as if it were ours.
            if !viewer.isInUse(slot) { return true }
            _ = pt_unlock_byte(lock.number, SoftwareLayout.writerByte(slot))
            return false
        }
        guard let free else { throw refusal("it has \(SoftwareLayout.mostWriters) writers, and can have no more") }
        guard let word = unsafe pt_fork_word() else { throw refusal(Errno(errno).text) }
        unsafe word.pointee = free
        unsafe slotWord = unsafe word
        output = unsafe RingOutput(memory, slotWord: word, lock: lock.number, pid: getpid())
        self.memory = memory
        self.lock = lock
        memory.state.words.add(1, SoftwareLayout.attached)
    }

    deinit { unsafe pt_free_fork_word(slotWord) }

    /// This writer's number, 1…255; 0 in a forked child.
    package var slot: UInt64 { output.slot }

    /// Writes one whole record: see `RingOutput.write`.
    @inline(__always)
    package func write(_ record: UnsafeRawBufferPointer, event: Int = 0) -> WriteResult {
        unsafe output.write(record, event: event)
    }

    /// Writes one whole record: see `RingOutput.write`.
    @inline(__always)
    package func write(_ record: RawSpan, event: Int = 0) -> WriteResult { output.write(record, event: event) }

    /// Writes the control page's count: see `RingOutput.updatePage`.
    @discardableResult
    package func updatePage(count: UInt64, enabled: UInt64, running: UInt64) -> Bool {
        output.updatePage(count: count, enabled: enabled, running: running)
    }

    /// Adds to what an event has counted, and to its times in nanoseconds.
    package func addCounts(event: Int, value: UInt64, enabled: UInt64, running: UInt64) {
        let place = SoftwareLayout.counts + (event & 15) * SoftwareLayout.countSize
        output.state.add(value, place)
        output.state.add(enabled, place + 8)
        output.state.add(running, place + 16)
    }
}
